"""Draw bar charts as SVG: readable on GitHub's light and dark pages, and small in a diff.

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.reporting.report import number

WIDTH = 760
LABEL_WIDTH = 210
VALUE_WIDTH = 110
BAR_HEIGHT = 16
BAR_GAP = 6
GROUP_GAP = 26
TOP = 44
BOTTOM = 14

# An image on GitHub is shown on the page's background, and follows the system's preference.
_STYLE = """\
text{font:13px system-ui,sans-serif;fill:#1f2328}
.title{font-weight:600;font-size:15px}
.group{font-weight:600}.caption{font-size:11px}
.layer{fill:#0969da}.other{fill:#afb8c1}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.layer{fill:#58a6ff}.other{fill:#6e7681}}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar."""

    label: str
    value: float
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Bars of one unit on one scale, under one heading."""

    heading: str
    unit: str
    bars: Sequence[Bar]


def draw(title: str, groups: Sequence[Group], *, caption: str = "") -> str:
    """Draw groups of horizontal bars, each on its own scale from zero, above a caption."""
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    body = []
    y = TOP
    for group in groups:
        body.append(f'<text class="group" x="12" y="{y + 12}">{escape(group.heading)}</text>')
        y += BAR_HEIGHT + BAR_GAP
        largest = max((bar.value for bar in group.bars), default=0.0) or 1.0
        for bar in group.bars:
            length = max(bar.value, 0.0) / largest * room
            kind = "layer" if bar.marked else "other"
            shown = escape(f"{number(bar.value)} {group.unit}".rstrip())
            body += [
                f'<text x="{LABEL_WIDTH - 8}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>',
                f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>',
                f'<text x="{LABEL_WIDTH + length + 6:.1f}" y="{y + 13}">{shown}</text>',
            ]
            y += BAR_HEIGHT + BAR_GAP
        y += GROUP_GAP - BAR_GAP
    y += BAR_HEIGHT + BAR_GAP - GROUP_GAP
    if caption:
        body.append(f'<text class="caption" x="12" y="{y + 8}">{escape(caption)}</text>')
    height = y + BOTTOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-label="{escape(title)}">'
    )
    return "\n".join(
        [
            head,
            f"<style>{_STYLE}</style>",
            f'<text class="title" x="12" y="24">{escape(title)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )
