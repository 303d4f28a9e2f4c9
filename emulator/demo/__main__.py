"""Run the demonstration: ``python -m emulator.demo``; exit with 1 if its check of itself fails."""

import argparse
import os
import sys
import time
from pathlib import Path

from emulator.demo import report
from emulator.demo.check import Row, faults
from emulator.demo.plan import FUNCTIONS, DemoFunction, Planned, plan_of
from emulator.demo.receiver import Receiver
from emulator.demo.run import Buffered, FunctionRun, missing_for, run_buffered, run_function
from emulator.model.errors import EmulatorError
from terminal.layout import WIDTH
from terminal.paint import Paint

COMPARED = ("error-line", "hang", "memory")  # the buffer keeps the first, the layer all three


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main = argparse.ArgumentParser(
        prog="./build.sh demo",
        description="Run real functions under the built layer, and check the lines that it kept one by one.",
    )
    main.add_argument(
        "--layer",
        type=Path,
        default=Path("dist/flight-recorder-python.zip"),
        help="the built layer (default: %(default)s)",
    )
    main.add_argument(
        "--functions",
        type=_functions,
        default=list(FUNCTIONS),
        metavar="NAME[,NAME]",
        help=f"which of {', '.join(FUNCTIONS)} to run (default: all that this machine can run); without nodejs, nothing is compiled",
    )
    main.add_argument(
        "--quick",
        action="store_true",
        help="one invocation of each kind, instead of a day's mix; Node.js only if its client is compiled already",
    )
    return main


def _functions(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in FUNCTIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(FUNCTIONS)}")
    return list(dict.fromkeys(names))


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _title(text: str, paint: Paint) -> None:
    _say("", paint(text, "bold"), paint("=" * min(len(text), WIDTH), "dim"), "")


def _paint() -> Paint:
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return Paint(sys.stdout.isatty() and not dumb)


def run(arguments: argparse.Namespace, paint: Paint) -> int:
    """Run the demo; return the exit code.

    Raises:
        EmulatorError: The emulator cannot work here.
    """
    begun = time.monotonic()
    plans: list[tuple[DemoFunction, list[Planned]]] = []
    for key in arguments.functions:
        function = FUNCTIONS[key]
        lacking = missing_for(function, say=_say, quick=arguments.quick)
        if lacking is None:
            plans.append((function, plan_of(function, quick=arguments.quick)))
        else:
            _say(*report.left_out(function, lacking))
    if not plans:
        _say("Nothing to run.")
        return 1

    names = [f"{function.name} ({function.runtime_text})" for function, _ in plans]
    _say("", *report.heading(names, sum(len(plan) for _, plan in plans)))
    with Receiver() as sink:
        _say("", *report.settings(sink.url))
        runs, buffered = _run_all(plans, arguments.layer, sink, paint)
    rows = [row for one in runs for row in one.rows]
    accounts = [account for one in runs for account in one.accounts]
    found = faults(rows, sink.records, refused=sink.refused, accounts=accounts)

    _title("By function", paint)
    _say(*report.rows_by_function(runs, paint))
    if buffered:
        _title("The same failures with a buffer inside the function's process", paint)
        python = next(one for one in runs if one.function.key == "python")
        _say(*report.comparison(python.rows, buffered))
    _title("Bytes in, bytes out, and the bill", paint)
    _say(*report.bill(runs, wire_bytes=sink.wire_bytes))
    _title("The check", paint)
    _say(*report.verdict(runs, found, paint))
    _title("To use it", paint)
    _say(*report.next_steps(), "", paint(f"{time.monotonic() - begun:.0f} s", "dim"))
    return 1 if found else 0


def _run_all(
    plans: list[tuple[DemoFunction, list[Planned]]], layer: Path, sink: Receiver, paint: Paint
) -> tuple[list[FunctionRun], list[Buffered]]:
    def show(row: Row) -> None:
        _say(report.live(row, paint))

    _title("As it happens", paint)
    _say(paint(report.titles(), "bold"))
    runs = [
        run_function(function, plan, layer=layer, sink=sink, show=show) for function, plan in plans
    ]
    buffered = []
    for function, plan in plans:
        if function.key == "python":
            buffered = run_buffered(function, [one for one in plan if one.mishap in COMPARED])
    return runs, buffered


def main(words: list[str] | None = None) -> int:
    """Run the command line; return 0, or 1 if the check fails, or 2 if the demo could not run."""
    arguments = parser().parse_args(words)
    if not arguments.layer.exists():
        sys.stderr.write(f"{arguments.layer} does not exist; make it with ./build.sh layer\n")
        return 2
    try:
        return run(arguments, _paint())
    except (EmulatorError, OSError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
