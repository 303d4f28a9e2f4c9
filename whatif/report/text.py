"""Write a view as text for a terminal: in ASCII, and no wider than 100 columns. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from terminal.layout import Column, paragraph, table
from terminal.paint import Paint
from whatif.model.words import bytes_text, counted, listed, share_text, span_text
from whatif.replay.tally import CAUSES, WITHHELD
from whatif.report.rows import HISTORY, KINDS, Row
from whatif.report.text_costs import (
    TODAY,
    advice_lines,
    cost_lines,
    example_lines,
    prices_text,
)
from whatif.report.text_findings import functions_lines, missed_lines
from whatif.report.view import View

MAX_LABEL_CHARS = 32
MAX_LISTED = 8
"""Listed files, and incomplete failures of one set of settings; the page has more."""


def report(view: View, paint: Paint) -> list[str]:
    """Return the lines of the report."""
    key: list[str] = []
    if max(len(row.label) for row in view.rows) > MAX_LABEL_CHARS:
        # Labels may differ only at their ends, so none is cut.
        key = [f"#{number}: {row.label}" for number, row in enumerate(view.rows, 1)]
        rows = [replace(row, label=f"#{number}") for number, row in enumerate(view.rows, 1)]
        view = replace(view, rows=rows)
    notes = [line for note in view.notes for line in paragraph(f"- {note}")]
    told = [*_title("What was read", paint), *_read(view)]
    if view.is_refused or not (view.invocations or view.lines):
        return [*told, "", *(notes or ["The logs hold nothing to replay."])]
    return [
        *told,
        *_title("What would be kept", paint),
        *(part for one in key for part in paragraph(one)),
        *([""] if key else []),
        *_kept(view, paint),
        *_title("Failures found", paint),
        *_failures(view),
        *_title("What you would miss", paint),
        *missed_lines(view),
        *(_title("By function", paint) if len(view.functions) > 1 else []),
        *functions_lines(view),
        *_title(f"Cost, USD for {view.per}", paint),
        *cost_lines(view),
        *_title("When to use something else", paint),
        *advice_lines(view),
        *_title("Prices", paint),
        *paragraph(prices_text()),
        *(_title("Notes", paint) if view.notes else []),
        *notes,
    ]


def _title(text: str, paint: Paint) -> list[str]:
    return ["", paint(text, "bold"), paint("=" * len(text), "dim"), ""]


def _read(view: View) -> list[str]:
    columns = (
        Column("file", 46),
        Column("read as", 28),
        Column("events", 10, right=True),
        Column("unreadable", 10, right=True),
    )
    shown = view.files[:MAX_LISTED]
    cells = [
        [_tail(name, 46), form or "unknown", f"{events:,}", f"{unreadable:,}"]
        for name, form, events, unreadable in shown
    ]
    rest = view.files[MAX_LISTED:]
    if rest:
        events, unreadable = sum(one[2] for one in rest), sum(one[3] for one in rest)
        cells.append([f"{len(rest)} more", "", f"{events:,}", f"{unreadable:,}"])
    summary = f"""{view.subject}, {view.dates}: {counted(view.invocations, "invocation")} in {counted(view.environments, "environment")},
        {counted(view.lines, "line")}, {bytes_text(view.cloudwatch_bytes)} as CloudWatch counts, over
        {span_text(view.span_s)}."""
    return [*table(columns, [cells]), "", *paragraph(summary)]


def _tail(text: str, width: int) -> str:
    return text if len(text) <= width else f"...{text[-(width - 3) :]}"


def _kept(view: View, paint: Paint) -> list[str]:
    columns = (
        _settings_column(view),
        Column("lines", 10, right=True),
        Column("share", 6, right=True),
        Column("failures whole", 14, right=True),
        Column("healthy", 8, right=True),
        Column("estimate of all", 20, right=True),
    )
    everything = [
        TODAY,
        f"{view.lines:,}",
        "100%" if view.lines else "",
        "",
        "",
        f"{view.invocations:,}",
    ]
    lines = table(columns, [[everything], [_cells(row, view) for row in view.rows]])
    explained = """Failures whole: failed invocations with all of their lines kept, of all failed ones. Healthy: the
        other kept invocations. Estimate of all: the number of invocations, estimated as the sum of the kept ones'
        weights, with the margin of 95 of 100 samples. Each transaction is sampled as a whole. The first row has the
        true number."""
    return [
        *(paint(lines[0], "bold"), *lines[1:], "", *paragraph(explained), ""),
        *_lines_by_kind(view, paint),
    ]


def _lines_by_kind(view: View, paint: Paint) -> list[str]:
    seen = [kind for kind in KINDS if any(row.lines_by_kind[kind] for row in view.rows)]
    if not seen:
        return ["No line is kept with any of these settings."]
    columns = (_settings_column(view), *(Column(kind, 12, right=True) for kind in seen))
    cells = [[row.label, *(f"{row.lines_by_kind[kind]:,}" for kind in seen)] for row in view.rows]
    lines = table(columns, [cells])
    return [paint(lines[0], "bold"), *lines[1:], "", *paragraph(kinds_text(seen))]


def kinds_text(kinds: Sequence[str]) -> str:
    """Explain the columns of kept lines by reason."""
    text = """Lines are counted by the reason in their records. A line that a rate of 100% or a rule keeps is delivered
        while the function still runs, so a later failure does not change its reason."""
    if HISTORY in kinds:
        text += """ History lines were dropped before a failure, and are delivered with it. The estimates do not count
            them."""
    return " ".join(text.split())


def _settings_column(view: View) -> Column:
    return Column("settings", max(len(TODAY), *(len(row.label) for row in view.rows)))


def _cells(row: Row, view: View) -> list[str]:
    margin = f" +- {row.margin:,.0f}" if row.margin else ""
    return [
        row.label,
        f"{row.lines:,}",
        share_text(row.lines, view.lines),
        f"{row.whole:,} of {row.failed:,}",
        f"{row.healthy:,}",
        f"{row.estimated:,.0f}{margin}" if row.estimates else "none",
    ]


def _failures(view: View) -> list[str]:
    lines: list[str] = []
    alike: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for row in view.rows:
        alike.setdefault(tuple(row.failures.items()), []).append(row.label)
    columns = (Column("reason", 24), Column("invocations", 11, right=True))
    for failures, labels in alike.items():
        lines += [*paragraph(f"With {listed(labels)}:"), ""] if len(alike) > 1 else []
        if failures:
            lines += table(columns, [[[reason, f"{count:,}"] for reason, count in failures]])
        else:
            lines += ["No failures."]
        lines.append("")
    for row in view.rows:
        if row.whole < row.failed:
            lines += paragraph(f"{row.label}: {missing_text(row)}")
            lines += [
                f"  {one.request_id or 'init'}  {one.reason}: {one.missing:,} of {one.written:,}, {one.why}"
                for one in row.incomplete[:MAX_LISTED]
            ]
            rest = row.failed - row.whole - len(row.incomplete[:MAX_LISTED])
            lines += [f"  and {rest:,} more"] if rest else []
            lines.append("")
    if all(row.whole == row.failed for row in view.rows) and any(row.failed for row in view.rows):
        lines += ["Every failure is kept whole with each set of settings.", ""]
    return [*lines, *example_lines(view)] if view.examples else lines[:-1]


def missing_text(row: Row) -> str:
    """Write how many failures lack lines, by cause."""
    causes = []
    for cause in CAUSES:
        count = row.missing.get(cause, 0)
        if count:
            lines = f" ({counted(row.withheld_lines, 'line')})" if cause == WITHHELD else ""
            causes.append(f"{count:,} {cause}{lines}")
    count = row.failed - row.whole
    verb = "lacks" if count == 1 else "lack"
    return f"{counted(count, 'failure')} of {row.failed:,} {verb} lines: {', '.join(causes)}."
