"""Define what the page is made of: tables, and charts of bars and intervals as shares of their width.

Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

FIGURE, CODE, WORDS = "figure", "code", ""


class TableRow(NamedTuple):
    """One row of a table.

    Attributes:
        cells: The first is its heading; an empty one is left out where the row is a card.
        is_own: Whether it is of the user's own settings, and stands out.
        badge: A word beside the heading.
        best: The place of the cell that is marked as the best one; 0 for none.
    """

    cells: Sequence[str]
    is_own: bool = False
    badge: str = ""
    best: int = 0


class Table(NamedTuple):
    """A table.

    Attributes:
        caption: What it shows.
        columns: The title and the kind of each column.
        rows: From above to below.
    """

    caption: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[TableRow]


def table(
    caption: str,
    titles: Sequence[str],
    rows: Sequence[TableRow],
    *,
    words: int = 1,
    code: bool = False,
) -> Table:
    """Return a table; the first ``words`` columns are words, the others figures, but the last one ``code``."""
    kinds = [WORDS if number < words else FIGURE for number in range(len(titles))]
    if code:
        kinds[-1] = CODE
    return Table(caption, list(zip(titles, kinds, strict=True)), rows)


class Part(NamedTuple):
    """A part of a bar: the class of its colour, and its share of the room in percent."""

    kind: str
    percent: float


class Bar(NamedTuple):
    """One bar: its label, its value in words, and its parts."""

    label: str
    shown: str
    parts: Sequence[Part]
    is_own: bool = False


class Length(NamedTuple):
    """What a bar shows: its label, its value in words, and its lengths with the classes of their colours."""

    label: str
    shown: str
    parts: Sequence[tuple[float, str]]
    is_own: bool = False


def bars(rows: Sequence[Length]) -> list[Bar]:
    """Return bars on one scale from zero: the longest one has all the room."""
    longest = max((_total(row) for row in rows), default=0.0) or 1.0
    return [
        Bar(
            row.label,
            row.shown,
            [Part(kind, _percent(length, longest)) for length, kind in row.parts if length > 0],
            row.is_own,
        )
        for row in rows
    ]


class Estimate(NamedTuple):
    """An estimate with its margin."""

    label: str
    shown: str
    value: float
    margin: float
    is_own: bool = False


class Interval(NamedTuple):
    """An estimate on a scale: where its margin begins, how wide it is, and where it is itself, in percent."""

    label: str
    shown: str
    low: float
    width: float
    at: float
    is_own: bool


def intervals(rows: Sequence[Estimate], *, truth: float) -> tuple[list[Interval], float]:
    """Return estimates on one scale, and the place of the truth on it; a margin below zero is cut off there."""
    largest = max([truth, *(row.value + row.margin for row in rows)]) or 1.0
    made = []
    for row in rows:
        low = _percent(max(row.value - row.margin, 0.0), largest)
        high = _percent(row.value + row.margin, largest)
        width, at = round(high - low, 2), _percent(row.value, largest)
        made.append(Interval(row.label, row.shown, low, width, at, row.is_own))
    return made, _percent(truth, largest)


def _total(row: Length) -> float:
    return sum(length for length, _ in row.parts)


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, 100 * part / whole), 2)
