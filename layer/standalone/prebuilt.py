"""Fetch a CPython that others have compiled: python-build-standalone, whose hash uv checks.

Promises the folder of an interpreter for x86_64 or arm64, or an error that says what to do. Needs uv, and a network in
which uv reaches its interpreters (or UV_PYTHON_INSTALL_MIRROR). The result goes through the same gates as an interpreter
that is compiled here.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from layer.function_python.dependencies import BuildError
from terminal.waiting import still

VERSION = "3.13"

TIMEOUT_SECONDS = 600.0
"""An archive has some 25 MB."""


def fetch_prebuilt(arch: str, folder: Path, *, refresh: bool = False) -> Path:
    """Return the folder of the interpreter for `arch` (`x86_64` or `aarch64`), fetched once and kept below `folder`.

    Raises:
        BuildError: there is no uv, or it could not fetch one.
    """
    kept = folder / f"prebuilt-{arch}"
    if kept.is_dir() and not refresh:
        return kept
    uv = shutil.which("uv")
    if uv is None:
        raise BuildError("--interpreter uv needs uv on PATH: install it, or leave the option out")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetching-") as scratch:
        command = [
            uv,
            "python",
            "install",
            "--no-bin",
            "--no-config",
            f"cpython-{VERSION}-linux-{arch}-gnu",
        ]
        try:
            with still("fetching an interpreter"):
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=TIMEOUT_SECONDS,
                    env={**os.environ, "UV_PYTHON_INSTALL_DIR": scratch, "NO_COLOR": "1"},
                )
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"uv fetched no interpreter in {TIMEOUT_SECONDS:.0f} s") from error
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
            raise BuildError(
                f"uv could not fetch an interpreter for {arch} ({reason}): is there a network? Without --interpreter uv"
                " one is compiled from Debian's sources"
            )
        # Beside the interpreter's folder there may be links to it.
        found = [path for path in Path(scratch).glob("cpython-*") if not path.is_symlink()]
        if len(found) != 1:
            raise BuildError(f"uv installed {len(found)} interpreters for {arch} instead of one")
        if kept.is_dir():
            shutil.rmtree(kept)
        found[0].replace(kept)
    return kept
