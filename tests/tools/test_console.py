from __future__ import annotations

from typing import TYPE_CHECKING

from tools.console import say, warn

if TYPE_CHECKING:
    import pytest


def test_progress_and_warnings_go_to_different_streams(capsys: pytest.CaptureFixture[str]) -> None:
    """The list of Pythons is read by a program, and no warning may stand in it."""
    say("layer")
    warn("  left out")

    assert capsys.readouterr() == ("layer\n", "  left out\n")
