"""The suite's command: ``./build.sh bench [--quick] [--only PART,...] [--python PATH]``."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.parts import cold, cost, latency, memory, soak, startup
from bench.reporting import report
from bench.reporting.chart import Bar, Group, draw
from bench.reporting.figures import Row
from bench.subjects import FLOOR, KEEPING, LAYER, OBVIOUS, Bench, prepare
from layer.function_python.build import unpack

ROOT = Path(__file__).resolve().parent.parent
PYTHON_LAYER = ROOT / "dist" / "flight-recorder-python.zip"
PARTS: dict[str, Callable[[Bench], Any]] = {
    "start-up": startup.measure,
    "memory": memory.measure,
    "cost": cost.measure,
    "latency": latency.measure,
    "soak": soak.measure,
}
ON_REQUEST: dict[str, Callable[[Bench], Any]] = {"cold": cold.measure}
"""What is measured only with --only."""

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


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table, and writes the results; returns the exit status."""
    options = _parser().parse_args(arguments)
    parts = options.only or list(PARTS)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="flight-recorder-bench-") as folder:
        scratch = Path(folder)
        opt = borrowing = scratch / "opt"
        unpack(options.layer, opt)
        others = {}
        for number, layer in enumerate(options.beside):
            others[f"layer {layer}"] = scratch / f"beside-{number}"
            unpack(layer, others[f"layer {layer}"])
        if (opt / "flight-recorder" / "bin").exists():
            borrowing = scratch / "borrowing"
            unpack(PYTHON_LAYER, borrowing)
        bench = prepare(
            python=options.python,
            opt=opt,
            borrowing=borrowing,
            others=others,
            scratch=scratch,
            quick=options.quick,
        )
        about = report.machine(
            python=bench.version,
            command=" ".join(["./build.sh bench", *_shown(options)]),
            root=ROOT,
        )
        rows: list[Row] = []
        tenths: dict[str, list[soak.Tenth]] = {}
        for part in parts:
            part_s = time.monotonic()
            print(f"{part} ...", end=" ", flush=True, file=sys.stderr)
            measured = (PARTS | ON_REQUEST)[part](bench)
            if part == soak.TOPIC:
                measured, tenths = measured
            rows += measured
            print(f"{time.monotonic() - part_s:.0f} s", file=sys.stderr)
    print(report.plain_table(rows))
    for topic in (startup.TOPIC, cold.TOPIC):
        ways = report.ways_lines(rows, topic=topic)
        if ways:
            told = ", ".join(row.what for row in rows if row.topic == topic)
            print(f"\nways to start, {topic}: {told}")
        for line in ways:
            print(f"  {line[0]:<26}" + "  ".join(f"{cell:>9}" for cell in line[1:]))
    for row in rows:
        if row.note:
            print(f"note: {row.what}: {row.note}")
    print("note: *: the floor that keeps raw batches and posts those of failed invocations")
    print(f"\n{report.conditions(about)} Took {time.monotonic() - began_s:.0f} s.")
    # What is committed is of a whole run: a part or a quick look must not take its place.
    whole = not (options.quick or options.only or options.beside)
    whole = whole and options.layer.resolve() == PYTHON_LAYER
    results = options.results or ROOT / ("bench/results" if whole else ".cache/bench")
    _write(results, rows, tenths, about)
    print(f"Written to {results}.")
    return 0


def _write(
    folder: Path, rows: list[Row], tenths: dict[str, list[soak.Tenth]], about: report.Machine
) -> None:
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
        description="Measure the built layer beside the floor and the obvious way.",
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions: under a minute")
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
        help="another layer, whose start is measured in turn with the first's (repeatable)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="folder for the results (default: bench/results, and .cache/bench unless all was measured in full)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
