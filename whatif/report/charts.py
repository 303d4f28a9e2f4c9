"""Draw charts as inline SVG, narrow enough for a telephone, in the page's colours.

Promises: nothing leaves the picture. A long label is wrapped, at blanks where it has any. A label of more than
:data:`MAX_LABEL_LINES` is cut, and a tooltip shows all of it. Each chart has a title and a description for readers who
do not see it. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

WIDTH = 380
BAR_HEIGHT = 14
LINE_HEIGHT = 17
LABEL_AT = 13
LABEL_GAP = 4
ROW_GAP = 11
VALUE_GAP = 6
DOT_RADIUS = 5

MAX_LABEL_LINES = 3
"""The most lines of a label; the tables have all of it."""

_CUT = "\N{HORIZONTAL ELLIPSIS}"
_FONT_SIZE = 13
_CLASSES = {
    0.38: "'ijlIJ/\\| ,.",
    0.50: ":;-f!()[]t_`r",
    0.60: '"*?zcs',
    0.69: "LxvykaeEFTo",
    0.77: "$0123456789bdghnpqu{}SYZCPB",
    0.84: "AKRVXUG#+<=>DHN^~\N{PLUS-MINUS SIGN}",
    0.93: "OQ&w",
    1.11: "@M%mW",
}
_ADVANCES = {char: advance for advance, chars in _CLASSES.items() for char in chars}
_OTHER_ADVANCE = 1.25
"""The width of other characters, in font sizes. Widths are those of DejaVu Sans Bold or more, the widest common typeface
(measured with fontTools). The reader's typeface is unknown, and text in SVG does not wrap by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        label: The text above it.
        shown: Its value, written behind it.
        parts: Its lengths, each with the class of its colour.
        marked: Whether its label stands out.
    """

    label: str
    shown: str
    parts: Sequence[tuple[float, str]]
    marked: bool = False

    @property
    def total(self) -> float:
        """The whole length."""
        return sum(length for length, _ in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its margin."""

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


def _width_of(text: str) -> float:
    """Return the largest width of a text in any typeface."""
    return _FONT_SIZE * sum(_ADVANCES.get(char, _OTHER_ADVANCE) for char in text)


def _wrapped(text: str) -> list[str]:
    """Cut a label into lines."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if _width_of(joined) <= WIDTH:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if _width_of(lines[-1] + char) > WIDTH:
                lines.append("")
            lines[-1] += char
    if len(lines) > MAX_LABEL_LINES:
        last = lines[MAX_LABEL_LINES - 1]
        while _width_of(last + _CUT) > WIDTH:
            last = last[:-1]
        lines = [*lines[: MAX_LABEL_LINES - 1], last + _CUT]
    return lines


def fits(label: str) -> bool:
    """Return whether a label is shown whole."""
    return not _wrapped(label)[-1].endswith(_CUT)


def _label(lines: Sequence[str], whole: str, y: float, *, marked: bool) -> str:
    kind = ' class="own"' if marked else ""
    parts = "".join(
        f'<tspan x="0" y="{y + LABEL_AT + number * LINE_HEIGHT:.0f}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    is_cut = any(line.endswith(_CUT) for line in lines)
    title = f"<title>{escape(whole)}</title>" if is_cut else ""
    return f"<text{kind}>{title}{parts}</text>"


def _bar_at(lines: Sequence[str]) -> float:
    """Return the distance from the top of a row to its bar."""
    return len(lines) * LINE_HEIGHT + LABEL_GAP


def _tops(labels: Sequence[Sequence[str]]) -> list[float]:
    """Return the top of each row, and the bottom of the last one."""
    heights = [_bar_at(lines) + BAR_HEIGHT + ROW_GAP for lines in labels]
    return [0.0, *accumulate(heights)]


def bars(name: str, title: str, rows: Sequence[Bar]) -> str:
    """Draw horizontal bars on one scale from zero, one under the other.

    Args:
        name: Unique on the page.
        title: The subject of the chart, for readers who do not see it.
        rows: From above to below.
    """
    # Even a figure of twenty digits leaves half of the width to its bar.
    shown_width = max((_width_of(row.shown) for row in rows), default=0.0)
    room = WIDTH - VALUE_GAP - min(shown_width, WIDTH / 2)
    labels = [_wrapped(row.label) for row in rows]
    tops = _tops(labels)
    largest = max((row.total for row in rows), default=0.0) or 1.0
    body = []
    for row, lines, y in zip(rows, labels, tops, strict=False):
        bar_y = y + _bar_at(lines)
        body.append(_label(lines, row.label, y, marked=row.marked))
        x = 0.0
        for length, kind in row.parts:
            width = length / largest * room
            if width > 0:
                body.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{bar_y:.0f}" width="{max(width, 1):.1f}" height="{BAR_HEIGHT}"/>'
                )
            x += width
        at = max(x, 1.0) + VALUE_GAP
        body.append(f'<text x="{at:.1f}" y="{bar_y + 12:.0f}">{escape(row.shown)}</text>')
    described = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    return _svg(name, title, described, tops[-1], body)


def intervals(name: str, title: str, rows: Sequence[Interval], *, truth: float) -> str:
    """Draw estimates with their margins against a line at the truth.

    Args:
        name: Unique on the page.
        title: The subject of the chart, for readers who do not see it.
        rows: From above to below.
        truth: The true value.
    """
    largest = max([truth, *(row.value + row.margin for row in rows)]) or 1.0
    room = WIDTH - 2 * DOT_RADIUS

    def x_of(value: float) -> float:
        return DOT_RADIUS + max(value, 0.0) / largest * room

    wholes = [f"{row.label}: {row.shown}" for row in rows]
    labels = []
    for row, whole in zip(rows, wholes, strict=True):
        lines = _wrapped(whole)
        # A figure is never cut, nor separated from its margin.
        labels.append(lines if len(lines) == 1 else [*_wrapped(row.label), row.shown])
    tops = _tops(labels)
    body = []
    at = f'x1="{x_of(truth):.1f}" x2="{x_of(truth):.1f}"'
    for row, whole, lines, y in zip(rows, wholes, labels, tops, strict=False):
        bar_y = y + _bar_at(lines)
        middle = f"{bar_y + BAR_HEIGHT / 2:.0f}"
        low, high = x_of(row.value - row.margin), x_of(row.value + row.margin)
        body += [
            _label(lines, whole, y, marked=row.marked),
            f'<line class="axis" x1="0" x2="{WIDTH}" y1="{middle}" y2="{middle}"/>',
            f'<line class="margin" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>',
            f'<line class="truth" {at} y1="{bar_y:.0f}" y2="{bar_y + BAR_HEIGHT:.0f}"/>',
            f'<circle class="estimate" cx="{x_of(row.value):.1f}" cy="{middle}" r="{DOT_RADIUS}"/>',
        ]
    return _svg(name, title, "; ".join(wholes), tops[-1], body)


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return the key to the colours: pairs of a class and its meaning."""
    items = "".join(
        f'<li><span class="key {kind}"></span>{escape(text)}</li>' for kind, text in entries
    )
    return f'<ul class="legend">{items}</ul>'
