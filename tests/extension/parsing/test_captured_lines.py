"""Every record that the real runtime clients wrote: whether it is read as what it is.

`tests/captured/capture.py` says what the fields of a row are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extension.parsing.line import LineRules, look_at

pytestmark = pytest.mark.newest

FOLDER = Path(__file__).resolve().parents[2] / "captured"
FILES = sorted(path.name for path in FOLDER.glob("*.ndjson"))
RULES = LineRules()


def wrong(row: dict[str, Any]) -> list[str]:
    """Return what is read of a record in another way than a person would read it."""
    facts = look_at(row["record"], rules=RULES)
    reason = None if facts.failure is None else facts.failure.reason
    level = None if facts.level is None else facts.level.name
    expect = row["expect"]
    found = []
    if expect["failed"] is not None and (reason is not None) is not expect["failed"]:
        found.append(f"{reason or 'no failure'} for {expect['reason'] or 'no failure'}")
    elif expect["reason"] is not None and reason != expect["reason"]:
        found.append(f"{reason} for {expect['reason']}")
    if "level" in expect and level != expect["level"]:
        found.append(f"level {level} for {expect['level']}")
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_runtime_s_own_lines_are_read_for_what_they_are(name: str) -> None:
    """Failures with their reason, healthy lines as healthy, and the level where one is written."""
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")[:-1]

    found = [
        f"{row['logger']} | {row['format']}, {row['api']} | {row['case']} | {'; '.join(told)} | "
        f"{json.dumps(row['record'])[:200]}"
        for row in map(json.loads, lines)
        if (told := wrong(row))
    ]

    assert not found, "\n" + "\n".join(found)
