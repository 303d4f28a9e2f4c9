"""Diagrams become tables, which need neither a script nor eyes."""

import re
from pathlib import Path

import pytest

from docs_site.diagrams import as_table

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "architecture.md").read_text("utf-8")
DIAGRAMS = re.findall(r"^```mermaid\n.*?^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_flow_chart_becomes_a_table() -> None:
    block = "```mermaid\nflowchart LR\n    lambda([Lambda]) -->|a batch| api\n    api <--> b\n```"

    assert as_table(block).splitlines() == [
        "| from | by | to |",
        "|---|---|---|",
        "| Lambda | a batch | `api` |",
        "| `api` |  | `b` |",
    ]


def test_state_diagram_becomes_a_table() -> None:
    block = (
        "```mermaid\nstateDiagram-v2\n    [*] --> RUNNING\n    RUNNING --> KEPT: keep, failure\n```"
    )

    assert as_table(block).splitlines()[2:] == [
        "| the beginning |  | `RUNNING` |",
        "| `RUNNING` | keep, failure | `KEPT` |",
    ]


def test_other_blocks_stay() -> None:
    assert as_table("```json\n{}\n```") == "```json\n{}\n```"


@pytest.mark.parametrize("block", DIAGRAMS, ids=["way", "life", "managed instances"])
def test_every_arrow_of_the_page_has_a_row(block: str) -> None:
    arrows = [line for line in block.splitlines() if "-->" in line or "-.->" in line]

    assert len(arrows) > 5
    assert len(as_table(block).splitlines()) == len(arrows) + 2
