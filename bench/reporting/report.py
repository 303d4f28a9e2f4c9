"""Write the report: one table for the terminal and for Markdown, and the machine that was measured on.

All functions are pure but :func:`machine`, which asks the system.
"""

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.reporting.figures import Row, Series
from bench.subjects import KEEPING, LAYER, OBVIOUS

HEADINGS = ("", "target", "layer", "floor", "ratio", "obvious way", "ratio", "met")
BESIDE_HEADINGS = ("", "before", "after", "ratio", "of the least")
_NUMERIC = range(1, 7)

SPREAD = "first"
"""The topic whose rows are of few passes, so that the lowest and the highest tell more than a median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and the time of a measurement."""

    commit: str
    cpu: str
    cores: int
    kernel: str
    date: str
    python: str
    load: float
    command: str


def machine(*, python: str, command: str, root: Path) -> Machine:
    """Ask the system.

    Args:
        python: the version that was measured on.
        command: how the suite was called.
        root: of the checkout.
    """
    return Machine(
        commit=_commit(root),
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        python=python,
        load=round(os.getloadavg()[0], 1),
        command=command,
    )


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--", "extension", "layer", "bench", ":!bench/results")
    return f"{commit}, with uncommitted changes" if changed else commit


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown"
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown"


def number(value: float) -> str:
    """Write a value with three significant digits, and more only where it is large."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:  # From here on the digits before the point are enough.
        return f"{value:,.0f}"
    for least, digits in ((100, 0), (10, 1), (1, 2), (0.1, 3)):
        if size >= least:
            return f"{value:.{digits}f}"
    return f"{value:.4f}"


def _with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if not unit and value.is_integer():
        return f"{value:,.0f}"  # Files, modules, lines: they are counted, not measured.
    return f"{number(value)} {unit}".rstrip()


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}x"


def target(row: Row) -> str:
    """Write a row's limits."""
    sign = "≥" if row.at_least else "≤"
    told = []
    if row.limit is not None:
        told.append(f"{sign} {_with_unit(row.limit, row.unit)}")
    if row.limit_ratio is not None:
        told.append(f"{sign} {row.limit_ratio:.2f}x floor")
    return ", ".join(told)


def cells(row: Row) -> tuple[str, ...]:
    """Write one row of the table."""
    reference = row.values.get(row.reference)
    floor = _with_unit(reference, row.unit)
    if row.reference == KEEPING:
        floor += " *"
    met = {None: "", True: "yes", False: "NO"}[row.met]
    return (
        row.what,
        target(row),
        _with_unit(row.measured, row.unit),
        floor,
        _ratio(row.ratio_to(row.reference)),
        _with_unit(row.values.get(OBVIOUS), row.unit),
        _ratio(row.ratio_to(OBVIOUS)),
        met,
    )


def plain_table(rows: Sequence[Row]) -> str:
    """Write the table for a terminal."""
    return aligned([HEADINGS, *(cells(row) for row in rows)])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Write lines of cells for a terminal, with numbers to the right of their columns."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for line in lines:
        padded = [
            cell.rjust(width) if column in _NUMERIC else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(padded).rstrip())
    return "\n".join(text)


def beside_lines(rows: Sequence[Row], before: str) -> list[list[str]]:
    """Write the layer beside another one: before, after and the ratio of both, of medians and of the least.

    On a machine that others use, CPU time and times only ever get larger, so the ratio of the least disturbs less.
    """
    lines = [list(BESIDE_HEADINGS)]
    for row in rows:
        if before not in row.values or LAYER not in row.values:
            continue
        least = {name: row.detail[name].minimum for name in (before, LAYER) if name in row.detail}
        ratio = least[LAYER] / least[before] if least.get(before) else None
        lines.append(
            [
                f"{row.topic}: {row.what}",
                _with_unit(row.values[before], row.unit),
                _with_unit(row.values[LAYER], row.unit),
                _ratio(row.ratio_to(before)),
                _ratio(ratio),
            ]
        )
    return lines


def markdown_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown, with text in the first column and numbers in the others."""
    rule = ["---"] + ["---:"] * (len(headings) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in (headings, rule, *lines))


def ways_lines(rows: Sequence[Row], *, topic: str = "start-up") -> list[list[str]]:
    """Write the figures of each way of starting: a line for each way, a column for each row."""
    timed = [row for row in rows if row.topic == topic]
    names = [name for row in timed[:1] for name in row.values]
    return [
        [name, *(_with_unit(row.values.get(name), row.unit) for row in timed)] for name in names
    ]


def spread_lines(rows: Sequence[Row], *, topic: str) -> list[list[str]]:
    """Write the median of each subject, with the lowest and the highest of its passes: a column for each subject."""
    chosen = [row for row in rows if row.topic == topic]
    names = list(dict.fromkeys(name for row in chosen for name in row.values))
    lines = [["", *names]] if chosen else []
    for row in chosen:
        told = f"{row.what}, {row.unit}" if row.unit else row.what
        lines.append([told, *(_spread(row.detail.get(name)) for name in names)])
    return lines


def _spread(series: Series | None) -> str:
    if series is None:
        return ""
    if series.minimum == series.p99:
        return number(series.median)
    # Of few passes, the p99 is the highest.
    return f"{number(series.median)} ({number(series.minimum)} to {number(series.p99)})"


def conditions(about: Machine) -> str:
    """Write the conditions of the measurement."""
    return (
        f"Commit {about.commit}; {about.date}; {about.cpu}, {about.cores} cores; {about.kernel};"
        f" CPython {about.python}; load when it began {about.load}; `{about.command}`."
    )


_INTRODUCTION = (
    "Medians of repetitions that take turns. `layer` is the built layer, started through its launcher. `floor` is"
    " bare CPython with raw sockets, which keeps nothing. With a star, the floor keeps raw batches and posts those of"
    " failed invocations. `obvious way` imports httpx and structlog first, then does the rest. All of them use one"
    " interpreter and one control plane, in one run. Compare the ratios: the milliseconds are this machine's."
)


def conditions_in_short(about: Machine) -> str:
    """Write the conditions in one line, for below a chart."""
    return f"{about.commit}; {about.date[:10]}; {about.cpu}, {about.cores} cores; CPython {about.python}"


def markdown(rows: Sequence[Row], about: Machine) -> str:
    """Write the page beside the charts."""
    topics = list(dict.fromkeys(row.topic for row in rows))
    parts = [
        "# What it costs",
        "Written by `./build.sh bench`; each part has a module of its name in `bench/parts/`, which explains its rows.",
        conditions(about),
        _INTRODUCTION,
        "![Start-up](start-up.svg)",
        "![Cost](cost.svg)",
    ]
    for topic in topics:
        chosen = [row for row in rows if row.topic == topic]
        parts += [f"## {topic}", markdown_table(HEADINGS, [cells(row) for row in chosen])]
        notes = [f"- {row.what}: {row.note}." for row in chosen if row.note]
        if notes:
            parts.append("\n".join(notes))
        if topic == SPREAD:
            headings, *lines = spread_lines(chosen, topic=topic)
            parts += [
                "Medians, with the lowest and the highest of the passes.",
                markdown_table(headings, lines),
            ]
        if topic == "start-up":
            headings = ["way to start", *(row.what for row in chosen)]
            parts += [
                "The same by the way the layer comes to run. Amazon Linux's `sh` is bash; without bash Python registers.",
                markdown_table(headings, ways_lines(chosen)),
            ]
    return "\n\n".join(parts) + "\n"
