"""Find the Pythons of this machine that the project can use.

A Python is usable if it is CPython 3.10 to 3.14 and can make virtual environments. Without uv this needs the modules
venv and ensurepip, which Debian has in a package of their own.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.console import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

ASK_TIMEOUT_S = 30
"""An interpreter answers in 50 ms; a program of the same name that waits for something must not stop the search."""

# build.sh has the same words for a machine without any Python.
NONE_USABLE = (
    "no usable Python 3.10 to 3.14: install python3 and python3-venv (Debian), or python3.13"
    " (Amazon Linux 2023)"
)

# A virtual environment's Python answers with the one that the environment was made from.
_QUESTION = """
import importlib.util, os, sys
minor = "%d.%d" % sys.version_info[:2]
path = os.path.realpath(sys.executable)
if sys.prefix != sys.base_prefix:
    path = os.path.realpath(os.path.join(sys.base_prefix, "bin", "python" + minor))
able = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
if sys.implementation.name == "cpython" and os.access(path, os.X_OK):
    print(minor, "venv" if able else "-", path)
"""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter.

    Attributes:
        version: its minor version, such as `3.12`.
        path: its executable, with links resolved.
        has_venv: whether it has the modules venv and ensurepip.
    """

    version: str
    path: Path
    has_venv: bool = True


def find_pythons(
    environ: Mapping[str, str], *, uv: str | None, fetched: Path | None = None
) -> tuple[Python, ...]:
    """Return the usable Pythons, one a version, oldest first.

    The first one found of a version wins: the folders of PATH come before those of pyenv, and these before `fetched`.

    Args:
        environ: FLIGHT_RECORDER_PYTHON, PATH, PYENV_ROOT and HOME are read.
        uv: uv's path, None without uv.
        fetched: the folder of a Python that `tools.fetching` has made, or will make.

    Raises:
        CommandError: there is none.
    """
    found: dict[str, Python] = {}
    without_venv: list[str] = []
    asked: set[str] = set()
    for name in _candidates(environ, fetched):
        path = os.path.realpath(name)
        if path in asked:
            continue
        asked.add(path)
        python = ask_python(name)
        if python is None or python.version not in VERSIONS:
            continue
        if uv is None and not python.has_venv:
            without_venv.append(python.version)
        else:
            found.setdefault(python.version, python)
    if found:
        return tuple(found[version] for version in VERSIONS if version in found)
    if without_venv:
        raise CommandError(
            f"Python {without_venv[-1]} is here without its venv module: install python3-venv (Debian) or uv"
        )
    raise CommandError(NONE_USABLE)


def ask_python(executable: str) -> Python | None:
    """Return what an interpreter says of itself, None if it does not run or is not CPython."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=ASK_TIMEOUT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    words = answer.rstrip("\n").split(" ", 2)
    if len(words) != 3:  # noqa: PLR2004 - the three words of _QUESTION
        return None
    return Python(version=words[0], path=Path(words[2]), has_venv=words[1] == "venv")


def _candidates(environ: Mapping[str, str], fetched: Path | None) -> Iterator[str]:
    """Yield executables that may be Pythons.

    pyenv's shims are passed over: the folder that they are called from chooses their version.
    """
    given = environ.get("FLIGHT_RECORDER_PYTHON")
    if given:
        yield given
        return
    pyenv = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/"), ".pyenv"))
    folders = [Path(folder) for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted(pyenv.glob("versions/*/bin"))
    if fetched is not None:
        folders.append(fetched / "bin")
    for folder in folders:
        if folder.name == "shims":
            continue
        for name in ("python3", *(f"python{version}" for version in VERSIONS)):
            executable = folder / name
            if os.access(executable, os.X_OK):
                yield str(executable)
