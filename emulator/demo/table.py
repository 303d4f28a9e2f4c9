"""Text in columns, and colour where there is a terminal.

Pure. Nothing is wider than ``WIDTH``, and all of it is ASCII, whatever the terminal can show.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["WIDTH", "Column", "Paint", "fit", "paragraph", "row_text", "side_by_side", "table"]

WIDTH = 100
GAP = "  "
ELLIPSIS = "..."
CONTINUED = "  "

Colour = Literal["bold", "dim", "red", "green", "cyan", "none"]
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text, or leaves it alone."""

    enabled: bool

    def __call__(self, text: str, colour: Colour) -> str:
        """Give the text in a colour."""
        if not self.enabled or colour == "none":
            return text
        return f"\x1b[{CODES[colour]}m{text}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``right`` for numbers."""

    title: str
    width: int
    right: bool = False


def fit(text: str, width: int) -> str:
    """Shorten text to a width, and show that it was."""
    plain = text.encode("ascii", "replace").decode().replace("\t", " ").replace("\n", " ").rstrip()
    return plain if len(plain) <= width else plain[: width - len(ELLIPSIS)] + ELLIPSIS


def row_text(columns: Sequence[Column], cells: Sequence[object]) -> str:
    """Set one row; without blanks at its end."""
    parts = []
    for column, cell in zip(columns, cells, strict=True):
        text = fit(str(cell), column.width)
        parts.append(text.rjust(column.width) if column.right else text.ljust(column.width))
    return GAP.join(parts).rstrip()


def table(columns: Sequence[Column], groups: Iterable[Sequence[Sequence[object]]]) -> list[str]:
    """Set a table: titles, a rule, and the groups with an empty line between them."""
    rule = GAP.join("-" * column.width for column in columns)
    lines = [row_text(columns, [column.title for column in columns]), rule]
    for number, group in enumerate(groups):
        lines += [""] if number else []
        lines += [row_text(columns, cells) for cells in group]
    return lines


def paragraph(text: str, *, indent: str = "") -> list[str]:
    """Wrap text; line breaks in it do not count."""
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _wrapped(entry: str, width: int) -> list[str]:
    return textwrap.wrap(entry, width, subsequent_indent=CONTINUED) or [""]


def side_by_side(left: Sequence[str], right: Sequence[str], *, left_width: int) -> list[str]:
    """Set two lists next to each other; longer entries are wrapped within their side."""
    bar = " | "
    right_width = WIDTH - left_width - len(bar)
    sides = [
        [part for entry in entries for part in _wrapped(entry, width)]
        for entries, width in ((left, left_width), (right, right_width))
    ]
    height = max(len(side) for side in sides)
    rows = zip(*(side + [""] * (height - len(side)) for side in sides), strict=True)
    return [f"{one.ljust(left_width)}{bar}{other}".rstrip() for one, other in rows]
