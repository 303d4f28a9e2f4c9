"""Write a view as a page that needs nothing from outside. Pure."""

from collections.abc import Sequence

from pages.rendering import render
from show.report.view import EntryRow, FailureRow, ListView, WholeView
from show.report.words import time_text

_PACKAGE = "show.report"
Cell = tuple[str, list[str]]
DATE_CHARS = len("2026-11-24")

_ENTRY_MARKS = {"error": "bad", "gap": "note", "event": "soft", "line": ""}


def list_page(view: ListView) -> str:
    """Return the page of a list."""
    kinds = [
        (
            "",
            [
                *(f"{one.failures:,}", one.error or one.reason, one.reason, one.functions),
                *(time_text(one.last_ms), one.short_id, one.fingerprint),
            ],
        )
        for one in view.kinds
    ]
    values = {
        "lead": view.lead,
        "notes": view.notes,
        "kinds": kinds,
        "rows": [_failure(row) for row in view.rows],
        "error_lines": [row for row in view.rows if row.error_line],
    }
    return render(_PACKAGE, "list.html", values)


def whole_page(view: WholeView) -> str:
    """Return the page of one invocation."""
    attempts = [
        {
            "title": one.title or "The invocation",
            "is_failed": one.is_failed,
            "facts": one.facts,
            "rows": _entries(one.rows),
            "day": _day_of(one.rows),
            "history": _entries(one.history),
            "history_day": _day_of(one.history),
            "history_told": one.history_told,
        }
        for one in view.attempts
    ]
    values = {
        "title": view.title,
        "attempts": attempts,
        "others": [_failure(row) for row in view.others],
        "others_told": view.others_told,
    }
    return render(_PACKAGE, "whole.html", values)


def _failure(row: FailureRow) -> Cell:
    cells = [time_text(row.at_ms), row.function, row.outcome, row.reason, row.error]
    return "bad" if row.is_failed else "", [*cells, row.duration, row.lines, row.request_id]


def _entries(rows: Sequence[EntryRow]) -> list[Cell]:
    """Return the cells of entries; a date stands where the day is not that of the first."""
    cells: list[Cell] = []
    day = _day_of(rows)
    for row in rows:
        time = time_text(row.at_ms)
        shown = time[DATE_CHARS + 1 :] if time.startswith(day) else time
        day = time[:DATE_CHARS]
        cells.append((_ENTRY_MARKS[row.kind], [shown, row.level, row.text]))
    return cells


def _day_of(rows: Sequence[EntryRow]) -> str:
    return time_text(rows[0].at_ms)[:DATE_CHARS] if rows else ""
