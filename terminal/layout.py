"""Set text in columns and paragraphs, at most ``WIDTH`` characters wide."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

WIDTH = 100
_GAP = "  "
_BAR = " | "
_ELLIPSIS = "..."


class Column(NamedTuple):
    """One column of a table; ``right`` sets numbers to the right."""

    title: str
    width: int
    right: bool = False


def fit(text: str, width: int) -> str:
    """Shorten text to a width; three dots show where it was cut."""
    plain = text.encode("ascii", "replace").decode().replace("\t", " ").replace("\n", " ").rstrip()
    return plain if len(plain) <= width else plain[: width - len(_ELLIPSIS)] + _ELLIPSIS


def row_text(columns: Sequence[Column], cells: Sequence[object]) -> str:
    """Return one row of a table, without blanks at its end."""
    parts = []
    for column, cell in zip(columns, cells, strict=True):
        text = fit(str(cell), column.width)
        parts.append(text.rjust(column.width) if column.right else text.ljust(column.width))
    return _GAP.join(parts).rstrip()


def table(columns: Sequence[Column], groups: Iterable[Sequence[Sequence[object]]]) -> list[str]:
    """Return the lines of a table: titles, a rule, and the groups with an empty line between them."""
    lines = [
        row_text(columns, [column.title for column in columns]),
        _GAP.join("-" * column.width for column in columns),
    ]
    for number, group in enumerate(groups):
        lines += [""] if number else []
        lines += [row_text(columns, cells) for cells in group]
    return lines


def paragraph(text: str, *, indent: str = "", width: int = WIDTH) -> list[str]:
    """Wrap text into lines; line breaks in the text count as blanks."""
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def side_by_side(left: Sequence[str], right: Sequence[str], *, left_width: int) -> list[str]:
    """Set two lists next to each other; wrap longer entries within their side."""
    right_width = WIDTH - left_width - len(_BAR)
    sides = [
        [
            part
            for entry in entries
            for part in textwrap.wrap(entry, width, subsequent_indent="  ") or [""]
        ]
        for entries, width in ((left, left_width), (right, right_width))
    ]
    height = max(map(len, sides))
    rows = zip(*(side + [""] * (height - len(side)) for side in sides), strict=True)
    return [f"{one.ljust(left_width)}{_BAR}{other}".rstrip() for one, other in rows]
