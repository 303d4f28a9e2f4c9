"""``python -m tools.hand_overs``: measure, and print a table."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.hand_overs.journey import Changes, Counts, Journey
from tools.hand_overs.measure import REPOSITORY, SINKS, measure


def table(journeys: dict[str, Journey]) -> str:
    """Write one row of counts a sink."""
    names = [name.replace("_", "-") for name in Counts._fields]
    rows = ["sink        " + "".join(f"{name:>12}" for name in names)]
    for sink, journey in journeys.items():
        rows.append(f"{sink:12}" + "".join(f"{count:12}" for count in journey.counts))
    return "\n".join(rows)


def changes(counted: Changes) -> str:
    """Write one line for each pair of places, the most frequent first."""
    lines = [f"{sum(counted.values()):5}  in all"]
    lines += [f"{count:5}  {one} > {other}" for (one, other), count in counted.most_common()]
    return "\n".join(lines)


def sequence(journey: Journey) -> str:
    """Write every call, numbered by hand-over where the module changes."""
    lines = []
    number, last = 0, ""
    for call in journey.calls:
        name = f"{call.owner}.{call.function}" if call.owner else call.function
        number += call.module != last
        begins = f"{number - 1:4}  {call.module}" if call.module != last else ""
        lines.append(f"{begins:34}  {name}")
        last = call.module
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.hand_overs",
        description="Count how often one batch changes hands between the extension's modules.",
    )
    parser.add_argument("--sink", choices=SINKS, help="only this one; default: all")
    parser.add_argument(
        "--root", type=Path, default=REPOSITORY, help="the source tree; default: this one"
    )
    parser.add_argument("--stages", action="store_true", help="list hand-overs between folders")
    parser.add_argument("--modules", action="store_true", help="list hand-overs between modules")
    parser.add_argument("--sequence", action="store_true", help="list all calls in their order")
    options = parser.parse_args(arguments)
    sinks = [options.sink] if options.sink else SINKS
    journeys = {sink: measure(sink, options.root) for sink in sinks}
    sys.stdout.write(table(journeys) + "\n")
    for sink, journey in journeys.items():
        if options.stages:
            sys.stdout.write(f"\n{sink}, between stages\n{changes(journey.between_stages)}\n")
        if options.modules:
            sys.stdout.write(f"\n{sink}, between modules\n{changes(journey.between_modules)}\n")
        if options.sequence:
            sys.stdout.write(f"\n{sink}, call by call\n{sequence(journey)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
