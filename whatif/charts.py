"""Charts as inline SVG, narrow enough for a telephone: labels stand above their bars, colours are the page's.

Each has a title and a description in words for whoever does not see it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "Interval", "bars", "intervals", "legend"]

WIDTH = 380
VALUE_WIDTH = 84
BAR_HEIGHT = 14
ROW_HEIGHT = 44
LABEL_AT = 13
BAR_AT = 19
DOT_RADIUS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        label: Above it.
        shown: Its value, as it is written behind it.
        parts: Its lengths, each with the class that colours it.
        marked: Whether its label stands out.
    """

    label: str
    shown: str
    parts: Sequence[tuple[float, str]]
    marked: bool = False

    @property
    def total(self) -> float:
        """Its whole length."""
        return sum(length for length, _ in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with what it may be off by."""

    label: str
    shown: str
    value: float
    margin: float
    marked: bool = False


def _svg(name: str, title: str, described: str, height: float, body: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="{name}-t {name}-d">',
            f'<title id="{name}-t">{escape(title)}</title>',
            f'<desc id="{name}-d">{escape(described)}</desc>',
            *body,
            "</svg>",
        ]
    )


def _label(text: str, y: float, *, marked: bool) -> str:
    kind = ' class="own"' if marked else ""
    return f'<text{kind} x="0" y="{y + LABEL_AT:.0f}">{escape(text)}</text>'


def bars(name: str, title: str, rows: Sequence[Bar]) -> str:
    """Draw horizontal bars on one scale from zero, one under the other.

    Args:
        name: Unique on the page.
        title: What is shown, for whoever does not see it.
        rows: From above to below.
    """
    room = WIDTH - VALUE_WIDTH
    largest = max((row.total for row in rows), default=0.0) or 1.0
    body = []
    for number, row in enumerate(rows):
        y = number * ROW_HEIGHT
        body.append(_label(row.label, y, marked=row.marked))
        x = 0.0
        for length, kind in row.parts:
            width = length / largest * room
            if width > 0:
                body.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y + BAR_AT}" width="{max(width, 1):.1f}" height="{BAR_HEIGHT}"/>'
                )
            x += width
        at = max(x, 1.0) + 6
        body.append(f'<text x="{at:.1f}" y="{y + BAR_AT + 12}">{escape(row.shown)}</text>')
    described = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    return _svg(name, title, described, len(rows) * ROW_HEIGHT, body)


def intervals(name: str, title: str, rows: Sequence[Interval], *, truth: float) -> str:
    """Draw estimates with their margins against a line at the truth.

    Args:
        name: Unique on the page.
        title: What is shown, for whoever does not see it.
        rows: From above to below.
        truth: What they are estimates of.
    """
    largest = max([truth, *(row.value + row.margin for row in rows)]) or 1.0
    room = WIDTH - 2 * DOT_RADIUS

    def x_of(value: float) -> float:
        return DOT_RADIUS + max(value, 0.0) / largest * room

    height = len(rows) * ROW_HEIGHT
    body = []
    at = f'x1="{x_of(truth):.1f}" x2="{x_of(truth):.1f}"'
    for number, row in enumerate(rows):
        y = number * ROW_HEIGHT
        middle = y + BAR_AT + BAR_HEIGHT / 2
        low, high = x_of(row.value - row.margin), x_of(row.value + row.margin)
        body += [
            _label(f"{row.label}: {row.shown}", y, marked=row.marked),
            f'<line class="axis" x1="0" x2="{WIDTH}" y1="{middle}" y2="{middle}"/>',
            f'<line class="margin" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>',
            f'<line class="truth" {at} y1="{y + BAR_AT}" y2="{y + BAR_AT + BAR_HEIGHT}"/>',
            f'<circle class="estimate" cx="{x_of(row.value):.1f}" cy="{middle}" r="{DOT_RADIUS}"/>',
        ]
    described = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    return _svg(name, title, described, height, body)


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Give the key to colours: each a class and what it stands for."""
    items = "".join(
        f'<li><span class="key {kind}"></span>{escape(text)}</li>' for kind, text in entries
    )
    return f'<ul class="legend">{items}</ul>'
