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


def test_an_interpreter_is_fetched_once(uv: Path, tmp_path: Path) -> None:
    """The folder that uv installed is kept, without the links uv makes to it, and not asked for again."""
    write(uv, INSTALLS)
    cache = tmp_path / "cache"

    folders = [fetch_prebuilt("x86_64", cache) for _ in range(2)]

    assert folders[0] == folders[1]
    assert (folders[0] / "bin" / "python3").is_file()
    asked = (cache / "asked").read_text().splitlines()
    assert asked == ["python install --no-bin --no-config cpython-3.13-linux-x86_64-gnu"]


def test_it_is_fetched_anew_when_that_is_asked_for(uv: Path, tmp_path: Path) -> None:
    """An old one is no longer there afterwards."""
    write(uv, INSTALLS)
    old = fetch_prebuilt("x86_64", tmp_path / "cache")
    (old / "old").touch()

    new = fetch_prebuilt("x86_64", tmp_path / "cache", refresh=True)

    assert not (new / "old").exists()
    assert (new / "bin" / "python3").is_file()


def test_without_the_network_it_is_said_what_else_can_be_done(uv: Path, tmp_path: Path) -> None:
    """The reason is uv's last line, and the way out is in the same one."""
    write(uv, FAILS)

    with pytest.raises(BuildError, match=r"dns error.*Without --interpreter uv"):
        fetch_prebuilt("aarch64", tmp_path / "cache")


def test_without_uv_it_is_said_that_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not fetched behind one's back."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BuildError, match="needs uv on PATH"):
        fetch_prebuilt("x86_64", tmp_path / "cache")
