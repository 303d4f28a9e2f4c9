"""Set the demo's results as lines of text. Pure."""

from collections import Counter
from collections.abc import Sequence

from emulator.demo import money
from emulator.demo.check import Row, account_total
from emulator.demo.plan import (
    CASES,
    KEEP_SLOWER_THAN_MS,
    MARKER,
    SAMPLE_RATE,
    TIMEOUT_MS,
    DemoFunction,
    Fate,
    settings_of,
)
from emulator.demo.receiver import Record
from emulator.demo.run import Buffered, FunctionRun
from terminal.layout import Column, paragraph, row_text, side_by_side, table
from terminal.paint import Colour, Paint

COLUMNS = (
    Column("function", 10),
    Column("#", 3, right=True),
    Column("the invocation", 24),
    Column("outcome", 13),
    Column("lines", 5, right=True),
    Column("kept", 4, right=True),
    Column("why", 20),
)
# In the order of the table's rows.
COLOURS: dict[Fate, Colour] = {
    "failed": "red",
    "by rule": "cyan",
    "sampled": "green",
    "dropped": "dim",
}
RARE = 0.01  # the share that fails or that a rule keeps, in a function that is no demonstration
LEFT_WIDTH = 66


def heading(names: Sequence[str], count: int) -> list[str]:
    """Explain the product, and the run that begins."""
    return [
        *paragraph(
            f"""Flight Recorder is a Lambda layer. It holds every log line of a function in memory. It delivers the
            lines of an invocation that failed, whatever killed it, and of one that a rule keeps. Of the other
            invocations it delivers a sample, here {SAMPLE_RATE:.0%}, and drops the rest."""
        ),
        "",
        *paragraph(
            f"""This demo attaches the built layer to {_listed(names)}. Their code is unchanged, and they run in a local
            Lambda. Each of the {count} invocations is shown with the number of lines that it wrote, the number that
            arrived at an HTTP sink, and the reason."""
        ),
    ]


def left_out(function: DemoFunction, why: str) -> list[str]:
    """Say that a function of the demo does not run here, why, and that the others do."""
    return paragraph(
        f"""The demo's function "{function.name}" ({function.runtime_text}) is left out, because its runtime client is not
        here: {why}. The other functions run all the same. --functions chooses among them."""
    )


def settings(sink_url: str) -> list[str]:
    """Show the environment variables that set Flight Recorder up."""
    text = " ".join(f"{name}={value}" for name, value in settings_of(sink_url).items())
    return paragraph(f"The settings are environment variables of the functions: {text}")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def titles() -> str:
    """Return the titles of the lines that ``live`` returns."""
    return row_text(COLUMNS, [column.title for column in COLUMNS])


def _cells(row: Row) -> list[object]:
    case = row.planned.case
    number, written = row.planned.number, len(row.written)
    return [row.function, number, case.text, row.outcome, written, len(row.kept), row.why]


def live(row: Row, paint: Paint) -> str:
    """Return the line for an invocation that has just ended."""
    colour = COLOURS[row.planned.fate] if row.delivered else "dim"
    return paint(row_text(COLUMNS, _cells(row)), colour)


def rows_by_function(runs: Sequence[FunctionRun], paint: Paint) -> list[str]:
    """Set the table: failed invocations first, like ones together, a total for each function."""
    columns = (
        Column("function", 10),
        Column("times", 5, right=True),
        *(column for column in COLUMNS if column.title not in ("function", "#")),
    )
    groups, fates = [], list(COLOURS)
    for run in runs:
        alike: dict[tuple[str, str, str], list[Row]] = {}
        for row in sorted(run.rows, key=lambda row: fates.index(row.planned.fate)):
            alike.setdefault((row.planned.case.text, row.outcome, row.why), []).append(row)
        group = [_sum(run.function.name, *key, rows) for key, rows in alike.items()]
        groups.append([*group, _sum(run.function.name, "all", "", "", run.rows)])
    lines = table(columns, groups)
    everything = [row for run in runs for row in run.rows]
    total = row_text(columns, _sum("together", "", "", "", everything))
    why = f"""The last column is the reason that each record carries. A reason that ends in -exception is the runtime's
        own report of an unhandled error. A level-error is a line at level ERROR. Lambda itself reports a crash or a
        timeout. Where memory ran out, Lambda tells so in the report, which comes after the lines have left: their reason is
        crash. Two rules are set here: slow keeps an invocation that took longer than {KEEP_SLOWER_THAN_MS} ms, and
        marker one that wrote {MARKER}. All of these are always kept. The rest are sampled: each one that is kept
        stands for {1 / SAMPLE_RATE:.4g} of its kind."""
    return [paint(lines[0], "bold"), *lines[1:], "", paint(total, "bold"), "", *paragraph(why)]


def _sum(function: str, what: str, outcome: str, why: str, rows: Sequence[Row]) -> list[object]:
    lines, kept = sum(len(row.written) for row in rows), sum(len(row.kept) for row in rows)
    return [function, len(rows), what, outcome, lines, kept, why]


def comparison(rows: Sequence[Row], buffered: Sequence[Buffered]) -> list[str]:
    """Compare the lines that arrived with those of a buffer inside the function's process."""
    columns = (
        Column("the same event, the same function", 34),
        Column("lines written", 13, right=True),
        Column("buffer in the process", 21, right=True),
        Column("Flight Recorder", 15, right=True),
    )
    cells = []
    for one in buffered:
        row = next(row for row in rows if row.planned.mishap == one.mishap)
        cells.append([CASES[one.mishap].text, len(row.written), len(one.lines), len(row.kept)])
    lines = table(columns, [cells])
    hang = next((one for one in buffered if one.mishap == "hang"), None)
    row = next(row for row in rows if row.planned.mishap == "hang")
    explained = """The buffer is the standard library's MemoryHandler. It writes out its lines when the function logs an
        ERROR, and keeps the lines after that. When Lambda kills the process, the buffer is lost with it. The extension
        is a process of its own: it got each line from Lambda soon after the function wrote it."""
    lines += ["", *paragraph(explained)]
    lines += [
        "",
        f"Lambda stopped {row.name} after {TIMEOUT_MS / 1e3:g} s. This is all that arrived of it:",
        "",
    ]
    left = ["Flight Recorder: line by line, in order", "", *map(_record_text, row.delivered)]
    right = ["buffer in the process", ""]
    if hang is not None:
        right += [text.rstrip("\n") for text in hang.lines] or [
            "(no line: Lambda killed the process that held them)"
        ]
        # Without the time and the request id that stand before it.
        right += ["", *(" ".join(text.split()[2:]) for text in hang.platform)]
    return lines + side_by_side(left, right, left_width=LEFT_WIDTH)


def _record_text(record: Record) -> str:
    """Return a record's time of day, level and text, without the runtime's own prefix."""
    fields = record.fields
    time = str(fields.get("time", ""))[11:23]
    if record.is_line:
        text = str(fields.get("record", "")).rstrip("\n").split("\t")[-1]
        return f"{time} {fields.get('level', ''):<5} {text}"
    told = fields.get("record")
    kind = str(fields.get("type", ""))
    if kind == "flightRecorder.invocation" and isinstance(told, dict):
        return f"{time} [{kind}] outcome {told.get('outcome')}, lines {told.get('lines')}"
    return f"{time} [{kind}]"


def bill(runs: Sequence[FunctionRun], *, wire_bytes: int) -> list[str]:
    """Set the bytes written and kept, and the price of both in CloudWatch."""
    rows = [row for run in runs for row in run.rows]
    certain = [row for row in rows if row.planned.fate in ("failed", "by rule")]
    drawn = [row for row in rows if row.planned.fate in ("sampled", "dropped")]
    seen = money.Volume.of(rows)
    rare = money.blend(
        certain=money.Volume.of(certain),
        drawn=money.Volume.of(drawn),
        sampled=money.Volume.of(row for row in drawn if row.planned.kept),
        share=RARE,
        rate=SAMPLE_RATE,
    )
    columns = (
        Column("in CloudWatch, as the default sink writes", 50),
        Column("all lines", 12, right=True),
        Column("kept", 12, right=True),
        Column("share", 6, right=True),
    )
    part = len(certain) / len(rows)
    counted = [f"{size:,.0f}" for size in (seen.written_bytes, seen.kept_bytes)]
    cells = [
        [f"USD for a million, {RARE:.0%} failed or kept by a rule", *_usd(rare)],
        [f"USD for a million, {part:.0%} failed or kept by a rule", *_usd(seen.a_million())],
        [f"bytes of these {len(rows)} invocations", *counted, _share(*_sizes(seen))],
    ]
    depends = f"""The saving depends on the share of invocations that fail or that a rule keeps. At {RARE:.0%},
        {_share(*_sizes(rare))} of the cost remains. In this demo it is {part:.0%}, to show each kind."""
    basis = f"""The prices are those of CloudWatch's ingestion in us-east-1, Standard class:
        {money.INGESTION_USD_PER_GB:.2f} USD per GB (10^9 bytes), with 26 bytes added for each event. "All lines" contains
        Lambda's own START, END and REPORT. The default sink, CloudWatch, has lines as they were written. Storage, volume
        tiers and the charges of other sinks are left out."""
    sent = f"""This run delivered to an HTTP sink instead: {wire_bytes:,} bytes on the way, gzipped, which are
        {_share(wire_bytes, seen.written_bytes)} of all lines. There each line is a record {_growth(rows):.1f} times as long,
        because it also carries request, trace, function, reason, weight and id."""
    net = """For a whole bill, with what the recorder itself costs, replay your own logs: ./build.sh whatif LOGFILE."""
    texts = (depends, basis, sent, _waiting(rows), net)
    notes = [line for text in texts for line in ("", *paragraph(text))]
    return [*table(columns, [cells]), *notes]


def _waiting(rows: Sequence[Row]) -> str:
    held = [row.held_ms for row in rows if row.held_ms is not None]
    mean_ms = sum(held) / len(held) if held else 0.0
    waiting_usd = money.hold_usd(held_ms=mean_ms, memory_mb=128)
    return f"""FLUSH=end is set here so that each result shows at once. With it, every invocation waits until its outcome
        is known: {mean_ms:.0f} ms on average. For a million invocations at 128 MB, Lambda bills {waiting_usd:.2f} USD for
        that. The default, adaptive, does not wait while the next invocation is expected within seconds."""


def _growth(rows: Sequence[Row]) -> float:
    """Return the size of the kept records as a multiple of their lines."""
    lines = sum(len(str(line).encode()) for row in rows for line in row.kept)
    records = sum(record.size_bytes for row in rows for record in row.delivered if record.is_line)
    return records / lines if lines else 0.0


def _sizes(volume: money.Volume) -> tuple[float, float]:
    return volume.kept_bytes, volume.written_bytes


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else ""


def _usd(volume: money.Volume) -> list[str]:
    both = (volume.written_bytes, volume.kept_bytes)
    return [*(f"{money.ingestion_usd(size):.2f}" for size in both), _share(*_sizes(volume))]


def verdict(runs: Sequence[FunctionRun], faults: Sequence[str], paint: Paint) -> list[str]:
    """Report the result of the demo's check of itself."""
    if faults:
        head = paint(f"CHECK FAILED: {len(faults)} finding(s)", "red")
        return [head, *(line for fault in faults for line in paragraph(fault, indent="  "))]
    rows = [row for run in runs for row in run.rows]
    fates = Counter(row.planned.fate for row in rows)
    lines = sum(len(row.kept) for row in rows)
    text = f"""Checked line by line against the functions' own output. {fates["failed"]} invocations failed, a rule kept
        {fates["by rule"]}, and {fates["sampled"]} were sampled: all their {lines} lines arrived, unchanged, in order, once.
        Of the {fates["dropped"]} other invocations, no line arrived."""
    accounts = [account for run in runs for account in run.accounts]
    not_kept = ("handed_to_stdout_lines", "evicted_lines", "lost_lines")
    gone = sum(account_total(accounts, name) for name in not_kept)
    account = f"""The extension writes an account at each SHUTDOWN. The sum agrees:
        {account_total(accounts, "received_lines")} lines received, {account_total(accounts, "kept_lines")} kept,
        {account_total(accounts, "dropped_lines")} dropped because not sampled, {gone} handed to standard output, evicted or lost."""
    return [*paragraph(text), *paragraph(account)]


def next_steps() -> list[str]:
    """Explain how to use the layer with a function of one's own."""
    steps = (
        """1. Publish the layer to your account: ./build.sh publish --region REGION --yes. This layer is for Lambda's
        Python runtimes. For all others, ./build.sh layer --standalone makes layers with a Python of their own. (The
        functions above used this machine's Python.)""",
        """2. Attach the layer, with the ARN that step 1 printed. docs/attach has a page and a template for each of SAM,
        CDK, Terraform, the Serverless Framework and the aws command. The function's code stays as it is.""",
        """3. No setting is needed. Kept records go to the log group /flight-recorder/NAME, and the ordinary execution
        role may write there. FLIGHT_RECORDER_SINK names another place, such as s3://bucket/logs. Set
        FLIGHT_RECORDER_SAMPLE_RATE or a rule (README.md, Settings) if you want more than failures and 10% of the
        rest.""",
        """4. CloudWatch gets, and charges for, every line as before. Once you trust the layer, deny the function's role
        logs:PutLogEvents on the function's own log group. The templates and docs/sinks have the statement.""",
    )
    return [line for step in steps for line in paragraph(step)]
