"""Waits say that they are under way, on standard error alone."""

import re
import sys
import threading
import time
from pathlib import Path

import pytest

from emulator.machine import installing
from layer.debian_python import _run as run_step
from terminal import waiting
from terminal.waiting import still
from tools.environments import Environment, Workspace, make_environment
from tools.pythons import Python

EVERY_S = 0.05
LONG_S = 0.5
"""Ten times as long: whatever the machine has to do, a line is due."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits speak twenty times a second."""
    monkeypatch.setattr(waiting, "EVERY_S", EVERY_S)
    monkeypatch.setattr(installing, "SAY_EVERY_S", EVERY_S)


def test_wait_says_what_is_under_way_and_for_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    with still("making tea"):
        time.sleep(LONG_S)

    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"(  still making tea \(\d+ s\)\n)+", err)


def test_quick_step_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "EVERY_S", 60.0)

    with still("blinking"):
        pass

    assert capsys.readouterr().err == ""


def test_waits_at_the_same_time_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A run of the tests prepares half a dozen things beside each other."""
    with still("making tea"), still("toasting"):
        time.sleep(LONG_S)

    assert re.search(r"  still making tea \(\d s\), toasting \(\d s\)\n", capsys.readouterr().err)


def test_row_of_short_steps_is_heard_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a build has them: none lasts long enough by itself."""
    monkeypatch.setattr(waiting, "EVERY_S", LONG_S)
    for number in range(8):
        with still(f"doing step {number}"):
            time.sleep(LONG_S / 3)

    assert re.search(r"^  still doing step [1-7] \(\d+ s\)$", capsys.readouterr().err, re.MULTILINE)


def test_wait_ends_with_its_block_whatever_happens(capsys: pytest.CaptureFixture[str]) -> None:
    def burn() -> None:
        with still("toasting"):
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is ours
        burn()
    capsys.readouterr()
    time.sleep(3 * EVERY_S)

    assert capsys.readouterr().err == ""
    assert not [one for one in threading.enumerate() if one.name == "still"]


def test_wait_goes_on_where_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a pipe that was closed."""
    closed = Path("/dev/null").open("w", encoding="utf-8")  # noqa: SIM115 - closed at once
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)

    with still("making tea"):
        time.sleep(3 * EVERY_S)


def slow(folder: Path) -> Path:
    """Write a program that takes its time, and does nothing."""
    program = folder / "slow"
    program.write_text(f"#!/bin/sh\nexec sleep {LONG_S}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_slow_environment_is_heard_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both pip and uv are silent, and their output is in a log."""
    (tmp_path / "requirements.txt").touch()
    python = Python("3.13", slow(tmp_path))
    workspace = Workspace(
        root=tmp_path, called_from=tmp_path, environ={}, uv=str(python.path), pythons=(python,)
    )
    environment = Environment(
        name="docs",
        folder=tmp_path / "made",
        python=python,
        requirements=tmp_path / "requirements.txt",
    )

    with pytest.raises(FileNotFoundError):  # the program makes no folder for the stamp
        make_environment(workspace, environment)

    assert "  still making made (" in capsys.readouterr().err


def test_slow_installer_of_the_local_lambda_is_heard_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As npm, which compiles Node.js's runtime client for minutes."""
    installing.run_installer([str(slow(tmp_path))], tmp_path, what="a client", hint="patience")

    assert "  still installing a client (" in capsys.readouterr().err


def test_slow_step_of_a_build_is_heard_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_step([str(slow(tmp_path))])

    assert "  still unpacking Debian's Python (" in capsys.readouterr().err
