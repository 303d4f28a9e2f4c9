"""Test the runs of the functions, without running one."""

import pytest

from emulator.demo import run
from emulator.demo.plan import (
    FUNCTIONS,
)
from emulator.machine.frames import Line


def test_lines_of_an_init_belong_to_the_next_invocation() -> None:
    """The extension counts them the same way."""
    lines = [
        Line(name, text, "stdout", 0) for name, text in ((None, "i"), ("r-1", "a"), ("r-2", "b"))
    ]

    found = run.by_invocation(lines)

    assert {name: [line.text for line in own] for name, own in found.items()} == {
        "r-1": ["i", "a"],
        "r-2": ["b"],
    }


def test_missing_tools_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Node.js or curl still runs the rest of the demo."""
    monkeypatch.setenv("PATH", "/nonexistent")

    without_node = run.missing_for(FUNCTIONS["nodejs"], say=print)
    without_curl = run.missing_for(FUNCTIONS["bash"], say=print)

    assert without_node is not None
    assert "Node.js is not on PATH" in without_node
    assert without_curl == "not installed: bash, curl"
