from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tools.__main__ as program
from tools.console import CommandError
from tools.pythons import Python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environments import Workspace

PYTHONS = (Python("3.10", Path("/usr/bin/python3.10")), Python("3.13", Path("/opt/a b/python")))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Workspace, Python | Sequence[str]]]:
    """Which environments were made, then with which arguments the command `lock` ran."""
    calls: list[tuple[Workspace, Python | Sequence[str]]] = []
    monkeypatch.setattr(program, "ensure_environment", lambda *call: calls.append(call))
    monkeypatch.setitem(program.COMMANDS, "lock", lambda *call: calls.append(call))
    monkeypatch.setattr(program, "find_pythons", lambda *_, **__: PYTHONS)
    monkeypatch.setattr(program, "with_newest_python", lambda workspace: workspace)
    return calls


def main(*arguments: str) -> int:
    return program.main(["--called-from", "/somewhere", *arguments])


def test_command_runs_once_the_newest_environment_is_there(
    seen: list[tuple[Workspace, Python | Sequence[str]]],
) -> None:
    """It gets the arguments that are its own."""
    assert main("lock", "--upgrade", "x y") == 0

    (workspace, made), (_, arguments) = seen
    assert made == workspace.newest
    assert list(arguments) == ["--upgrade", "x y"]  # type: ignore[arg-type]
    assert str(workspace.called_from) == "/somewhere"


def test_pythons_are_listed_without_making_an_environment(
    seen: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests read this list, a version and a path a line."""
    assert main("pythons") == 0

    assert capsys.readouterr().out == "3.10 /usr/bin/python3.10\n3.13 /opt/a b/python\n"
    assert seen == []


@pytest.mark.parametrize(
    ("error", "status", "printed"),
    [
        (CommandError("no, because"), 1, "build.sh: no, because\n"),
        (subprocess.CalledProcessError(2, ["x"]), 2, ""),
        (subprocess.CalledProcessError(-9, ["x"]), 137, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["an error of ours", "a process failed", "a process was killed", "Ctrl-C"],
)
def test_every_end_has_the_status_a_shell_gives_it(
    seen: list[object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    printed: str,
) -> None:
    """CI and scripts look at it; a process that failed has said why itself."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setitem(program.COMMANDS, "lock", fail)

    assert main("lock") == status
    assert capsys.readouterr().err == printed


def test_status_of_a_command_is_that_of_the_program(
    seen: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 2 of pytest is not our 1."""
    monkeypatch.setitem(program.COMMANDS, "fuzz", lambda *_: 2)

    assert main("fuzz") == 2


def test_property_tests_are_a_fuzz_command_of_their_own(
    seen: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows is pytest's; without the word, it is the fuzzers'."""
    monkeypatch.setattr(program, "run_property_tests", lambda _, arguments: len(arguments))
    monkeypatch.setattr(program, "fuzz", lambda _, arguments: 10 + len(arguments))

    assert main("fuzz", "--properties", "-k", "x") == 2
    assert main("fuzz", "--minutes", "1") == 12


def test_fleet_has_an_account_to_share(seen: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The services are there before it starts."""
    order: list[str] = []
    monkeypatch.setattr(program, "ensure_services", lambda _: order.append("services"))
    monkeypatch.setattr(program, "fleet", lambda _, arguments: order.extend(arguments))

    assert main("fleet", "--environments", "30") == 0
    assert order == ["services", "--environments", "30"]


def test_tests_run_on_the_newest_python_that_can_be_fetched(
    seen: list[tuple[Workspace, Python | Sequence[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of the machine's own fetches it, and its environment is there before the tests."""
    fetched = Python("3.14", Path("/cache/python"))
    monkeypatch.setattr(
        program,
        "with_newest_python",
        lambda workspace: dataclasses.replace(workspace, pythons=(*PYTHONS, fetched)),
    )
    monkeypatch.setattr(program, "run_tests", lambda workspace, _: len(workspace.pythons))

    assert main("test") == 3
    assert [made for _, made in seen] == [PYTHONS[-1], fetched]


def test_standalone_tests_are_a_test_command_of_their_own(
    seen: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only as the first word; later ones are pytest's."""
    monkeypatch.setattr(program, "run_tests", lambda _, arguments: len(arguments))
    monkeypatch.setattr(program, "run_standalone_tests", lambda _, arguments: 10 + len(arguments))

    assert main("test", "-k", "--standalone") == 2
    assert main("test", "--standalone", "-x") == 11
