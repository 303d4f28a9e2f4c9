"""A release with a standalone layer, from the interpreter that is kept here."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from extension import __version__
from layer.function_python.build import ROOT
from layer.release.bill import validate
from layer.standalone.compiling import ARCHITECTURES
from tests.doubles.git import commit_all

pytestmark = pytest.mark.timeout(600)  # asks Debian's mirror, and may compile what is newer there

HERE = {arch: name for name, arch in ARCHITECTURES.items()}.get(platform.machine(), "")


def test_release_has_the_bill_of_the_interpreter(tmp_path: Path) -> None:
    """CPython, OpenSSL, zlib and musl, with versions and names under which vulnerabilities are listed."""
    for name in ("extension", "layer", "terminal"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*ROOT.glob("requirements-*.txt"), ROOT / "LICENSE", ROOT / ".gitignore"):
        shutil.copy(path, tmp_path / path.name)
    (tmp_path / "CHANGELOG.md").write_text(f"## [{__version__}] - 2026-11-30\n")
    commit_all(tmp_path)
    command = [sys.executable, "-m", "layer.release", f"--python={sys.executable}"]
    command += ["--allow-missing-pythons", "--allow-older", f"--arch={HERE}"]

    done = subprocess.run(
        [*command, f"--cache={ROOT / '.cache'}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=590,
    )

    assert done.returncode == 0, done.stderr
    folder = tmp_path / "dist" / f"release-{__version__}"
    assert (folder / f"flight-recorder-{HERE}-{__version__}.zip").is_file()
    text = (folder / f"flight-recorder-{HERE}-{__version__}.cdx.json").read_text()
    assert validate(text) == ""
    parts = {one["name"]: one for one in json.loads(text)["components"]}
    assert {"CPython", "OpenSSL", "zlib", "musl", "httpx"} <= parts.keys()
    assert parts["OpenSSL"]["cpe"].startswith("cpe:2.3:a:openssl:openssl:3.")
    assert parts["CPython"]["purl"].startswith("pkg:deb/debian/python3.13@3.13.")
