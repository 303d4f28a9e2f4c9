"""Write what the user's own settings miss, and what they do by function, as HTML. Pure."""

from html import escape

from whatif.model.prices import SINK_TITLES, SINKS
from whatif.model.words import share_text, usd_text
from whatif.report.findings import MissedRow, MissedView
from whatif.report.markup import TableRow, table
from whatif.report.text_findings import (
    WITH_THEM,
    assignments,
    functions_explained,
    missed_explained,
    missed_text,
    price_explained,
    rest_of,
)
from whatif.report.view import View

MAX_LISTED_FUNCTIONS = 50


def missed_html(view: View) -> str:
    """Return the section on what the user's own settings miss."""
    missed = view.missed
    told = f"<p>{escape(missed_text(view))}</p>"
    if not missed.rows:
        return told
    titles = (
        *("sign", "invocations", "share", "below ERROR", "let go"),
        *("USD to keep them", "what keeps them"),
    )
    rows: list[TableRow] = [
        (False, (*_figures(one, view), " ".join(assignments(one.settings)))) for one in missed.rows
    ]
    examples = "".join(
        f"<li>{escape(one.sign)}, {escape(example.request_id)}: <code>{escape(example.text)}</code></li>"
        for one in missed.rows
        for example in one.examples
    )
    settings = "".join(
        f"<li><code>{escape(one)}</code></li>" for one in assignments(missed.settings)
    )
    return (
        f"{told}{table(titles, rows, code=True)}<p>{escape(missed_explained(view))}</p><ul>{examples}</ul>"
        f"<p>This keeps all of them:</p><ul>{settings}</ul>{_price(view, missed)}"
    )


def _figures(row: MissedRow, view: View) -> tuple[str, ...]:
    return (
        row.sign,
        f"{row.invocations:,}",
        share_text(row.invocations, view.invocations),
        f"{row.mild:,}",
        f"{row.let_go:,}",
        usd_text(row.usd),
    )


def _price(view: View, missed: MissedView) -> str:
    titles = ("settings", *(SINK_TITLES[name] for name in SINKS))
    rows: list[TableRow] = [
        (row.is_own, (label, *(usd_text(row.usd[name]) for name in SINKS)))
        for label, row in ((view.own.label, view.own), (WITH_THEM, missed.kept))
    ]
    return f"{table(titles, rows)}<p>{escape(price_explained(view))}</p>"


def functions_html(view: View) -> str:
    """Return the section by function; empty where there is only one."""
    if len(view.functions) <= 1:
        return ""
    titles = (
        *("function", "invocations", "lines", "failed", "kept lines"),
        *("today, USD", "kept, USD"),
    )
    shown = view.functions[:MAX_LISTED_FUNCTIONS]
    rest = rest_of(view.functions[MAX_LISTED_FUNCTIONS:])
    rows: list[TableRow] = [
        (
            False,
            (
                *(one.name, f"{one.invocations:,}", f"{one.lines:,}", f"{one.failed:,}"),
                *(f"{one.kept:,}", usd_text(one.today_usd), usd_text(one.usd)),
            ),
        )
        for one in (*shown, *rest)
    ]
    return f"{table(titles, rows)}<p>{escape(functions_explained(view))}</p>"
