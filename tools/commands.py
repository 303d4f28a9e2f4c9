"""Build the layer, and start the programs of the other folders on the newest Python's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from tools.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environments import Workspace

LAYER = "dist/flight-recorder-python.zip"


HELP = frozenset({"-h", "--help"})


def build_layer(workspace: Workspace, arguments: Sequence[str]) -> None:
    """Build the layer, or with `--standalone` the layers that bring their own Python.

    Raises:
        subprocess.CalledProcessError: the build failed, and has said why.
    """
    options = [one for one in arguments if one != "--standalone"]
    is_standalone = len(options) < len(arguments)
    if not HELP.intersection(arguments):
        say("standalone layers" if is_standalone else "layer")
    if is_standalone:
        program = "layer.standalone.build"
    else:
        program = "layer.function_python.build"
        options = [*_pythons(workspace), *options]
    command = [str(workspace.python), "-m", program, *options]
    subprocess.run(command, check=True, cwd=workspace.root)


def demo(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Build the layer and watch it record functions in the local Lambda."""
    _build_for(workspace, "demo", arguments)
    _become(workspace, "emulator.demo", ["--layer", LAYER, *arguments])


def bench(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Build the layer and measure its costs."""
    _build_for(workspace, "bench", arguments)
    python = str(workspace.newest.path)
    _become(workspace, "bench", ["--layer", LAYER, "--python", python, *arguments])


def fuzz(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Try the extension's parts with made-up inputs."""
    _become(workspace, "tests.fuzz", arguments)


def chaos(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Build the layer, and freeze it, stop it and take its sinks away at random moments."""
    _build_for(workspace, "chaos", arguments)
    _become(workspace, "tests.chaos", ["--layer", LAYER, *arguments])


def fleet(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Build the layer, and run many environments of it at once in one account."""
    _build_for(workspace, "fleet", arguments)
    _become(workspace, "tests.fleet", ["--layer", LAYER, *arguments])


def release(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Build the layers of a clean commit, with what tells where they come from."""
    _become(workspace, "layer.release", [*_pythons(workspace), *arguments])


def publish(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Publish the built layer with the aws command."""
    _become(workspace, "layer.publish", arguments)


def attach(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Attach the layer to functions that exist; paths are relative to the folder of the call."""
    _become_where_called(workspace, "attach", ["attach", *arguments])


def detach(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Take the layer off."""
    _become_where_called(workspace, "attach", ["detach", *arguments])


def status(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Tell which functions have the layer."""
    _become_where_called(workspace, "attach", ["status", *arguments])


def whatif(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Replay logs; paths are relative to the folder of the call."""
    _become_where_called(workspace, "whatif", arguments)


def show(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Show what was kept; paths are relative to the folder of the call."""
    _become_where_called(workspace, "show", arguments)


def explain(workspace: Workspace, arguments: Sequence[str]) -> NoReturn:
    """Explain settings and verdicts; paths are relative to the folder of the call."""
    _become_where_called(workspace, "whatif.explain", arguments)


def _pythons(workspace: Workspace) -> list[str]:
    """Return the options that name all Pythons, for each of which a layer has bytecode."""
    return [part for python in workspace.pythons for part in ("--python", str(python.path))]


def _build_for(workspace: Workspace, name: str, arguments: Sequence[str]) -> None:
    """Build the layer that a command runs, unless it is only asked for its help."""
    if not HELP.intersection(arguments):
        build_layer(workspace, ["--output", LAYER])
        say(name)


def _become(workspace: Workspace, program: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process with a program of the repository, so that it gets the terminal's signals itself."""
    os.chdir(workspace.root)
    _execute(workspace, program, arguments, dict(workspace.environ))


def _become_where_called(workspace: Workspace, program: str, arguments: Sequence[str]) -> NoReturn:
    os.chdir(workspace.called_from)
    environ = {**workspace.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(workspace.root)}
    _execute(workspace, program, arguments, environ)


def _execute(
    workspace: Workspace, program: str, arguments: Sequence[str], environ: dict[str, str]
) -> NoReturn:
    sys.stdout.flush()
    python = str(workspace.python)
    os.execve(python, [python, "-m", program, *arguments], environ)  # noqa: S606 - our own program
