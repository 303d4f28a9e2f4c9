import json
from datetime import datetime, timezone

from layer.release.bill import bill_of, validate
from layer.release.components import Component, Source
from layer.release.conditions import Commit

COMMIT = Commit(
    version="1.2.3",
    commit="ab" * 20,
    moment=datetime(2026, 11, 30, tzinfo=timezone.utc),
    source="https://git.example/a/b",
)
OPENSSL = Component(
    name="OpenSSL",
    version="3.5.4-1",
    licence="Apache-2.0",
    purl="pkg:deb/debian/openssl@3.5.4-1",
    source=Source(file="openssl.dsc", sha256="cd" * 32),
    cpe="cpe:2.3:a:openssl:openssl:3.5.4:*:*:*:*:*:*:*",
)
PYTHON = Component(
    name="CPython",
    version="3.13.5-2",
    licence="PSF-2.0",
    purl="pkg:deb/debian/python3.13@3.13.5-2",
    source=Source(file="python.dsc", sha256="ef" * 32),
    requires=("OpenSSL",),
)


def test_bill_follows_from_its_layer_alone() -> None:
    """The same twice, in any order of components; another layer has another serial number."""
    first = bill_of("a.zip", "01" * 32, [OPENSSL, PYTHON], COMMIT)

    again = bill_of("a.zip", "01" * 32, [PYTHON, OPENSSL], COMMIT)
    other = bill_of("a.zip", "02" * 32, [OPENSSL, PYTHON], COMMIT)

    assert again == first
    assert json.loads(other)["serialNumber"] != json.loads(first)["serialNumber"]
    assert validate(first) == ""


def test_bill_tells_who_needs_whom() -> None:
    """The layer has them all, and a scanner sees which brings which."""
    told = json.loads(bill_of("a.zip", "01" * 32, [OPENSSL, PYTHON], COMMIT))

    needs = {one["ref"]: one.get("dependsOn", []) for one in told["dependencies"]}
    assert needs == {
        "flight-recorder": [OPENSSL.purl, PYTHON.purl],
        PYTHON.purl: [OPENSSL.purl],
        OPENSSL.purl: [],
    }
    assert told["components"][0].get("cpe") or told["components"][1].get("cpe") == OPENSSL.cpe
