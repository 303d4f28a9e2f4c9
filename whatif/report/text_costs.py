"""Write what everything costs, and what remains of the saving, as text. Pure."""

from terminal.layout import Column, paragraph, table
from whatif.model.net import COLD_START_MS, HOLD_MS
from whatif.model.prices import AS_OF, PRICES, REGION, SINK_TITLES, SINKS
from whatif.model.words import counted, money_text, usd_text
from whatif.replay.missed import excerpt
from whatif.report.costs import saving_text
from whatif.report.rows import Row
from whatif.report.view import View

ASSUMPTIONS = """Costs are list prices, for what is sent and one month of storage. S3 and Firehose are charged the requests that
    the extension would send: a failure at once, all else after LINGER. Today's cost ends only when the function's role may no
    longer write to its own log group. Until then, the cost of the kept lines is added to it. Lambda's own delivery to Firehose costs
    what that to S3 costs, and Firehose's price on top."""

NET = """Net: what is saved of today's cost, less the kept lines and all that the recorder costs. A sum below zero is lost."""

RANKED = """The best settings come first: they keep the most failures whole, then they estimate all invocations, then they leave
    most net of all costs."""

SHORT_SINKS = {**SINK_TITLES, "cloudwatch-ia": "CloudWatch, IA"}
NATIVE_OF_SINK = {
    "cloudwatch": "lambda",
    "cloudwatch-ia": "lambda-infrequent",
    "s3": "lambda-s3",
    "firehose": "",
}
"""Where Lambda itself sends every line to the same place. Lambda's price for Firehose is that for S3, without Firehose's own."""

TODAY = "today, everything"
NATIVE_ROW = "everything, by Lambda"
MARK = " *"


def cost_lines(view: View) -> list[str]:
    """Return the section on costs."""
    costs = view.costs
    native = [NATIVE_ROW, *(_native_cell(view, sink, net=False) for sink in SINKS)]
    rows = [[row.label, *(usd_text(row.usd[sink]) for sink in SINKS)] for row in view.rows]
    saved = [NATIVE_ROW, *(_native_cell(view, sink, net=True) for sink in SINKS)]
    return [
        *paragraph(
            f"With {view.own.label}, {SINK_TITLES[costs.own_sink]}: {saving_text(view.own, costs, per=view.per)}."
        ),
        "",
        "What is sent, and its storage:",
        "",
        *table(_columns(view), [[native], rows]),
        "",
        *paragraph(ASSUMPTIONS),
        "",
        *paragraph(f"What the recorder costs besides, USD for {view.per}:"),
        "",
        *table(_UPKEEP, [[list(one) for one in upkeep_rows(view)]]),
        "",
        *notes_of_upkeep(view),
        "Net of all costs (* the best):",
        "",
        *table(_columns(view), [[saved], [_net_cells(row, view) for row in view.rows]]),
        "",
        *paragraph(f"{NET} {RANKED}"),
    ]


_UPKEEP = (Column("because", 24), Column("how much", 58), Column("USD", 10, right=True))


def _columns(view: View) -> tuple[Column, ...]:
    width = max(len(NATIVE_ROW), *(len(row.label) for row in view.rows))
    titles = (SHORT_SINKS[sink] for sink in SINKS)
    return (
        Column("settings", width),
        *(Column(title, max(len(title), 10), right=True) for title in titles),
    )


def _native_cell(view: View, sink: str, *, net: bool) -> str:
    way = NATIVE_OF_SINK[sink]
    if not way:
        return ""
    usd = view.costs.native[way]
    return usd_text(view.costs.today_usd - usd) if net else usd_text(usd)


def _net_cells(row: Row, view: View) -> list[str]:
    ways = view.costs.ways(row)
    return [row.label, *(f"{money(ways.net_usd(sink))}{mark(row, sink, view)}" for sink in SINKS)]


def money(usd: float) -> str:
    """Write a sum that may be below zero."""
    return f"-{usd_text(-usd)}" if usd < 0 else usd_text(usd)


def is_best(row: Row, sink: str, view: View) -> bool:
    """Return whether a sink with a set of settings leaves most."""
    return row is view.best and sink == view.costs.ways(row).best_sink


def mark(row: Row, sink: str, view: View) -> str:
    """Return what marks the best cell of a table."""
    return MARK if is_best(row, sink, view) else ""


def upkeep_rows(view: View) -> list[tuple[str, str, str]]:
    """Return what the recorder costs beside its deliveries: the cause, how much of it, and its cost."""
    costs = view.costs
    pace, upkeep, watching = costs.pace, costs.upkeep, costs.watching
    memory = f"{costs.memory_mb:,} MB"
    metrics, alarms = counted(watching.metrics, "metric"), f"alarms that read {watching.alarms}"
    shared = (
        f"shared by {counted(watching.shared_by, 'function')}" if watching.shared_by > 1 else ""
    )
    rows = [
        (
            "the environment is held",
            f"{pace.held:,.0f} of {counted(view.invocations, 'invocation')}, {HOLD_MS} ms each, {memory}",
            usd_text(upkeep.hold),
        ),
        (
            "cold starts are longer",
            f"{pace.cold_starts:,.0f}, {COLD_START_MS} ms each, {memory}",
            usd_text(upkeep.cold_starts),
        ),
    ]
    if watching.metrics:
        rows += [
            (
                "metrics and alarms",
                ", ".join(one for one in (metrics, alarms, shared) if one),
                usd_text(upkeep.watching),
            ),
            ("lines of metrics", f"{pace.metric_lines:,.0f}", usd_text(upkeep.metric_lines)),
        ]
    return rows


def upkeep_notes(view: View) -> list[str]:
    """Return sentences on what the recorder costs beside its deliveries."""
    costs = view.costs
    notes = []
    if costs.watching.metrics:
        notes.append(
            "Metrics and alarms are counted for CloudWatch, Standard, alone: the templates switch them off for other sinks,"
            f" from which they would reach nobody. A fleet pays {money_text(costs.watching.whole_usd)} once for all of its"
            " functions (--fleet), and FLIGHT_RECORDER_METRICS=off ends that."
        )
    elif not costs.is_monthly:
        notes.append(
            "Metrics and alarms are left out. They are billed by the month, and the log is too short to stand for one."
        )
    if costs.memory_is_assumed:
        notes.append(
            f"The log does not tell the memory size, so {costs.memory_mb} MB are assumed (--configuration)."
        )
    return notes


def notes_of_upkeep(view: View) -> list[str]:
    """Return these sentences as paragraphs, with an empty line behind each."""
    return [line for note in upkeep_notes(view) for line in (*paragraph(note), "")]


def advice_lines(view: View) -> list[str]:
    """Return the section on when something else is the better choice."""
    lines: list[str] = []
    for one in view.advice:
        verdict = "so here" if one.applies else "not so here"
        lines += [*paragraph(f"- {one.case} ({verdict}). {one.text}"), ""]
    return lines[:-1]


def prices_text() -> str:
    """Write the prices in one paragraph."""
    told = "; ".join(f"{one.name}, {one.shown} per {one.per}" for one in PRICES.values())
    return f"Prices ({REGION}, {AS_OF}, USD): {told}."


def example_lines(view: View) -> list[str]:
    """Return failures that are found, as an example."""
    lines: list[str] = []
    for one in view.examples:
        head = f"{one.time} {one.request_id or 'init'} ({one.reason}):"
        lines += paragraph(
            f"{head} {excerpt(one.line, 0)}".encode("ascii", "replace").decode(), indent="  "
        )
    return ["For example, masked as REDACT asks:", *lines] if lines else []
