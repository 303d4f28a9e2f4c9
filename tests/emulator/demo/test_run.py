"""Test the runs of the functions, without running one."""

from pathlib import Path

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


def test_quick_demo_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node.js's client takes minutes, and the first look at the product should not."""
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LAMBDA_EMULATOR_CACHE", str(tmp_path / "cache"))
    said: list[str] = []

    lacking = run.missing_for(FUNCTIONS["nodejs"], say=said.append, quick=True)

    assert lacking is not None
    assert "by the demo without --quick" in lacking
    assert said == []
