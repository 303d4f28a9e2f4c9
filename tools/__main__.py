"""Run a command of `./build.sh`: `python -m tools --called-from FOLDER COMMAND [ARG...]`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.commands import (
    attach,
    bench,
    build_layer,
    chaos,
    demo,
    detach,
    explain,
    fleet,
    fuzz,
    prove,
    publish,
    release,
    show,
    status,
    whatif,
)
from tools.console import CommandError, say, warn
from tools.environments import Workspace, ensure_environment
from tools.fetching import ensure_services, fetched_python, with_newest_python
from tools.linting import lint
from tools.locking import lock
from tools.pythons import find_pythons
from tools.site import build_docs
from tools.testing import run_property_tests, run_standalone_tests, run_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent

INTERRUPTED = 130
"""A shell's status for a command that Ctrl-C ended."""


def _test(workspace: Workspace, arguments: Sequence[str]) -> int:
    workspace = with_newest_python(workspace)
    ensure_environment(workspace, workspace.newest)
    if arguments[:1] == ["--standalone"]:
        return run_standalone_tests(workspace, arguments[1:])
    return run_tests(workspace, arguments)


def _fuzz(workspace: Workspace, arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--properties"]:
        return run_property_tests(workspace, arguments[1:])
    return fuzz(workspace, arguments)


def _fleet(workspace: Workspace, arguments: Sequence[str]) -> int:
    ensure_services(workspace)
    return fleet(workspace, arguments)


def _lint(workspace: Workspace, _arguments: Sequence[str]) -> int:
    return lint(workspace)


# Each runs in the newest Python's environment. None is success; a process that fails ends the command with its status.
COMMANDS: dict[str, Callable[[Workspace, Sequence[str]], int | None]] = {
    "layer": build_layer,
    "demo": demo,
    "test": _test,
    "fuzz": _fuzz,
    "chaos": chaos,
    "fleet": _fleet,
    "bench": bench,
    "show": show,
    "whatif": whatif,
    "explain": explain,
    "release": release,
    "publish": publish,
    "prove": prove,
    "docs": build_docs,
    "attach": attach,
    "detach": detach,
    "status": status,
    "lint": _lint,
    "lock": lock,
}


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: `--called-from`, the folder that ./build.sh was called from, the command and its arguments.
    """
    _, called_from, name, *rest = arguments
    try:
        uv = shutil.which("uv")
        workspace = Workspace(
            root=ROOT,
            called_from=Path(called_from),
            environ=dict(os.environ),
            uv=uv,
            pythons=find_pythons(os.environ, uv=uv, fetched=fetched_python(ROOT / ".cache")),
        )
        if name == "pythons":
            say("\n".join(f"{python.version} {python.path}" for python in workspace.pythons))
            return 0
        ensure_environment(workspace, workspace.newest)
        return COMMANDS[name](workspace, rest) or 0
    except CommandError as error:
        warn(f"build.sh: {error.message}")
        return 1
    except subprocess.CalledProcessError as error:
        # A process that a signal ended has the signal's negative number.
        return error.returncode if error.returncode >= 0 else 128 - error.returncode
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
