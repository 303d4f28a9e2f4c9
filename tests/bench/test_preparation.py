from pathlib import Path

import pytest

from bench.control_plane.tls_sink import make_certificate
from bench.preparation import Unpacked


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a certificate for an HTTPS sink."""
    made = make_certificate(tmp_path)
    if made is None:
        pytest.skip("openssl is missing")
    return made


def test_layer_trusts_the_sink_by_its_own_authorities(tmp_path: Path, certificate: Path) -> None:
    """All of them are loaded for it, or looked up in a folder of hashes, as the layer does it."""
    private = tmp_path / "opt" / "flight-recorder"
    (private / "hashed").mkdir(parents=True)
    (private / "cacert.pem").write_text("others")
    (private / "hashed" / "0123abcd.0").write_text("another")

    layer = Unpacked(opt=tmp_path / "opt").trusting(certificate)

    assert layer.trusts
    assert (private / "cacert.pem").read_bytes() == b"others\n" + certificate.read_bytes()
    names = {path.read_text(): path.name for path in (private / "hashed").iterdir()}
    assert len(names) == 2
    assert names[certificate.read_text()].endswith(".0")


def test_layer_without_authorities_trusts_nobody(tmp_path: Path, certificate: Path) -> None:
    """It is given the sink's certificate as its only authority instead."""
    (tmp_path / "opt" / "flight-recorder").mkdir(parents=True)
    layer = Unpacked(opt=tmp_path / "opt").trusting(certificate)

    subject = layer.subject("layer", {}).with_https_sink("https://127.0.0.1:1/", certificate)

    assert not layer.trusts
    assert subject.environ["SSL_CERT_FILE"] == str(certificate)
    assert subject.environ["FLIGHT_RECORDER_SINK"] == "https://127.0.0.1:1/"
