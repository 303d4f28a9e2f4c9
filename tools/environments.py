"""Make virtual environments that hold exactly what a requirements file pins.

An environment is made with uv where there is one, with pip otherwise. The file `installed` in it says what it was made
from, so a later run starts at once. Deleting an environment only costs the time to make it again.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from terminal.waiting import still
from tools.console import CommandError, say, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.pythons import Python

MADE_AT_A_TIME = 2
"""Making one is half waiting for the package index, half unpacking: two keep a core busy."""

SHOWN_LINES = 5
"""Of a log: pip and uv say last what stopped them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A checkout of the repository on this machine.

    Attributes:
        root: the checkout.
        called_from: the folder that ./build.sh was called from.
        environ: the environment variables of the call.
        uv: uv's path, None without uv.
        pythons: the usable Pythons, oldest first; at least one.
    """

    root: Path
    called_from: Path
    environ: Mapping[str, str]
    uv: str | None
    pythons: tuple[Python, ...]

    @property
    def newest(self) -> Python:
        """Return the newest Python, which runs all that runs on one Python only."""
        return self.pythons[-1]

    @property
    def cache(self) -> Path:
        """Return the folder of everything that is kept between runs."""
        return self.root / ".cache"

    def interpreter(self, python: Python) -> Path:
        """Return the interpreter of the environment in which tests run on `python`."""
        return self.root / ".venv" / python.version / "bin" / "python"

    @property
    def python(self) -> Path:
        """Return the interpreter of the newest Python's environment."""
        return self.interpreter(self.newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment to be made.

    Attributes:
        name: names its log, `.cache/environment-NAME.log`.
        folder: where it is made.
        python: the Python it is made from.
        requirements: the pins, with hashes.
        options: further options of `pip install`.
    """

    name: str
    folder: Path
    python: Python
    requirements: Path
    options: tuple[str, ...] = ()

    def stamp(self) -> str:
        """Return what the file `installed` holds: the pins' SHA-256 and the interpreter."""
        return f"{digest(self.requirements)} {self.python.path}"

    def is_current(self) -> bool:
        """Return whether the environment is there, unchanged, and its interpreter runs."""
        return read_stamp(self.folder / "installed") == self.stamp() and _runs(self.folder)


def digest(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_stamp(path: Path) -> str | None:
    """Return what a stamp file says, None without the file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def make_environment(workspace: Workspace, environment: Environment) -> bool:
    """Make an environment unless it is current; return whether it could be made.

    pip's or uv's output is in `.cache/environment-NAME.log`.
    """
    if environment.is_current():
        return True
    folder = environment.folder
    shown = folder.relative_to(workspace.root) if workspace.root in folder.parents else folder
    say(f"environment {shown} ({environment.python.path})")
    remove(folder)
    log = workspace.cache / f"environment-{environment.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output, still(f"making {shown}"):
        for command in _commands(workspace, environment):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                cwd=workspace.root,
            )
            if done.returncode != 0:
                return False
    (folder / "installed").write_text(environment.stamp(), encoding="utf-8")
    return True


def remove(path: Path) -> None:
    """Remove a folder, or the link to one, if it is there."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def ensure_environment(workspace: Workspace, python: Python) -> None:
    """Make `.venv/VERSION`, which has what runs and checks the tests.

    Raises:
        CommandError: it could not be made; the end of its log is on standard error.
    """
    environment = _of_tests(workspace, python)
    if make_environment(workspace, environment):
        return
    log = workspace.cache / f"environment-{python.version}.log"
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]:
        warn(line)
    raise CommandError(
        f"could not make .venv/{python.version} (all of it: .cache/{log.name}); it needs the venv module and,"
        " the first time, the package index"
    )


def ensure_environments(workspace: Workspace, pythons: Sequence[Python]) -> None:
    """Make the environments of several Pythons at the same time. The newest Python's has to be there.

    Raises:
        CommandError: one of them could not be made.
    """
    with ThreadPoolExecutor(MADE_AT_A_TIME) as pool:
        list(pool.map(lambda python: ensure_environment(workspace, python), pythons))


def _of_tests(workspace: Workspace, python: Python) -> Environment:
    return Environment(
        name=python.version,
        folder=workspace.root / ".venv" / python.version,
        python=python,
        requirements=workspace.root / "requirements-dev.txt",
    )


def _commands(workspace: Workspace, environment: Environment) -> list[list[str]]:
    """Return the commands that make an environment and fill it.

    Nothing is compiled beforehand: most of it is never imported, and Python keeps the bytecode of the rest.
    """
    folder, python = str(environment.folder), str(environment.python.path)
    interpreter = str(environment.folder / "bin" / "python")
    install = ["install", "--require-hashes", *environment.options]
    install += ["-r", str(environment.requirements), "--quiet"]
    if workspace.uv is not None:
        venv = [workspace.uv, "venv", "--quiet", "--no-project", "--python", python, folder]
        return [venv, [workspace.uv, "pip", *install, "--python", interpreter]]
    # The newest Python's pip installs for all: to bring each environment its own takes longer than to fill it.
    has_pip = environment.folder == workspace.python.parent.parent
    venv = [python, "-m", "venv", *([] if has_pip else ["--without-pip"]), folder]
    pip = [str(workspace.python), "-m", "pip", "--python", interpreter]
    pip += [*install, "--no-input", "--no-compile", "--disable-pip-version-check"]
    return [venv, pip]


def _runs(folder: Path) -> bool:
    try:
        command = [str(folder / "bin" / "python"), "-c", ""]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
