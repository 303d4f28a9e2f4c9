import hashlib
import os
import shutil
from pathlib import Path

import pytest

from layer.standalone.apt import OlderError
from layer.standalone.compiling import SOURCES
from layer.standalone.interpreter import Workshop

pytestmark = pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg compares versions")

# Stand in for the machine's apt and its mirror, which lists versions 1 and 2 of each package. It has no openssl 2 until the
# file `synchronised` is there.
APT_GET = """#!/bin/sh
for word; do :; done
case "$*" in
    *indextargets*) printf 'http://mirror.example/debian/\\ttrixie\\tDebian\\n' ;;
    *openssl=2) [ -e {folder}/synchronised ] || {{ echo "E: 404" >&2; exit 100; }}; : > openssl_2.dsc ;;
    *=*) : > "${{word%=*}}_${{word#*=}}.dsc" ;;
esac
"""
APT_CACHE = """#!/bin/sh
printf 'Package: %s\\nVersion: 1\\n\\nPackage: %s\\nVersion: 2\\n\\n' "$2" "$2"
"""


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop whose mirror lags behind with OpenSSL."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("apt-get", APT_GET.format(folder=tmp_path)), ("apt-cache", APT_CACHE)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return Workshop(folder=tmp_path / "kept", requirements=tmp_path / "requirements.txt")


def test_workshop_remembers_what_was_older_than_the_mirrors_lists(workshop: Workshop) -> None:
    """A later build, which asks no mirror, can still warn of it."""
    versions = workshop.versions()

    assert sorted(versions) == ["openssl 1", "python3.13 2", "zlib 2"]
    assert workshop.older() == ["openssl 1 instead of 2"]
    empty = hashlib.sha256(b"").hexdigest()
    assert workshop.source_hashes() == {
        name: (f"{name}_{1 if name == 'openssl' else 2}.dsc", empty) for name in SOURCES
    }


def test_workshop_forgets_it_once_the_mirror_has_caught_up(
    workshop: Workshop, tmp_path: Path
) -> None:
    """As after --refresh."""
    workshop.versions()
    (tmp_path / "synchronised").touch()

    workshop.refresh()

    assert workshop.older() == []
    assert "openssl 2" in workshop.versions()


def test_workshop_keeps_its_sources_where_the_newest_cannot_be_had(
    workshop: Workshop, tmp_path: Path
) -> None:
    """A release fails, and what was there for other builds stays."""
    workshop.versions()
    strict = Workshop(folder=workshop.folder, requirements=workshop.requirements, allow_older=False)

    with pytest.raises(OlderError, match="lists openssl 2 and does not have it"):
        strict.refresh()

    assert "openssl 1" in workshop.versions()
    assert workshop.older() == ["openssl 1 instead of 2"]
