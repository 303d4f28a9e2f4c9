"""Write what the user's own settings miss, and what they do by function, as text. Pure."""

from collections.abc import Mapping, Sequence

from extension import PREFIX
from terminal.layout import Column, paragraph, table
from whatif.model.prices import SINK_TITLES, SINKS
from whatif.model.signs import SIGNS
from whatif.model.words import counted, listed, share_text, usd_text
from whatif.report.findings import FunctionRow, MissedRow
from whatif.report.text_costs import money
from whatif.report.view import View

MAX_LISTED_FUNCTIONS = 20
WITH_THEM = "with the failures above"
_INDENT = "  "
_COLUMN_CHARS = 24
_SIGN_CHARS = 20


def missed_text(view: View) -> str:
    """Say in words how many failures the user's own settings miss."""
    missed = view.missed
    looked_for = listed(
        [sign.name for sign in SIGNS if sign.name not in missed.unsearched], last="or"
    )
    rest = (
        f" There was no room in ERROR_PATTERN to look for {listed(list(missed.unsearched), last='or')}."
        if missed.unsearched
        else ""
    )
    if not missed.invocations:
        return (
            f"Nothing was found: no invocation that {view.own.label} takes for healthy has a line with a sign of failure"
            f" ({looked_for}).{rest}"
        )
    verb, them = ("has", "it") if missed.invocations == 1 else ("have", "them")
    share = share_text(missed.invocations, view.invocations)
    return (
        f"{counted(missed.invocations, 'invocation')} of {view.invocations:,} ({share}) {verb} a line by which a person might"
        f" call {them} failed, and {view.own.label} takes {them} for healthy. {missed.let_go:,} of {missed.invocations:,}"
        f" would be let go.{rest}"
    )


def missed_explained(view: View) -> str:
    """Explain the columns of the table of signs."""
    return (
        "An invocation counts for each sign that it shows. Below ERROR: only in lines to which the logger gave a lower level,"
        " such as a retry at WARN. Let go: not kept whole by the draw or a rule. The cost is in USD for"
        f" {view.per}, in CloudWatch, Standard class. A sign is no more than a word, so look at the examples before you set"
        " anything."
    )


def assignments(settings: Mapping[str, str]) -> list[str]:
    """Write settings as variables."""
    return [f"{PREFIX}{name}={value}" for name, value in settings.items()]


def missed_lines(view: View) -> list[str]:
    """Return the section on what the user's own settings miss."""
    missed = view.missed
    lines = paragraph(missed_text(view))
    if not missed.rows:
        return lines
    columns = (
        Column("sign", _SIGN_CHARS),
        Column("invocations", 11, right=True),
        Column("share", 6, right=True),
        Column("below ERROR", 11, right=True),
        Column("let go", 8, right=True),
        Column("USD to keep them", 16, right=True),
    )
    cells = [
        [
            *(row.sign, f"{row.invocations:,}", share_text(row.invocations, view.invocations)),
            *(f"{row.mild:,}", f"{row.let_go:,}", usd_text(row.usd)),
        ]
        for row in missed.rows
    ]
    lines += ["", *table(columns, [cells]), "", *paragraph(missed_explained(view)), ""]
    for row in missed.rows:
        lines += [*_examples(row), ""]
    return [*lines, *_price(view)]


def _examples(row: MissedRow) -> list[str]:
    shown = [
        line
        for example in row.examples
        for line in paragraph(_ascii(f"{example.request_id} {example.text}"), indent=_INDENT)
    ]
    # Not wrapped, so that it can be copied.
    settings = [f"{_INDENT}{one}" for one in assignments(row.settings)]
    return [f"{row.sign}, for example:", *shown, f"What keeps {_them(row)}:", *settings]


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _them(row: MissedRow) -> str:
    return "it" if row.invocations == 1 else "them"


def _price(view: View) -> list[str]:
    missed = view.missed
    lines = []
    if len(missed.rows) > 1:
        lines = ["What keeps all of them:"]
        lines += [f"{_INDENT}{one}" for one in assignments(missed.settings)]
        lines.append("")
    titles = {**SINK_TITLES, "cloudwatch-ia": "CloudWatch, IA"}
    columns = (
        Column("settings", max(len(WITH_THEM), len(view.own.label))),
        *(Column(titles[name], max(len(titles[name]), 10), right=True) for name in SINKS),
    )
    cells = [
        [label, *(usd_text(row.usd[name]) for name in SINKS)]
        for label, row in ((view.own.label, view.own), (WITH_THEM, missed.kept))
    ]
    return [*lines, *table(columns, [cells]), "", *paragraph(price_explained(view))]


def price_explained(view: View) -> str:
    """Say what the table of prices compares."""
    more = view.missed.kept.lines - view.own.lines
    return f"USD for {view.per}, from a replay with each. What is kept besides: {counted(more, 'line')}."


def functions_explained(view: View) -> str:
    """Explain the table by function."""
    return (
        f"With {view.own.label}. Costs are in USD for {view.per}, in CloudWatch, Standard class. Net: what is saved, less"
        " all that the recorder costs. A log that does not name its"
        " function is listed by its file or folder."
    )


def rest_of(rows: Sequence[FunctionRow]) -> list[FunctionRow]:
    """Add functions up that a table does not list; return no row if there are none."""
    if not rows:
        return []
    return [
        FunctionRow(
            name=f"{len(rows):,} more",
            invocations=sum(row.invocations for row in rows),
            lines=sum(row.lines for row in rows),
            failed=sum(row.failed for row in rows),
            kept=sum(row.kept for row in rows),
            today_usd=sum(row.today_usd for row in rows),
            usd=sum(row.usd for row in rows),
            net_usd=sum(row.net_usd for row in rows),
        )
    ]


def functions_lines(view: View) -> list[str]:
    """Return the section by function; nothing where there is only one."""
    if len(view.functions) <= 1:
        return []
    columns = (
        Column("function", _COLUMN_CHARS),
        Column("invocations", 11, right=True),
        Column("lines", 10, right=True),
        Column("failed", 7, right=True),
        Column("kept lines", 10, right=True),
        Column("today", 8, right=True),
        Column("kept", 8, right=True),
        Column("net", 8, right=True),
    )
    shown = view.functions[:MAX_LISTED_FUNCTIONS]
    cells = [
        [
            *(one.name, f"{one.invocations:,}", f"{one.lines:,}", f"{one.failed:,}"),
            *(f"{one.kept:,}", usd_text(one.today_usd), usd_text(one.usd), money(one.net_usd)),
        ]
        for one in (*shown, *rest_of(view.functions[MAX_LISTED_FUNCTIONS:]))
    ]
    return [*table(columns, [cells]), "", *paragraph(functions_explained(view))]
