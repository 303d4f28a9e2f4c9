"""Lines of more than eighty loggers and runtimes: how many are read as a person reads them.

The figures are bounds: a line of a logger that nobody thought of is to be read as well, so no test names single rows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from extension.parsing.batch import Line, Lines
from tests.doubles.lambda_events import batch, done, line, python_line, start
from tests.extension.parsing.lines import read_all
from tests.extension.parsing.logger_lines import (
    REQUEST_ID,
    RULES,
    Family,
    Reading,
    readings,
    reason_of,
    share,
    table_by_logger,
    wrong,
)

pytestmark = pytest.mark.newest

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_JSON_SHARE = 0.98
MIN_TEXT_SHARE = 0.92
"""Some loggers write no level, so that nobody can tell."""

MAX_MISLEADING = 3

FLOOD_BYTES = 16 * 1024
"""The batch reader looks at a batch of this size as a whole first."""


def of(family: Family) -> list[Reading]:
    return [one for one in readings() if one.row.family is family]


def test_every_unhandled_error_of_a_runtime_is_found() -> None:
    """Whatever the language and the log format."""
    missed = [one for one in of(Family.RUNTIME) if not one.is_found]

    assert not missed, f"\n{wrong(missed)}"


def test_nearly_all_json_lines_get_the_right_verdict() -> None:
    """JSON itself, as an object or as text, and JSON behind a runtime's prefix."""
    found = of(Family.JSON)

    assert share(one.verdict_is_right for one in found) >= MIN_JSON_SHARE, f"\n{wrong(found)}"


def test_most_text_lines_get_the_right_verdict() -> None:
    """Whatever stands before the level."""
    found = of(Family.TEXT)

    assert share(one.verdict_is_right for one in found) >= MIN_TEXT_SHARE, f"\n{wrong(found)}"


def test_hardly_any_healthy_line_is_taken_for_a_failure() -> None:
    """A function that only ever says "0 errors" is sampled."""
    misleading = [one for one in readings() if one.misleads]

    assert len(misleading) <= MAX_MISLEADING, f"\n{wrong(misleading)}"


def test_a_line_names_no_other_transaction_than_its_own() -> None:
    """An id is found or not, but no other text is taken for one, and no id under a name that says something else."""
    ids = {one.row.correlation for one in readings()}
    wrong_id = [one for one in readings() if one.correlation and one.correlation not in ids]
    wrong_name = [
        one
        for one in readings()
        if one.row.kind == "correlation" and one.correlation and not one.row.correlation
    ]

    assert wrong_id == []
    assert wrong_name == []


def test_the_table_has_every_logger() -> None:
    """Shown with ``pytest -s``: rows, levels, failures, false ones and ids of transactions, by logger."""
    shown = table_by_logger()

    print(f"\n{shown}")
    assert all(f"\n{one.row.logger[:30]}" in shown for one in readings())


def test_a_line_alone_in_a_batch_gets_the_same_verdict() -> None:
    """The quick look at a line's first bytes passes by nothing that the exact reading calls a failure."""
    assert_same_verdicts(lambda record: [line(record)])


def test_a_line_between_plain_lines_gets_the_same_verdict() -> None:
    """As most lines come: an invocation's start, plain lines around it, and its end."""

    def around(record: object) -> list[object]:
        plain = line(plain_beside(record))
        return [start(REQUEST_ID), plain, line(record), plain, done(REQUEST_ID)]

    assert_same_verdicts(around)


def test_a_line_between_lines_of_the_other_format_gets_the_same_verdict() -> None:
    """Text beside objects, objects beside text: what writes to stderr passes the runtime's logger by."""

    def beside(record: object) -> list[object]:
        plain = line(plain_beside({} if isinstance(record, str) else ""))
        return [plain, line(record), plain]

    assert_same_verdicts(beside)


def test_a_line_in_a_flood_of_its_likes_gets_the_same_verdict() -> None:
    """A large batch is searched as a whole first."""

    def flood(record: object) -> list[object]:
        one = line(record)
        return [one] * (FLOOD_BYTES // len(batch([one])) + 2)

    assert_same_verdicts(flood)


def plain_beside(record: object) -> object:
    if isinstance(record, str):
        return python_line("paid", request_id=REQUEST_ID)
    return {
        "timestamp": "2026-11-28T19:51:00Z",
        "level": "INFO",
        "message": "paid",
        "requestId": REQUEST_ID,
    }


def assert_same_verdicts(events: Callable[[object], list[object]]) -> None:
    """Read each row's line within a batch; every copy of it has the verdict of the line by itself."""
    differing = []
    for one in readings():
        made = events(one.row.record)
        copies = made.count(line(one.row.record))
        found = failures_in(batch(made))
        if found != [one.failure] * copies * bool(one.failure):
            differing.append(
                f"{one.row.logger} | {one.row.config} | by itself: {one.failure or 'no failure'}, "
                f"in the batch: {found[:3]} of {copies} | {json.dumps(one.row.record)[:200]}"
            )

    assert not differing, "\n" + "\n".join(differing)


def failures_in(body: bytes) -> list[str]:
    """Return the reasons of all failures of the rows' invocation in a batch."""
    items = read_all(body, rules=RULES, open_id=REQUEST_ID.encode())
    assert any(isinstance(item, (Line, Lines)) for item in items)
    reasons = [reason_of(item.facts.failure) for item in items if isinstance(item, Line)]
    return [reason for reason in reasons if reason]
