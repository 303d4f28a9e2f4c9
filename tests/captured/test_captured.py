"""The captured files are of the programs as they are now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.captured.programs import PROGRAMS, Program, client_of

FOLDER = Path(__file__).parent


def rows(name: str) -> list[dict[str, Any]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["go", "java", "rust"])
def test_captured_lines_are_of_the_client_that_is_pinned(name: str) -> None:
    """A new pin of a client asks for a new capture, since the client may write other lines."""
    assert {row["client"] for row in rows(f"{name}.ndjson")} == {client_of(name)}


@pytest.mark.parametrize(
    "program", [one for programs in PROGRAMS.values() for one in programs], ids=str
)
def test_every_failure_that_a_line_tells_was_captured(program: Program) -> None:
    """In each format, with the line that tells it."""
    file = "nodejs20.ndjson" if program.name == "nodejs" else f"{program.name}.ndjson"
    expected = {
        (case.kind, log_format.lower())
        for case in program.cases
        for log_format in program.formats
        if case.telling
    }

    told = {
        (row["case"], row["format"])
        for row in rows(file)
        if row["logger"] == program.logger and row["expect"]["failed"]
    }

    assert expected <= told
