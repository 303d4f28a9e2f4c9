"""Run the suite: ``./build.sh bench [--quick] [--only PART,...] [--python PATH] [--layer ZIP] [--beside ZIP]``."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.parts import cold, cost, first, floods, latency, memory, soak, startup
from bench.preparation import PYTHON_LAYER, ROOT, prepare
from bench.reporting import report
from bench.reporting.chart import Bar, Group, draw
from bench.reporting.figures import Row
from bench.subjects import FLOOR, KEEPING, LAYER, OBVIOUS, Bench
from terminal.waiting import still

PARTS: dict[str, Callable[[Bench], Any]] = {
    "start-up": startup.measure,
    "memory": memory.measure,
    "cost": cost.measure,
    "latency": latency.measure,
    "first": first.measure,
    "soak": soak.measure,
}


def _fleet(bench: Bench) -> list[Row]:
    """Simulate a fleet."""
    # Imported here: the other parts measure layers, and run without the package.
    from bench.fleet import part  # noqa: PLC0415

    return part.measure(bench)


ON_REQUEST: dict[str, Callable[[Bench], Any]] = {
    "cold": cold.measure,
    "floods": floods.measure,
    "fleet": _fleet,
}
"""Parts that run only with --only."""

CHARTED = {
    "start-up.svg": (
        "Start-up, from exec",
        [
            (startup.TOPIC, "exec to register"),
            (startup.TOPIC, "exec to first Next"),
            (memory.TOPIC, "PSS at first Next"),
        ],
    ),
    "cost.svg": (
        "What an invocation costs",
        [
            (cost.TOPIC, "CPU of an invocation of ten lines, dropped"),
            (cost.TOPIC, "CPU of a line, print"),
            (cost.TOPIC, "CPU of a line, JSON objects"),
            (latency.TOPIC, "INVOKE to Next, FLUSH=adaptive, busy"),
            (latency.TOPIC, "runtimeDone's arrival to the sink, 100 lines"),
        ],
    ),
}

Tenths = dict[str, list[soak.Tenth]]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and write the results; return the exit status."""
    options = _parser().parse_args(arguments)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="flight-recorder-bench-") as folder:
        bench = prepare(
            python=options.python,
            layer=options.layer,
            beside=options.beside,
            scratch=Path(folder),
            quick=options.quick,
        )
        about = report.machine(
            python=bench.version,
            command=" ".join(["./build.sh bench", *_shown(options)]),
            root=ROOT,
        )
        rows, tenths = _measure(bench, options.only or list(PARTS))
    _print(rows, bench.beside)
    print(f"\n{report.conditions(about)} Took {time.monotonic() - began_s:.0f} s.")
    # The committed results are those of a whole run: a part or a quick look must not take their place.
    whole = not (options.quick or options.only or options.beside)
    whole = whole and options.layer.resolve() == PYTHON_LAYER
    results = options.results or ROOT / ("bench/results" if whole else ".cache/bench")
    _write(results, rows, tenths, about)
    print(f"Written to {results}.")
    return 0


def _measure(bench: Bench, parts: list[str]) -> tuple[list[Row], Tenths]:
    rows: list[Row] = []
    tenths: Tenths = {}
    for part in parts:
        began_s = time.monotonic()
        print(f"{part} ...", end=" ", flush=True, file=sys.stderr)
        with still(f"measuring {part}"):
            measured = (PARTS | ON_REQUEST)[part](bench)
        if part == soak.TOPIC:
            measured, tenths = measured
        rows += measured
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return rows, tenths


def _print(rows: list[Row], beside: tuple[str, ...]) -> None:
    print(report.plain_table(rows))
    for topic in (startup.TOPIC, cold.TOPIC):
        ways = report.ways_lines(rows, topic=topic)
        if ways:
            told = ", ".join(row.what for row in rows if row.topic == topic)
            print(f"\nways to start, {topic}: {told}")
        for line in ways:
            print(f"  {line[0]:<26}" + "  ".join(f"{cell:>9}" for cell in line[1:]))
    if spread := report.spread_lines(rows, topic=first.TOPIC):
        print(f"\nmedians, with the lowest and the highest of the passes\n{report.aligned(spread)}")
    for name in beside:
        print(f"\nbefore: {name}; after: {LAYER}; both in this run, in turn")
        print(report.aligned(report.beside_lines(rows, name)))
    for row in rows:
        if row.note:
            print(f"note: {row.what}: {row.note}")
    print("note: *: the floor that keeps raw batches and posts those of failed invocations")


def _write(folder: Path, rows: list[Row], tenths: Tenths, about: report.Machine) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "machine": asdict(about),
        "rows": [row.as_json() for row in rows],
        "soak": {name: [asdict(each) for each in values] for name, values in tenths.items()},
    }
    (folder / "latest.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(report.markdown(rows, about))
    for name, (title, wanted) in CHARTED.items():
        found = {(row.topic, row.what): row for row in rows}
        groups = [_group(found[key]) for key in wanted if key in found]
        if groups:
            (folder / name).write_text(
                draw(title, groups, caption=report.conditions_in_short(about))
            )


def _group(row: Row) -> Group:
    order = [name for name in (LAYER, FLOOR, KEEPING, OBVIOUS) if name in row.values]
    bars = [Bar(label=name, value=row.values[name], marked=name == LAYER) for name in order]
    return Group(heading=row.what, unit=row.unit, bars=bars)


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    known = PARTS | ON_REQUEST
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]}; there are {', '.join(known)}")
    return parts


def _shown(options: argparse.Namespace) -> list[str]:
    shown = ["--quick"] if options.quick else []
    return shown + (["--only", ",".join(options.only)] if options.only else [])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./build.sh bench",
        description="Measure the built layer beside the floor, the obvious way, and other layers.",
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions: some two minutes")
    parser.add_argument(
        "--only", type=_parts, metavar="PART,...", help=f"some of {', '.join(PARTS | ON_REQUEST)}"
    )
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="interpreter to measure on"
    )
    parser.add_argument(
        "--layer",
        type=Path,
        default=PYTHON_LAYER,
        help="the built zip, which may be one that brings its own Python",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        action="append",
        default=[],
        metavar="ZIP",
        help="another layer, such as the one before a change: it takes part in every measurement, in turn with the"
        " first, and a table has before, after and their ratio (repeatable)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="folder for the results (default: bench/results for a whole run, .cache/bench for any other)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
