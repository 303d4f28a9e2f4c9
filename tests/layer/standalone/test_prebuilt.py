import os
from pathlib import Path

import pytest

from layer.function_python.dependencies import BuildError
from layer.standalone.prebuilt import fetch_prebuilt

# Stands in for uv, whose interpreters come from where this machine may not reach: what it is asked for, it installs.
INSTALLS = """#!/bin/sh
echo "$@" >> "$UV_PYTHON_INSTALL_DIR/../asked"
folder=$UV_PYTHON_INSTALL_DIR/cpython-3.13.99-linux-x86_64-gnu
mkdir -p "$folder/bin"
: > "$folder/bin/python3"
ln -s cpython-3.13.99-linux-x86_64-gnu "$UV_PYTHON_INSTALL_DIR/cpython-3.13-linux-x86_64-gnu"
"""
FAILS = """#!/bin/sh
echo "error: Failed to install cpython-3.13.99-linux-x86_64-gnu" >&2
echo "  Caused by: dns error" >&2
exit 1
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where PATH finds uv."""
    program = tmp_path / "programs" / "uv"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def write(program: Path, text: str) -> None:
    """Write a program."""
    program.write_text(text)
    program.chmod(0o755)


def test_fetch_prebuilt_keeps_what_it_fetched(uv: Path, tmp_path: Path) -> None:
    """Uv makes links beside its folder, which are not kept."""
    write(uv, INSTALLS)
    cache = tmp_path / "cache"

    folders = [fetch_prebuilt("x86_64", cache) for _ in range(2)]

    assert folders[0] == folders[1]
    assert (folders[0] / "bin" / "python3").is_file()
    asked = (cache / "asked").read_text().splitlines()
    assert asked == ["python install --no-bin --no-config cpython-3.13-linux-x86_64-gnu"]


def test_fetch_prebuilt_refreshes_on_request(uv: Path, tmp_path: Path) -> None:
    """Nothing of the old interpreter remains."""
    write(uv, INSTALLS)
    old = fetch_prebuilt("x86_64", tmp_path / "cache")
    (old / "old").touch()

    new = fetch_prebuilt("x86_64", tmp_path / "cache", refresh=True)

    assert not (new / "old").exists()
    assert (new / "bin" / "python3").is_file()


def test_fetch_prebuilt_reports_uvs_reason_and_another_way(uv: Path, tmp_path: Path) -> None:
    """The reason is uv's last line."""
    write(uv, FAILS)

    with pytest.raises(BuildError, match=r"dns error.*Without --interpreter uv"):
        fetch_prebuilt("aarch64", tmp_path / "cache")


def test_fetch_prebuilt_needs_uv_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not fetched behind anybody's back."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BuildError, match="needs uv on PATH"):
        fetch_prebuilt("x86_64", tmp_path / "cache")
