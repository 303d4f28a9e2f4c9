"""The words and tables of the demo. Pure: from what was seen to lines of text."""

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
    "let go": "dim",
}
RARE = 0.01  # of invocations that fail or that a rule keeps, where nothing is to be shown
LEFT_WIDTH = 66


def heading(names: Sequence[str], count: int) -> list[str]:
    """Say in two sentences what is about to happen."""
    return paragraph(
        f"""Flight Recorder is a Lambda layer that holds every log line of a function in memory, and delivers
        an invocation's lines only if it failed, whatever killed it, if a rule asks for it (here: slow ones, and
        those that write a marker), or if it is one of the {SAMPLE_RATE:.0%} sampled of the rest. Here it is attached,
        as built, to {_listed(names)}, which run unchanged in a local Lambda: {count} invocations, each shown with the lines it wrote, the lines that
        arrived at an HTTP sink, and why."""
    )


def settings(sink_url: str) -> list[str]:
    """Tell the variables that the functions have for it, and nothing else."""
    text = " ".join(f"{name}={value}" for name, value in settings_of(sink_url).items())
    return paragraph(f"The functions have these variables set: {text}")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def titles() -> str:
    """Give the titles of the live lines."""
    return row_text(COLUMNS, [column.title for column in COLUMNS])


def _cells(row: Row) -> list[object]:
    case = row.planned.case
    number, written = row.planned.number, len(row.written)
    return [row.function, number, case.what, row.outcome, written, len(row.kept), row.why]


def live(row: Row, paint: Paint) -> str:
    """Give the line of an invocation that has just ended."""
    colour = COLOURS[row.planned.fate] if row.delivered else "dim"
    return paint(row_text(COLUMNS, _cells(row)), colour)


def rows_by_function(runs: Sequence[FunctionRun], paint: Paint) -> list[str]:
    """Set the table: like invocations together, failed ones first, a total for each function."""
    columns = (
        Column("function", 10),
        Column("times", 5, right=True),
        *(column for column in COLUMNS if column.title not in ("function", "#")),
    )
    groups = []
    for run in runs:
        alike: dict[tuple[str, str, str], list[Row]] = {}
        for row in sorted(run.rows, key=_importance):
            alike.setdefault((row.planned.case.what, row.outcome, row.why), []).append(row)
        group = [_sum(run.function.name, *key, rows) for key, rows in alike.items()]
        groups.append([*group, _sum(run.function.name, "all", "", "", run.rows)])
    lines = table(columns, groups)
    everything = [row for run in runs for row in run.rows]
    total = row_text(columns, _sum("together", "", "", "", everything))
    why = f"""Why: the rule that decided, which every record carries as its reason. ...-exception is the runtime's own
        report of an unhandled error, level-error a line at level ERROR; crash and timeout are what Lambda told of
        the end; slow and marker are the two rules set here, which keep what went well whatever the draw, each
        standing for itself, if it took longer than {KEEP_SLOWER_THAN_MS} ms or wrote {MARKER}; sampled is the draw
        among the rest, each standing for {1 / SAMPLE_RATE:.4g} of its kind."""
    return [paint(lines[0], "bold"), *lines[1:], "", paint(total, "bold"), "", *paragraph(why)]


def _importance(row: Row) -> int:
    """Sort failed invocations first, then those that a rule keeps, then the sampled."""
    return list(COLOURS).index(row.planned.fate)


def _sum(function: str, what: str, outcome: str, why: str, rows: Sequence[Row]) -> list[object]:
    lines, kept = sum(len(row.written) for row in rows), sum(len(row.kept) for row in rows)
    return [function, len(rows), what, outcome, lines, kept, why]


def comparison(rows: Sequence[Row], buffered: Sequence[Buffered]) -> list[str]:
    """Set the failures of one function beside what a buffer in its own process got out."""
    columns = (
        Column("the same event, the same function", 34),
        Column("lines written", 13, right=True),
        Column("buffer in the process", 21, right=True),
        Column("Flight Recorder", 15, right=True),
    )
    cells = []
    for one in buffered:
        row = next(row for row in rows if row.planned.mishap == one.mishap)
        cells.append([CASES[one.mishap].what, len(row.written), len(one.lines), len(row.kept)])
    lines = table(columns, [cells])
    hang = next((one for one in buffered if one.mishap == "hang"), None)
    row = next(row for row in rows if row.planned.mishap == "hang")
    explained = """The buffer (here the standard library's MemoryHandler) writes out what it holds when an ERROR is
        logged. What comes after that stays in it, and when the process is killed, so is the buffer. The extension
        is a process of its own, and got each line from Lambda soon after it was written."""
    lines += ["", *paragraph(explained)]
    lines += [
        "",
        f"All that arrived of {row.name}, stopped by Lambda after {TIMEOUT_MS / 1e3:g} s:",
        "",
    ]
    left = ["Flight Recorder: line by line, in order", "", *map(_record_text, row.delivered)]
    right = ["buffer in the process", ""]
    if hang is not None:
        right += [text.rstrip("\n") for text in hang.lines] or [
            "(no line: they were in the process that Lambda killed)"
        ]
        # Without the time and the request id that stand before it.
        right += ["", *(" ".join(text.split()[2:]) for text in hang.platform)]
    return lines + side_by_side(left, right, left_width=LEFT_WIDTH)


def _record_text(record: Record) -> str:
    """Give a record for reading: its time of day, its level, and its text without what the runtime put before it."""
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
    """Set bytes in and out, what CloudWatch would charge for either, and what the waiting costs."""
    rows = [row for run in runs for row in run.rows]
    certain = [row for row in rows if row.planned.fate in ("failed", "by rule")]
    drawn = [row for row in rows if row.planned.fate in ("sampled", "let go")]
    sampled = [row for row in drawn if row.planned.kept]
    seen = money.Volume.of(rows)
    rare = money.blend(
        certain=money.Volume.of(certain),
        drawn=money.Volume.of(drawn),
        sampled=money.Volume.of(sampled),
        share=RARE,
        rate=SAMPLE_RATE,
    )
    columns = (
        Column("as CloudWatch counts and charges", 50),
        Column("all lines", 12, right=True),
        Column("kept records", 12, right=True),
        Column("share", 6, right=True),
    )
    part = len(certain) / len(rows)
    counted = [f"{size:,.0f}" for size in (seen.written_bytes, seen.kept_bytes)]
    sent = _share(wire_bytes, seen.written_bytes)
    cells = [
        [f"bytes of these {len(rows)} invocations", *counted, _share(*_sizes(seen))],
        ["bytes on the way to the sink, gzipped", "", f"{wire_bytes:,}", sent],
        [f"USD for a million, {part:.0%} failed or kept by a rule", *_usd(seen.a_million())],
        [f"USD for a million, if {RARE:.0%} failed or kept by a rule", *_usd(rare)],
    ]
    held = [row.held_ms for row in rows if row.held_ms is not None]
    mean_ms = sum(held) / len(held) if held else 0.0
    waiting_usd = money.hold_usd(held_ms=mean_ms, memory_mb=128)
    depends = f"""How much is left out depends on how many fail or are kept by a rule: {part:.0%} here, to show each
        kind, so kept records come to {_share(*_sizes(seen))} of all lines; with {RARE:.0%} they would come to {_share(*_sizes(rare))}.
        A kept record is {_growth(rows):.1f} times its line, because it also carries request, trace, function, reason,
        weight and id."""
    basis = f"""Basis: {money.INGESTION_USD_PER_GB:.2f} USD per GB (10^9 bytes) of ingestion in us-east-1, Standard
        class, before volume tiers, for either; 26 bytes more for each event; "all lines" includes what Lambda
        itself writes (START, END, REPORT). Storage, and what another sink charges, are not in it."""
    waiting = f"""Waiting: with FLUSH=end, set here so that each result shows at once, an invocation waits for its
        outcome, {mean_ms:.0f} ms on average; at 128 MB Lambda bills {waiting_usd:.2f} USD for a million of them. The
        default, adaptive, does not wait while the next invocation is expected within seconds."""
    return [
        *table(columns, [cells]),
        "",
        *paragraph(depends),
        "",
        *paragraph(basis),
        "",
        *paragraph(waiting),
    ]


def _growth(rows: Sequence[Row]) -> float:
    """Give the size of the kept lines' records, in sizes of the lines themselves."""
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
    """Tell what the demo's check of itself found."""
    if faults:
        head = paint(f"CHECK FAILED: {len(faults)} finding(s)", "red")
        return [head, *(line for fault in faults for line in paragraph(fault, indent="  "))]
    rows = [row for run in runs for row in run.rows]
    fates = Counter(row.planned.fate for row in rows)
    lines = sum(len(row.kept) for row in rows)
    text = f"""Checked, line by line, against what the functions wrote: of the {fates["failed"]} failed invocations, the
        {fates["by rule"]} that a rule kept and the {fates["sampled"]} sampled, all {lines} lines arrived, unchanged, in
        order, once; of the {fates["let go"]} others, none."""
    accounts = [account for run in runs for account in run.accounts]
    gone = sum(account_total(accounts, name) for name in ("evicted_lines", "lost_lines"))
    account = f"""The extension's own account, one line at each SHUTDOWN, adds up to the same:
        {account_total(accounts, "received_lines")} lines received, {account_total(accounts, "kept_lines")} kept,
        {account_total(accounts, "dropped_lines")} dropped as not sampled, {gone} evicted or lost."""
    return [*paragraph(text), *paragraph(account)]


def next_steps() -> list[str]:
    """Say how to use it on a function of one's own."""
    steps = (
        """1. Publish the layer to your account: ./build.sh publish --region REGION --yes. It runs on the Python of Lambda's
        Python runtimes; for all others, ./build.sh layer --standalone makes layers that bring their own (the local
        Lambda lent the functions above this machine's).""",
        """2. Attach it, with the ARN that step 1 printed: docs/attach has a page and a template each for SAM, CDK,
        Terraform, the Serverless Framework and the aws command. The function's code stays as it is.""",
        """3. Nothing has to be set: what is kept goes to the log group /flight-recorder/NAME, under the ordinary
        execution role. FLIGHT_RECORDER_SINK names other places, such as s3://bucket/logs; FLIGHT_RECORDER_SAMPLE_RATE
        and the rules (README.md, Settings) are for where the defaults, 10% and failures, are not what you want.""",
        """4. Once you trust it, deny the function's role logs:PutLogEvents on the function's own log group: until then
        CloudWatch gets, and charges for, every line as before. The templates have the statement, and so has docs/sinks.""",
    )
    return [line for step in steps for line in paragraph(step)]
