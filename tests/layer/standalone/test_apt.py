import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from layer.function_python.dependencies import BuildError
from layer.standalone.apt import OlderError, PrivateApt

# Stands in for the machine's apt, whose mirrors differ from one machine to the next. It notes what it is asked for, and
# has version 2 of a package in its index only.
APT_GET = """#!/bin/sh
case "$*" in
    *indextargets*) cat "$APT_TARGETS" ;;
    *update*) ;;
    *"source --download-only small=2"*) echo "E: 404" >&2; : > small_2.dsc; exit 100 ;;
    *"source --download-only small=1"*) : > small_1.dsc ;;
    *) echo "E: no network" >&2; exit 100 ;;
esac
"""
APT_CACHE = """#!/bin/sh
printf 'Package: small\\nBinary: small\\nVersion: %s\\nFormat: 3.0\\n\\n' 1 2
printf 'Package: smaller\\nVersion: 9\\n'
"""


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file with what the machine's apt is said to have for mirrors."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("apt-get", APT_GET), ("apt-cache", APT_CACHE)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    path = tmp_path / "targets"
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("APT_TARGETS", str(path))
    return path


@pytest.fixture
def apt(tmp_path: Path) -> PrivateApt:
    return PrivateApt(folder=tmp_path / "apt", release="trixie")


def write_targets(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def read_sources(apt: PrivateApt) -> list[tuple[str, str]]:
    """Return mirror and suite of each line for sources."""
    lines = (apt.folder / "sources.list").read_text().splitlines()
    return [(words[-3], words[-2]) for words in map(str.split, lines) if words[0] == "deb-src"]


needs_dpkg = pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg compares versions")


@needs_dpkg
def test_sources_come_from_the_machines_mirrors_of_debian(
    targets: Path, apt: PrivateApt, tmp_path: Path
) -> None:
    """Main, updates and security of our release, and nobody else's packages."""
    write_targets(
        targets,
        "http://mirror.example/debian/\tbookworm\tDebian",
        "http://mirror.example/debian/\tbookworm-updates\tDebian",
        "http://safe.example/debian-security/\tbookworm-security\tDebian",
        "http://other.example/tools/\tnodistro\tSomebody",
        "http://mirror.example/debian/\tbookworm\tDebian",
    )

    apt.fetch_sources(["small"], tmp_path / "sources")

    assert read_sources(apt) == [
        ("http://mirror.example/debian/", "trixie"),
        ("http://mirror.example/debian/", "trixie-updates"),
        ("http://safe.example/debian-security/", "trixie-security"),
    ]


@needs_dpkg
def test_sources_tell_a_mirror_by_its_path_before_the_first_update(
    targets: Path, apt: PrivateApt, tmp_path: Path
) -> None:
    """Then apt knows no origin, and leaves the field as it was asked for."""
    write_targets(
        targets,
        "http://mirror.example/debian/\tstable\t$(ORIGIN)",
        "http://other.example/tools/\tnodistro\t$(ORIGIN)",
    )

    apt.fetch_sources(["small"], tmp_path / "sources")

    assert read_sources(apt) == [("http://mirror.example/debian/", "trixie")]


@needs_dpkg
def test_fetch_takes_an_older_version_where_the_newest_is_missing(
    targets: Path, apt: PrivateApt, tmp_path: Path
) -> None:
    """A mirror can list more than it has; nothing of the failed attempt is left, and the caller is told."""
    write_targets(targets, "http://mirror.example/debian/\tbookworm\tDebian")

    older = apt.fetch_sources(["small"], tmp_path / "sources")

    assert [path.name for path in (tmp_path / "sources").iterdir()] == ["small_1.dsc"]
    assert older == ["small 1 instead of 2"]


@needs_dpkg
def test_fetch_fails_where_only_the_newest_will_do(
    targets: Path, apt: PrivateApt, tmp_path: Path
) -> None:
    """Of a release, say: the version before may lack a fix."""
    write_targets(targets, "http://mirror.example/debian/\tbookworm\tDebian")

    with pytest.raises(OlderError, match=r"lists small 2 and does not have it .*404.*try again"):
        replace(apt, allow_older=False).fetch_sources(["small"], tmp_path / "sources")

    assert list((tmp_path / "sources").iterdir()) == []


@pytest.mark.parametrize("has_apt", [True, False])
def test_fetch_names_another_way_on_a_machine_without_debian(
    targets: Path, apt: PrivateApt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_apt: bool
) -> None:
    """Another distribution's apt, or none, cannot help; uv may."""
    write_targets(targets, "http://mirror.example/other/\tnoble\tUbuntu")
    if not has_apt:
        monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BuildError, match="--interpreter uv"):
        apt.fetch_sources(["small"], tmp_path / "sources")
