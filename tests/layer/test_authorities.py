"""Certificate authorities, as files that OpenSSL finds by their names."""

import contextlib
import shutil
import ssl
import subprocess
from pathlib import Path

import certifi
import pytest

from layer.authorities import write_authorities
from tests.doubles.scripted_server import make_certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the public authorities."""
    made = tmp_path_factory.mktemp("made") / "authorities"
    write_authorities(Path(certifi.where()), made)
    return made


def test_folder_holds_every_certificate_of_the_file(folder: Path) -> None:
    """None is lost where two have one name, and no byte of any."""
    whole = Path(certifi.where()).read_text(encoding="utf-8")
    parts = [path.read_text(encoding="ascii") for path in folder.iterdir()]

    assert len(parts) == whole.count("BEGIN CERTIFICATE") > 100
    assert all(part in whole for part in parts)


def test_files_have_the_names_that_openssl_gives_them(folder: Path) -> None:
    """Its own program prints the same hash of each."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which prints the hashes, is not installed")
    for path in folder.iterdir():
        command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(path)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

        assert path.stem == printed.strip()


@pytest.mark.parametrize(
    "subject",
    [
        "/C=DE/O=  Two   Blanks /CN=T\u00fcrk \u00c4rzte",
        "/CN=UPPER lower",
        "/O=A+OU=b/emailAddress=Ops@Example.COM",
        f"/O={'long ' * 12}/OU={'name ' * 12}/CN=x",
    ],
)
def test_odd_names_are_hashed_as_openssl_does(tmp_path: Path, subject: str) -> None:
    """Case, blanks and letters beyond ASCII; several attributes side by side; a name of more than 127 bytes."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    path = tmp_path / "made.pem"
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -multivalue-rdn"
    words = ["openssl", "req", "-x509", "-utf8", *curve.split(), "-days", "2", "-subj", subject]
    subprocess.run(
        [*words, "-keyout", "/dev/null", "-out", str(path)], capture_output=True, check=True
    )
    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    write_authorities(path, tmp_path / "authorities")

    assert [one.name for one in (tmp_path / "authorities").iterdir()] == [f"{printed.strip()}.0"]


def test_tls_finds_an_authority_in_the_folder(tmp_path: Path) -> None:
    """A context that has read no certificate verifies one that was signed by an authority of the folder."""
    made = make_certificate(tmp_path)
    if made is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    assert write_authorities(made, tmp_path / "authorities") == 1
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made)
    client = ssl.create_default_context(capath=str(tmp_path / "authorities"))
    assert client.get_ca_certs() == []
    towards, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, towards, server_hostname="127.0.0.1")
    theirs = server.wrap_bio(towards, back, server_side=True)

    for _ in range(2):
        for side in (ours, theirs):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()

    assert ours.getpeercert()
