"""Turn a Mermaid diagram into a table of its arrows: everybody can read that, and nothing draws it in a browser. Pure."""

import re

BEGIN = "```mermaid\n"

ARROW = re.compile(
    r"^\s*(?P<tail>[\w\[\]*()]+)\s*(?:<?-\.?->|-->)\s*(?:\|(?P<on>[^|]+)\|\s*)?(?P<head>[\w\[\]*()]+)"
    r"(?:\s*:\s*(?P<said>.+))?$"
)
"""An arrow of a flow chart, `a -->|text| b`, or of a state diagram, `a --> b: text`."""

NAME = re.compile(r"^\w*\(\[(?P<shown>[^\]]+)\]\)$")
"""A node with a text of its own: `receiver([receiver])`."""


def as_table(block: str) -> str:
    """Return a fenced block as it is, but a diagram as a table: from, what leads on, to."""
    if not block.startswith(BEGIN):
        return block
    rows = [match for line in block.splitlines() if (match := ARROW.match(line))]
    lines = ["| from | by | to |", "|---|---|---|"]
    for row in rows:
        by = row["on"] or row["said"] or ""
        lines.append(f"| {_shown(row['tail'])} | {by} | {_shown(row['head'])} |")
    return "\n".join(lines)


def _shown(node: str) -> str:
    if node == "[*]":
        return "the beginning"
    match = NAME.match(node)
    return match["shown"] if match else f"`{node}`"
