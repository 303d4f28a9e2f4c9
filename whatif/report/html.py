"""Write a view as one HTML page.

It needs nothing from outside and no script, and it suits dark mode and telephones. Pure.
"""

from dataclasses import replace
from html import escape

from whatif.model.prices import AS_OF, PRICES, REGION, SINK_TITLES, SINKS
from whatif.model.words import bytes_text, counted, share_text, span_text, usd_text
from whatif.report.charts import Bar, Interval, bars, fits, intervals, legend
from whatif.report.html_findings import functions_html, missed_html
from whatif.report.markup import TableRow, table
from whatif.report.rows import KINDS, Row
from whatif.report.style import STYLE
from whatif.report.text import (
    ASSUMPTIONS,
    kinds_text,
    missing_text,
)
from whatif.report.view import View

MAX_LISTED_FILES = 50
MAX_LISTED_FAILURES = 50
KIND_CLASSES = dict(zip(KINDS, ("failed", "history", "rule", "sampled", "metrics"), strict=True))


def page(view: View) -> str:
    """Return the page."""
    if not all(fits(row.label) for row in view.rows):
        # A chart may cut the part of a label in which two of them differ; the tables have them whole.
        rows = [
            replace(row, label=f"#{number} {row.label}") for number, row in enumerate(view.rows, 1)
        ]
        view = replace(view, rows=rows)
    own = view.own
    sections = [
        _section("Cost", _cost_chart(view), wide=False),
        _section("Kept lines", _lines_chart(view), wide=False),
        _section("Estimate of all invocations", _estimate_chart(view), wide=False),
        _section("Failures by reason", _failures_chart(own), wide=False),
        _section("What you would miss", missed_html(view)),
        _section("By function", functions_html(view)),
        _section("All figures", _figures(view)),
        _section("Kept lines by reason", _lines_table(view)),
        _section(f"Cost by sink, USD for {view.per}", _cost_table(view)),
        _section("Failures that lack lines", _incomplete(view)),
        _section("What was read", _read(view)),
        _section("Prices", _prices()),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            "<title>What would Flight Recorder do?</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<header>",
            "<h1>What would Flight Recorder do?</h1>",
            f"<p>{escape(_lead(view))}</p>",
            _tiles(view),
            "</header>",
            "<main>",
            *sections,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _section(title: str, body: str, *, wide: bool = True) -> str:
    if not body:
        return ""
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}>\n<h2>{escape(title)}</h2>\n{body}\n</section>"


def _lead(view: View) -> str:
    return (
        f"{counted(view.invocations, 'invocation')} in {counted(view.environments, 'environment')} wrote"
        f" {counted(view.lines, 'line')}, {bytes_text(view.cloudwatch_bytes)} as CloudWatch counts, over"
        f" {span_text(view.span_s)}. All of it was replayed through the extension's own code with"
        f" {counted(len(view.rows), 'set of settings')}."
    )


def _tiles(view: View) -> str:
    own = view.own
    today, then = view.today_usd["cloudwatch"], own.usd["cloudwatch"]
    entries = [
        (f"${usd_text(today)}", f"today, in CloudWatch, for {view.per}"),
        (f"${usd_text(then)}", f"with {own.label}, in CloudWatch too"),
        (share_text(own.lines, view.lines) or "0%", "of all lines kept"),
        (f"{own.whole:,} of {own.failed:,}", "failures kept whole"),
    ]
    tiles = "".join(
        f"<div><dt>{escape(words)}</dt><dd>{escape(figure)}</dd></div>" for figure, words in entries
    )
    return f'<dl class="tiles">{tiles}</dl>'


def _cost_chart(view: View) -> str:
    rows = [
        Bar(
            label="today: everything, CloudWatch Standard",
            shown=f"${usd_text(view.today_usd['cloudwatch'])}",
            parts=[(view.today_usd["cloudwatch"], "today")],
        )
    ]
    rows += [
        Bar(
            label=row.label,
            shown=f"${usd_text(row.usd['cloudwatch'])}",
            parts=[(row.usd["cloudwatch"], "sampled")],
            marked=row.is_own,
        )
        for row in view.rows
    ]
    words = f"<p>USD for {escape(view.per)}, with the kept lines delivered to CloudWatch Logs, Standard class.</p>"
    return words + bars("cost", f"Cost in CloudWatch for {view.per}", rows)


def _lines_chart(view: View) -> str:
    rows = [
        Bar(
            label=row.label,
            shown=f"{row.lines:,}",
            parts=[(row.lines_by_kind[kind], KIND_CLASSES[kind]) for kind in KINDS],
            marked=row.is_own,
        )
        for row in view.rows
    ]
    key = legend([(KIND_CLASSES[kind], kind) for kind in _kinds_in(view)])
    return key + bars("lines", f"Kept lines by reason, of {view.lines:,}", rows)


def _kinds_in(view: View) -> list[str]:
    return [kind for kind in KINDS if any(row.lines_by_kind[kind] for row in view.rows)]


def _lines_table(view: View) -> str:
    seen = _kinds_in(view)
    if not seen:
        return ""
    rows: list[TableRow] = [
        (row.is_own, (row.label, *(f"{row.lines_by_kind[kind]:,}" for kind in seen)))
        for row in view.rows
    ]
    return f"{table(('settings', *seen), rows)}<p>{escape(kinds_text(seen))}</p>"


def _estimate_chart(view: View) -> str:
    rows = [
        Interval(
            label=row.label,
            shown=_estimate_text(row),
            value=row.estimated,
            margin=row.margin,
            marked=row.is_own,
        )
        for row in view.rows
        if row.estimates
    ]
    if not rows:
        return ""
    words = (
        f"<p>The sum of the kept invocations' weights, with the margin of 95 of 100 samples. Each transaction is"
        f" sampled as a whole. The upright line is the true number: {view.invocations:,}.</p>"
    )
    title = "Estimates of the number of invocations"
    return words + intervals("estimates", title, rows, truth=view.invocations)


def _estimate_text(row: Row) -> str:
    if not row.estimates:
        return "none"
    margin = f" \N{PLUS-MINUS SIGN} {row.margin:,.0f}" if row.margin else ""
    return f"{row.estimated:,.0f}{margin}"


def _failures_chart(own: Row) -> str:
    if not own.failures:
        return "<p>No failures were found.</p>"
    rows = [
        Bar(label=reason, shown=f"{count:,}", parts=[(count, "failed")])
        for reason, count in own.failures.items()
    ]
    words = f"<p>With {escape(own.label)}.</p>"
    return words + bars("failures", "Failed invocations by reason", rows)


def _figures(view: View) -> str:
    any_withheld = any(row.withheld for row in view.rows)
    titles = (
        *("settings", "lines kept", "share", "in CloudWatch", "failures", "kept whole"),
        *(["withheld by KEEP_AT_MOST"] if any_withheld else []),
        *("healthy kept", "estimate of invocations", "estimate of lines"),
    )
    today = (
        *("today, everything", f"{view.lines:,}", "100%", bytes_text(view.cloudwatch_bytes)),
        *([""] * (4 if any_withheld else 3)),
        *(f"{view.invocations:,}", f"{view.lines:,}"),
    )
    rows: list[TableRow] = [(False, today)]
    for row in view.rows:
        cells = (
            row.label,
            f"{row.lines:,}",
            share_text(row.lines, view.lines),
            bytes_text(row.cloudwatch_bytes),
            f"{row.failed:,}",
            f"{row.whole:,}",
            *([f"{row.withheld:,}"] if any_withheld else []),
            f"{row.healthy:,}",
            _estimate_text(row),
            f"{row.estimated_lines:,.0f}" if row.estimates else "none",
        )
        rows.append((row.is_own, cells))
    return table(titles, rows)


def _cost_table(view: View) -> str:
    titles = ("settings", *(SINK_TITLES[name] for name in SINKS))
    today = ("today, everything", *(usd_text(usd) for usd in view.today_usd.values()), "", "")
    rows: list[TableRow] = [(False, today)]
    rows += [(row.is_own, (row.label, *(usd_text(row.usd[n]) for n in SINKS))) for row in view.rows]
    return f"{table(titles, rows)}<p>{escape(' '.join(ASSUMPTIONS.split()))}</p>"


def _incomplete(view: View) -> str:
    rows: list[TableRow] = [
        (
            row.is_own,
            (
                *(row.label, one.request_id or "init", one.reason, one.why),
                *(f"{one.written:,}", f"{one.missing:,}"),
            ),
        )
        for row in view.rows
        for one in row.incomplete[:MAX_LISTED_FAILURES]
    ]
    if not rows:
        return "<p>Every failure is kept whole with each set of settings.</p>"
    told = [f"{row.label}: {missing_text(row)}" for row in view.rows if row.failed > row.whole]
    items = "".join(f"<li>{escape(one)}</li>" for one in told)
    titles = ("settings", "request", "reason", "cause", "lines", "missing")
    return f"<ul>{items}</ul>{table(titles, rows, text=4)}"


def _read(view: View) -> str:
    titles = ("file", "read as", "events", "unreadable lines")
    rows: list[TableRow] = [
        (False, (name, form or "unknown", f"{events:,}", f"{unreadable:,}"))
        for name, form, events, unreadable in view.files[:MAX_LISTED_FILES]
    ]
    rest = len(view.files) - MAX_LISTED_FILES
    more = f"<p>And {counted(rest, 'file more')}.</p>" if rest > 0 else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in view.notes)
    return table(titles, rows, text=2) + more + (f"<ul>{notes}</ul>" if notes else "")


def _prices() -> str:
    titles = ("price", "per", "source", "USD")
    rows: list[TableRow] = [
        (False, (one.name, one.per, one.source, f"{one.usd:g}")) for one in PRICES.values()
    ]
    return f"<p>List prices in {REGION}, {AS_OF}. Check your own.</p>{table(titles, rows, text=3)}"
