"""Write a view as text for a terminal. Tables are as wide as the terminal, and lines of a log are whole.

Pure.
"""

from collections.abc import Sequence

from show.report.view import AttemptView, EntryRow, FailureRow, KindRow, ListView, WholeView
from show.report.words import time_text
from terminal.layout import Column, paragraph, table
from terminal.paint import Colour, Paint

GAP_CHARS = 2
"""Between two columns."""
MIN_ERROR_CHARS = 40
"""In a narrower column an error says nothing. It then stands on a line of its own."""
FULL_ID_CHARS = 36
MAX_CELL_CHARS, MIN_CELL_CHARS = 20, 8
"""Of a function's name, an outcome or a reason; they give way where the terminal is narrow."""

_WORDS = frozenset({"function", "outcome", "reason"})
_COLOURS: dict[str, Colour] = {"error": "red", "gap": "cyan", "event": "dim", "line": "none"}
_TIME_CHARS = len("12:00:00.000")
_LEVEL_CHARS = len("ERROR")


def list_lines(view: ListView, paint: Paint, *, width: int) -> list[str]:
    """Return the list of failures."""
    lines = [*paragraph(view.lead, width=width)]
    if view.rows:
        lines += ["", *_failures(view.rows, paint, width=width)]
    if view.kinds:
        lines += ["", paint("By fingerprint", "bold"), "", *_kinds(view.kinds, paint, width=width)]
    for note in view.notes:
        lines += ["", *paragraph(note, width=width)]
    return lines


def _failures(rows: Sequence[FailureRow], paint: Paint, *, width: int) -> list[str]:
    several = len({row.function for row in rows}) > 1
    titles = ["time (UTC)", *(["function"] if several else []), "outcome", "reason"]
    cells = [
        [
            time_text(row.at_ms)[:19],
            *([row.function] if several else []),
            *(row.outcome, row.reason, row.duration, row.lines, row.short_id, row.error),
        ]
        for row in rows
    ]
    figures = ("duration", "lines")
    columns = _columns([*titles, *figures, "id", "error"], cells, figures=figures, width=width)
    below = _stand_below([row.error for row in rows], columns[-1].width)
    shown = columns[:-1] if below else columns
    head, rule, *body = table(shown, [[one[: len(shown)] for one in cells]])
    lines = [paint(head, "bold"), rule]
    for row, text in zip(rows, body, strict=True):
        lines.append(paint(text, "red" if row.is_failed else "none"))
        if below and row.error:
            lines += paragraph(row.error, indent="    ", width=width)
    return lines


def _kinds(kinds: Sequence[KindRow], paint: Paint, *, width: int) -> list[str]:
    titles = ["failures", "fingerprint", "reason", "last (UTC)", "its id", "error"]
    cells = [
        [
            *(f"{one.failures:,}", one.fingerprint, one.reason),
            *(time_text(one.last_ms)[:19], one.short_id, one.error),
        ]
        for one in kinds
    ]
    columns = _columns(titles, cells, figures=("failures",), width=width)
    below = _stand_below([one.error for one in kinds], columns[-1].width)
    shown = columns[:-1] if below else columns
    head, rule, *body = table(shown, [[one[: len(shown)] for one in cells]])
    lines = [paint(head, "bold"), rule]
    for one, text in zip(kinds, body, strict=True):
        lines.append(text)
        if below and one.error:
            lines += paragraph(one.error, indent="    ", width=width)
    return lines


def _stand_below(errors: Sequence[str], width: int) -> bool:
    """Tell whether errors need lines of their own, because the column for them is narrow."""
    return width < min(MIN_ERROR_CHARS, max(map(len, errors)))


def _columns(
    titles: Sequence[str],
    cells: Sequence[Sequence[str]],
    *,
    figures: Sequence[str],
    width: int,
) -> list[Column]:
    """Return columns as wide as what is in them; the last one takes the rest of the width."""
    widths = []
    for at, title in enumerate(titles[:-1]):
        longest = max(len(title), *(len(row[at]) for row in cells))
        most = FULL_ID_CHARS if title.endswith("id") else MAX_CELL_CHARS
        widths.append(min(longest, most))
    words = [at for at, title in enumerate(titles[:-1]) if title in _WORDS]
    while sum(widths) + GAP_CHARS * (len(widths) - 1) > width and words:
        widest = max(words, key=lambda at: widths[at])
        if widths[widest] <= MIN_CELL_CHARS:
            break
        widths[widest] -= 1
    used = sum(widths) + GAP_CHARS * len(widths)
    columns = [
        Column(title, one, right=title in figures)
        for title, one in zip(titles[:-1], widths, strict=True)
    ]
    return [*columns, Column(titles[-1], max(width - used, 0))]


def whole_lines(view: WholeView, paint: Paint, *, width: int, wraps: bool) -> list[str]:
    """Return one invocation whole; ``wraps`` breaks long lines at the width."""
    lines = [paint(view.title, "bold")]
    for one in view.attempts:
        lines += ["", *_attempt(one, paint, width=width, wraps=wraps)]
    if view.others:
        lines += ["", paint("The transaction", "bold"), ""]
        lines += [*paragraph(view.others_told, width=width), ""]
        lines += _failures(view.others, paint, width=width)
    return lines


def _attempt(one: AttemptView, paint: Paint, *, width: int, wraps: bool) -> list[str]:
    lines = [paint(one.title, "bold"), ""] if one.title else []
    longest = max(len(name) for name, _ in one.facts)
    for name, value in one.facts:
        colour: Colour = "red" if name == "outcome" and one.is_failed else "none"
        first, *others = _parts(value, width - longest - GAP_CHARS if wraps else 0)
        lines.append(f"{paint(name.ljust(longest), 'dim')}  {paint(first, colour)}")
        lines += [f"{' ' * (longest + GAP_CHARS)}{paint(other, colour)}" for other in others]
    lines += ["", *_entries(one.rows, paint, width=width, wraps=wraps)]
    if one.history:
        lines += ["", paint("History", "bold"), ""]
        lines += [*paragraph(one.history_told, width=width), ""]
        lines += _entries(one.history, paint, width=width, wraps=wraps)
    return lines


def _entries(rows: Sequence[EntryRow], paint: Paint, *, width: int, wraps: bool) -> list[str]:
    """Return entries with their times and levels; a date stands where the day changes."""
    lines, day = [], ""
    indent = " " * (_TIME_CHARS + _LEVEL_CHARS + 2)
    for row in rows:
        time = time_text(row.at_ms)
        if time[:10] != day:
            day = time[:10]
            lines.append(paint(day, "dim"))
        first, *others = _parts(row.text, width - len(indent) if wraps else 0)
        colour = _COLOURS[row.kind]
        lines.append(
            f"{paint(time[11:], 'dim')} {row.level:<{_LEVEL_CHARS}} {paint(first, colour)}".rstrip()
        )
        lines += [f"{indent}{paint(other, colour)}".rstrip() for other in others]
    return lines


def _parts(text: str, width: int) -> list[str]:
    """Return the lines of a text, cut at a width if it is not 0."""
    lines = text.expandtabs(4).split("\n")
    if width <= 0:
        return lines
    return [line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)]
