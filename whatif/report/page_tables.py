"""Make the tables of the page from a view. Pure."""

from whatif.model.prices import AS_OF, PRICES, REGION, SINK_TITLES, SINKS
from whatif.model.words import bytes_text, share_text, usd_text
from whatif.replay.missed import excerpt
from whatif.report.page_parts import Table, TableRow, table
from whatif.report.rows import KINDS, Row
from whatif.report.text_costs import (
    NATIVE_OF_SINK,
    NATIVE_ROW,
    TODAY,
    is_best,
    money,
    upkeep_rows,
)
from whatif.report.text_findings import (
    WITH_THEM,
    assignments,
    functions_explained,
    price_explained,
    rest_of,
)
from whatif.report.view import View

MAX_LISTED_FILES = 50
MAX_LISTED_FAILURES = 50
MAX_LISTED_FUNCTIONS = 50

_SINK_TITLES = tuple(SINK_TITLES[sink] for sink in SINKS)


def tables_of(view: View) -> dict[str, Table | None]:
    """Return the tables by name; None where there is nothing to show."""
    return {
        "net": _net(view),
        "upkeep": _upkeep(view),
        "examples": _examples(view),
        "missed": _missed(view),
        "missed_examples": _missed_examples(view),
        "missed_price": _missed_price(view),
        "functions": _functions(view),
        "figures": _figures(view),
        "lines": _lines(view),
        "cost": _cost(view),
        "incomplete": _incomplete(view),
        "read": _read(view),
        "prices": _prices(),
    }


def estimate_text(row: Row) -> str:
    """Write an estimate with its margin."""
    if not row.estimates:
        return "none"
    margin = f" \N{PLUS-MINUS SIGN} {row.margin:,.0f}" if row.margin else ""
    return f"{row.estimated:,.0f}{margin}"


def kinds_in(view: View) -> list[str]:
    """Return the kinds of reasons that lines are kept for."""
    return [kind for kind in KINDS if any(row.lines_by_kind[kind] for row in view.rows)]


def _row(row: Row, view: View, *cells: str, best: int = 0) -> TableRow:
    badge = "best" if row is view.best else ""
    return TableRow((row.label, *cells), row.is_own, badge, best)


def _native(view: View, *, net: bool) -> TableRow:
    costs = view.costs
    usd = [costs.native[way] if (way := NATIVE_OF_SINK[sink]) else None for sink in SINKS]
    shown = ["" if one is None else usd_text(costs.today_usd - one if net else one) for one in usd]
    return TableRow((NATIVE_ROW, *shown))


def _net(view: View) -> Table:
    rows = [_native(view, net=True)]
    for row in view.rows:
        ways = view.costs.ways(row)
        cells = [money(ways.net_usd(sink)) for sink in SINKS]
        best = next((place for place, sink in enumerate(SINKS, 1) if is_best(row, sink, view)), 0)
        rows.append(_row(row, view, *cells, best=best))
    caption = f"What is saved, less all costs, by sink; USD for {view.per}"
    return table(caption, ("settings", *_SINK_TITLES), rows)


def _upkeep(view: View) -> Table:
    rows = [TableRow(one) for one in upkeep_rows(view)]
    return table(f"USD for {view.per}", ("because", "how much", "USD"), rows, words=2)


def _examples(view: View) -> Table | None:
    if not view.examples:
        return None
    rows = [
        TableRow((one.request_id or "init", one.time, one.reason, excerpt(one.line, 0)))
        for one in view.examples
    ]
    titles = ("request", "time", "reason", "first error line")
    return table("Found, and masked as REDACT asks", titles, rows, words=3, code=True)


def _missed(view: View) -> Table | None:
    rows = [
        TableRow(
            (
                *(one.sign, f"{one.invocations:,}", share_text(one.invocations, view.invocations)),
                *(f"{one.mild:,}", f"{one.let_go:,}", usd_text(one.usd)),
                " ".join(assignments(one.settings)),
            )
        )
        for one in view.missed.rows
    ]
    titles = (
        *("sign", "invocations", "share", "below ERROR", "let go"),
        *("USD to keep them", "what keeps them"),
    )
    caption = "Invocations that these settings take for healthy, by sign of failure"
    return table(caption, titles, rows, code=True) if rows else None


def _missed_examples(view: View) -> Table | None:
    rows = [
        TableRow((one.sign, example.request_id, example.text))
        for one in view.missed.rows
        for example in one.examples
    ]
    titles = ("sign", "request", "line")
    caption = "Examples, masked as REDACT asks"
    return table(caption, titles, rows, words=2, code=True) if rows else None


def _missed_price(view: View) -> Table | None:
    if not view.missed.rows:
        return None
    rows = [
        TableRow((label, *(usd_text(row.usd[sink]) for sink in SINKS)), row.is_own)
        for label, row in ((view.own.label, view.own), (WITH_THEM, view.missed.kept))
    ]
    return table(price_explained(view), ("settings", *_SINK_TITLES), rows)


def _functions(view: View) -> Table | None:
    if len(view.functions) <= 1:
        return None
    shown = view.functions[:MAX_LISTED_FUNCTIONS]
    rows = [
        TableRow(
            (
                *(one.name, f"{one.invocations:,}", f"{one.lines:,}", f"{one.failed:,}"),
                *(f"{one.kept:,}", usd_text(one.today_usd), usd_text(one.usd), money(one.net_usd)),
            )
        )
        for one in (*shown, *rest_of(view.functions[MAX_LISTED_FUNCTIONS:]))
    ]
    titles = (
        *("function", "invocations", "lines", "failed", "kept lines"),
        *("today, USD", "kept, USD", "net, USD"),
    )
    return table(functions_explained(view), titles, rows)


def _figures(view: View) -> Table:
    any_withheld = any(row.withheld for row in view.rows)
    titles = (
        *("settings", "lines kept", "share", "in CloudWatch", "failures", "kept whole"),
        *(["withheld by KEEP_AT_MOST"] if any_withheld else []),
        *("healthy kept", "estimate of invocations", "estimate of lines"),
    )
    today = (
        *(TODAY, f"{view.lines:,}", "100%", bytes_text(view.cloudwatch_bytes)),
        *([""] * (4 if any_withheld else 3)),
        *(f"{view.invocations:,}", f"{view.lines:,}"),
    )
    rows = [TableRow(today)]
    rows += [
        _row(
            row,
            view,
            *(f"{row.lines:,}", share_text(row.lines, view.lines) or "0%"),
            *(bytes_text(row.cloudwatch_bytes), f"{row.failed:,}", f"{row.whole:,}"),
            *([f"{row.withheld:,}"] if any_withheld else []),
            *(f"{row.healthy:,}", estimate_text(row)),
            f"{row.estimated_lines:,.0f}" if row.estimates else "none",
        )
        for row in view.rows
    ]
    return table("Every set of settings, the best first", titles, rows)


def _lines(view: View) -> Table | None:
    seen = kinds_in(view)
    rows = [
        _row(row, view, *(f"{row.lines_by_kind[kind]:,}" for kind in seen)) for row in view.rows
    ]
    return table("Kept lines, by why they are kept", ("settings", *seen), rows) if seen else None


def _cost(view: View) -> Table:
    rows = [_native(view, net=False)]
    rows += [_row(row, view, *(usd_text(row.usd[sink]) for sink in SINKS)) for row in view.rows]
    return table(f"USD for {view.per}", ("settings", *_SINK_TITLES), rows)


def _incomplete(view: View) -> Table | None:
    rows = [
        _row(
            row,
            view,
            *(one.request_id or "init", one.reason, one.why),
            *(f"{one.written:,}", f"{one.missing:,}"),
        )
        for row in view.rows
        for one in row.incomplete[:MAX_LISTED_FAILURES]
    ]
    titles = ("settings", "request", "reason", "cause", "lines", "missing")
    return table("Failures that lack lines, by settings", titles, rows, words=4) if rows else None


def _read(view: View) -> Table:
    rows = [
        TableRow((name, form or "unknown", f"{events:,}", f"{unreadable:,}"))
        for name, form, events, unreadable in view.files[:MAX_LISTED_FILES]
    ]
    titles = ("file", "read as", "events", "unreadable lines")
    return table("The files", titles, rows, words=2)


def _prices() -> Table:
    rows = [TableRow((one.name, one.per, one.source, one.shown)) for one in PRICES.values()]
    caption = f"List prices in {REGION}, {AS_OF}, USD. Check your own."
    return table(caption, ("price", "per", "source", "USD"), rows, words=3)
