from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.commands import build_layer

if TYPE_CHECKING:
    from tests.doubles.checkout import Call, Checkout

ROOT = Path(__file__).parent.parent.parent

# A command becomes another program, so it runs in a process of its own.
RUN = """
import json, pathlib, sys
from tools import commands
from tools.environments import Workspace
from tools.pythons import Python
root, name, pythons, arguments = json.loads(sys.argv[1])
workspace = Workspace(
    root=pathlib.Path(root),
    called_from=pathlib.Path(root, "called", "from"),
    environ={"PATH": "/usr/bin:/bin", "MINE": "1"},
    uv=None,
    pythons=tuple(Python(version, pathlib.Path(path)) for version, path in pythons),
)
getattr(commands, name)(workspace, arguments)
"""


def run(checkout: Checkout, name: str, *arguments: str) -> tuple[str, Call]:
    """Return what a command printed, and how its program was called."""
    (checkout.root / "called" / "from").mkdir(parents=True)
    pythons = [(python.version, str(python.path)) for python in checkout.workspace.pythons]
    values = json.dumps([str(checkout.root), name, pythons, arguments])
    done = subprocess.run(
        [sys.executable, "-c", RUN, values], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout, checkout.calls()[-1]


def test_layer_is_built_for_every_python(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """With bytecode for each, by the newest."""
    build_layer(checkout.workspace, ["--output", "x.zip"])

    (call,) = checkout.calls()
    pythons = [f"--python {python.path}" for python in checkout.workspace.pythons]
    assert call.program == checkout.workspace.python
    assert (
        " ".join(call.arguments)
        == f"-m layer.function_python.build {' '.join(pythons)} --output x.zip"
    )
    assert call.cwd == checkout.root
    assert capsys.readouterr().out == "layer\n"


def test_standalone_layers_bring_their_own_python(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """So none of this machine's is named."""
    build_layer(checkout.workspace, ["--standalone", "--arch", "arm64"])

    (call,) = checkout.calls()
    assert call.arguments == ["-m", "layer.standalone.build", "--arch", "arm64"]
    assert capsys.readouterr().out == "standalone layers\n"


def test_standalone_may_stand_anywhere(checkout: Checkout) -> None:
    """`layer --arch arm64 --standalone` means the same."""
    build_layer(checkout.workspace, ["--arch", "arm64", "--standalone"])

    (call,) = checkout.calls()
    assert call.arguments == ["-m", "layer.standalone.build", "--arch", "arm64"]


@pytest.mark.parametrize("name", ["demo", "bench", "chaos"])
def test_help_of_a_command_builds_nothing(checkout: Checkout, name: str) -> None:
    """Who asks for it waits for no build."""
    printed, call = run(checkout, name, "--help")

    assert printed == ""
    assert call.arguments[-1] == "--help"
    assert len(checkout.calls()) == 1


def test_release_knows_every_python(checkout: Checkout) -> None:
    """Its layer has bytecode for each."""
    printed, call = run(checkout, "release", "--standalone")

    pythons = [f"--python {python.path}" for python in checkout.workspace.pythons]
    assert printed == ""
    assert " ".join(call.arguments) == f"-m layer.release {' '.join(pythons)} --standalone"
    assert call.cwd == checkout.root


def test_build_that_fails_ends_the_command_with_its_status(checkout: Checkout) -> None:
    """The builder has said why."""
    checkout.answer("layer.function_python.build", status=2)

    with pytest.raises(subprocess.CalledProcessError) as caught:
        build_layer(checkout.workspace, [])

    assert caught.value.returncode == 2


@pytest.mark.parametrize(
    ("name", "printed", "arguments"),
    [
        ("demo", "layer\ndemo\n", "-m emulator.demo --layer dist/flight-recorder-python.zip --x"),
        (
            "bench",
            "layer\nbench\n",
            "-m bench --layer dist/flight-recorder-python.zip --python {python} --x",
        ),
        ("chaos", "layer\nchaos\n", "-m tests.chaos --layer dist/flight-recorder-python.zip --x"),
        ("fleet", "layer\nfleet\n", "-m tests.fleet --layer dist/flight-recorder-python.zip --x"),
        ("fuzz", "", "-m tests.fuzz --x"),
        ("publish", "", "-m layer.publish --x"),
    ],
)
def test_program_of_the_repository_runs_in_the_checkout(
    checkout: Checkout, name: str, printed: str, arguments: str
) -> None:
    """With what the caller's environment has."""
    output, call = run(checkout, name, "--x")

    assert output == printed
    expected = arguments.format(python=checkout.workspace.newest.path)
    assert " ".join(call.arguments) == expected
    assert call.cwd == checkout.root
    assert call.environ["MINE"] == "1"


@pytest.mark.parametrize("name", ["attach", "detach", "status"])
def test_commands_of_attach_are_one_program(checkout: Checkout, name: str) -> None:
    """A dashboard's file is looked for where the command was called."""
    _, call = run(checkout, name, "--x")

    assert call.arguments == ["-m", "attach", name, "--x"]
    assert call.cwd == checkout.root / "called" / "from"


@pytest.mark.parametrize(
    ("name", "module"), [("show", "show"), ("whatif", "whatif"), ("explain", "whatif.explain")]
)
def test_logs_are_looked_for_where_the_command_was_called(
    checkout: Checkout, name: str, module: str
) -> None:
    """And a folder there that is named as one of ours is not imported."""
    output, call = run(checkout, name, "shop.log")

    assert output == ""
    assert call.arguments == ["-m", module, "shop.log"]
    assert call.cwd == checkout.root / "called" / "from"
    assert call.environ["PYTHONPATH"] == str(checkout.root)
    assert call.environ["PYTHONSAFEPATH"] == "1"
