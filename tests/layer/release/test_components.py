"""What is listed of a zip. The package's metadata are of the forms that packages on the index have."""

import zipfile
from pathlib import Path

import pytest

from layer.release.components import Component, Source, Sources, components_of, upstream
from layer.release.conditions import ReleaseError

WHEEL = Source(file="small-1.0-py3-none-any.whl", sha256="aa")
DSC = Source(file="x.dsc", sha256="bb")
PINS = Source(file="requirements-standalone.txt", sha256="cc")


def metadata(*lines: str, name: str = "small") -> str:
    return "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines, "", "Text"])


def write_layer(path: Path, packages: dict[str, str], *, versions: str = "") -> Path:
    """Write a zip with packages' metadata, and the versions of an interpreter."""
    with zipfile.ZipFile(path, "w") as layer:
        for name, text in packages.items():
            folder = f"flight-recorder/deps/{name}-1.0.dist-info"
            layer.writestr(f"{folder}/METADATA", text)
            layer.writestr(f"{folder}/licenses/LICENSE", f"the licence of {name}")
        if versions:
            layer.writestr("flight-recorder/VERSIONS", versions)
            layer.writestr("flight-recorder/LICENSE-musl.txt", "musl's")
            for licence in ("LICENSE.txt", "LICENSE-openssl.txt", "LICENSE-zlib.txt"):
                layer.writestr(f"flight-recorder/lib/python3.13/{licence}", licence)
    return path


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: MIT OR Apache-2.0"], "MIT OR Apache-2.0"),
        (["License: BSD-3-Clause"], "BSD-3-Clause"),
        (["Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (
            [
                "License: Permission is hereby granted, free of charge, to any person",
                "Classifier: License :: OSI Approved :: MIT License",
            ],
            "MIT",
        ),
    ],
)
def test_licence_is_found_in_each_form(tmp_path: Path, lines: list[str], licence: str) -> None:
    """Packages name it in three fields, some in the last one only."""
    layer = write_layer(tmp_path / "layer.zip", {"small": metadata(*lines)})

    (found,) = components_of(layer, Sources(wheels={"small": WHEEL}))

    assert found == Component(
        name="small",
        version="1.0",
        licence=licence,
        purl="pkg:pypi/small@1.0",
        source=WHEEL,
        texts={"licenses/LICENSE": "the licence of small"},
    )


def test_package_without_a_licence_stops_a_release(tmp_path: Path) -> None:
    """Nobody may ship it."""
    layer = write_layer(tmp_path / "layer.zip", {"small": metadata("License: see the file")})

    with pytest.raises(ReleaseError, match="small names no licence of SPDX's list"):
        components_of(layer, Sources(wheels={"small": WHEEL}))


def test_package_of_unknown_origin_stops_a_release(tmp_path: Path) -> None:
    """Its hash would be anybody's guess."""
    layer = write_layer(tmp_path / "layer.zip", {"small": metadata("License: MIT")})

    with pytest.raises(ReleaseError, match="no wheel of it was installed"):
        components_of(layer, Sources(wheels={}))


def test_needs_are_those_that_are_in_the_layer(tmp_path: Path) -> None:
    """An extra's packages are not."""
    first = metadata(
        "License: MIT", "Requires-Dist: Other_One>=1", "Requires-Dist: h2; extra == 'http2'"
    )
    other = metadata("License: MIT", name="other.one")
    layer = write_layer(tmp_path / "layer.zip", {"small": first, "other.one": other})

    found = components_of(layer, Sources(wheels={"small": WHEEL, "other-one": WHEEL}))

    assert {one.name: one.requires for one in found} == {"small": ("other.one",), "other.one": ()}


def test_standalone_layer_has_its_interpreter_as_well(tmp_path: Path) -> None:
    """With the names under which their vulnerabilities are listed."""
    layer = write_layer(
        tmp_path / "layer.zip",
        {},
        versions="python3.13 3.13.5-2+deb13u1\nopenssl 3.5.4-1~deb13u1\nzlib 1.3.dfsg+really1.3.1-1\n",
    )
    sources = Sources(
        wheels={},
        debian=dict.fromkeys(("python3.13", "openssl", "zlib"), DSC),
        compiler=("0.17.1", PINS),
    )

    found = {one.name: one for one in components_of(layer, sources)}

    assert {name: one.licence for name, one in found.items()} == {
        "CPython": "PSF-2.0",
        "musl": "MIT",
        "OpenSSL": "Apache-2.0",
        "zlib": "Zlib",
    }
    assert found["OpenSSL"].cpe == "cpe:2.3:a:openssl:openssl:3.5.4:*:*:*:*:*:*:*"
    assert found["OpenSSL"].purl.startswith("pkg:deb/debian/openssl@3.5.4-1~deb13u1?arch=source")
    assert found["zlib"].cpe.startswith("cpe:2.3:a:zlib:zlib:1.3.1:")
    assert found["musl"].version == "of ziglang 0.17.1"


def test_interpreter_of_unknown_sources_stops_a_release(tmp_path: Path) -> None:
    """As python-build-standalone's: a release has one that was compiled from Debian's sources."""
    layer = write_layer(
        tmp_path / "layer.zip", {}, versions="python-build-standalone Python 3.13.9\n"
    )

    with pytest.raises(ReleaseError, match=r"openssl, python3\.13, zlib"):
        components_of(layer, Sources(wheels={}, compiler=("0", PINS)))


@pytest.mark.parametrize(
    ("version", "own"),
    [
        ("3.5.4-1~deb13u2", "3.5.4"),
        ("1.3.dfsg+really1.3.1-1", "1.3.1"),
        ("3.13.5-2+deb13u1", "3.13.5"),
    ],
)
def test_upstream_version_is_what_the_project_calls_it(version: str, own: str) -> None:
    """Lists of vulnerabilities count so."""
    assert upstream(version) == own
