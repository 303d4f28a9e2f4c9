"""docs/failures.md: what it says of lines is what the recorder reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from extension.levels.level import Level
from extension.levels.objects import plain_key
from extension.levels.reading import level_of
from extension.parsing.failures import _TEXT_RULES
from extension.parsing.line import LineRules, look_at
from extension.regex.level_pattern import LevelPattern
from tests.doubles.lambda_events import FIRST, TIME, node_line

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "failures.md").read_text("utf-8")
EXAMPLES = re.findall(r"^    (.+)$", PAGE, re.MULTILINE)
MEMBERS = {
    "level": "error",
    "severity": "error",
    "log_level": "error",
    "levelname": "ERROR",
    "lvl": "eror",
    "log.level": "error",
    "LogLevel": "Error",
    "Level": "Error",
    "@l": "Error",
    "severityText": "ERROR",
    "severityNumber": 17,
    "level_name": "ERROR",
    "_level_name": "ERROR",
    "@level": "error",
    "L": "error",
    "status": "error",
    "priority": "error",
}


def test_examples_of_text_are_read_at_error() -> None:
    """The last one is the example of LEVEL_PATTERN."""
    known, own = EXAMPLES[:-1], EXAMPLES[-1]
    pattern = re.search(r"under `([^`]+)`", PAGE)

    assert len(known) >= 4
    assert [level_of(text) for text in known] == [Level.ERROR] * len(known)
    assert level_of(own) is None
    assert pattern is not None
    assert LevelPattern(pattern[1]).level_in(own) is Level.ERROR


@pytest.mark.parametrize("member", MEMBERS)
def test_member_of_the_page_names_a_level(member: str) -> None:
    """In any case, with or without separators."""
    assert f"`{member}`" in PAGE
    for name in (member, member.upper(), plain_key(member)):
        assert level_of({name: MEMBERS[member], "message": "m"}) is Level.ERROR, name


@pytest.mark.parametrize(
    "line",
    [
        {"log": {"level": "error"}, "message": "m"},
        {"record": {"level": {"name": "ERROR"}}, "text": "m"},
        {"context": {"logLevel": 50}, "message": "m"},
        {"@fields": {"level": "error"}, "@message": "m"},
        {"level": 50, "msg": "m"},
        {"level": 50, "pid": 8, "hostname": "h", "message": "m"},
        {"levelno": 40},
        {"level": 40, "message": "m"},
        {"level": 3, "short_message": "m"},
        {"PRIORITY": "3", "MESSAGE": "m"},
        {"level": 400, "message": "m"},
        {"level_value": 40000, "message": "m"},
        {"level": "ERROR+4", "msg": "m"},
        "<3>payment refused",
        "ERROR payment refused",
        "\x1b[31mERROR\x1b[0m: payment refused",
    ],
    ids=str,
)
def test_scale_and_form_of_the_page_are_read_at_error(line: object) -> None:
    """A number counts on the scale of its logger."""
    assert level_of(line) is Level.ERROR


@pytest.mark.parametrize(
    "line",
    [
        node_line("(node:8) [DEP0040] DeprecationWarning: old", level="ERROR"),
        f"{TIME} 11111111-2222-3333-4444-555555555555 WARN Handler - a.B: x\na.B: x\n\tat c.D.e(D.java:1)\n\n",
        "[Alert] banner shown",
        "found an ERROR",
        {"severity": "CRITICAL", "source": "aws.guardduty"},
        {"log_level": "critical", "table": "orders"},
        {"event": "level_up", "level": 50},
    ],
    ids=str,
)
def test_line_that_the_page_calls_healthy_is_no_failure(line: object) -> None:
    """A false failure costs money and trust."""
    assert look_at(line, rules=LineRules()).failure is None


def test_lines_that_cannot_be_told_apart_are_failures() -> None:
    """The page says so of these two, and of two outcomes."""
    off = LineRules(error_level=100)
    told = ("[ERROR] Tests run: 17, Failures: 0", "ERROR count: 0")
    node = {"timestamp": TIME, "level": "ERROR", "requestId": FIRST, "message": {"errorType": "E"}}
    rust = f'ERROR Lambda runtime invoke{{requestId="{FIRST}"}}: payment refused'

    assert all(f"`{line}`" in PAGE for line in told)
    assert all(look_at(line, rules=LineRules()).failure for line in told)
    assert [look_at(line, rules=off).failure is not None for line in (node, rust)] == [True, True]


def test_page_names_the_reason_of_every_rule() -> None:
    """Reasons are part of the output's format."""
    assert all(f"`{reason}`" in PAGE for reason, _, _ in _TEXT_RULES)
