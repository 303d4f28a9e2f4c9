"""Write tables as HTML. Pure."""

from collections.abc import Sequence
from html import escape

TableRow = tuple[bool, Sequence[str]]
"""Whether the row stands out, and its cells."""


def table(
    titles: Sequence[str],
    rows: Sequence[TableRow],
    *,
    text: int = 1,
    code: bool = False,
) -> str:
    """Return a table; the first ``text`` columns are words, the others figures, but the last one ``code``."""
    kinds = ["" if number < text else ' class="figure"' for number in range(len(titles))]
    if code:
        kinds[-1] = ' class="code"'
    head = "".join(
        f'<th scope="col"{kind}>{escape(title)}</th>'
        for kind, title in zip(kinds, titles, strict=True)
    )
    body = []
    for is_own, cells in rows:
        first, *others = zip(kinds, cells, strict=True)
        mark = ' class="own"' if is_own else ""
        body.append(
            f'<tr{mark}><th scope="row">{escape(first[1])}</th>'
            + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in others)
            + "</tr>"
        )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
