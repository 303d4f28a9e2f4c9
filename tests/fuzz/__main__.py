"""Fuzz for some minutes on all cores: ``python -m tests.fuzz --minutes 15``; ``./build.sh fuzz`` calls it.

Prints the seed, what each fuzzer tried, and for each breach the smallest case found and the command that makes it again.
The exit status is 1 then.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from terminal.waiting import still
from tests.fuzz.fuzzers import FUZZERS
from tests.fuzz.running import Breach, breach_of, random_for
from tests.fuzz.workers import Total, run

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_CHARS = 3000


def main(arguments: Sequence[str]) -> int:
    """Run, and return the exit status."""
    given = _parsed(arguments)
    names = given.only or list(FUZZERS)
    if given.case is not None:
        return _one_case(names[0], given.seed, given.case)
    print(
        f"seed {given.seed}, {given.minutes:g} min on {given.workers} processes: {', '.join(names)}",
        flush=True,
    )
    began_s = time.monotonic()
    with still("trying inputs"):
        total = run(
            names,
            seed=given.seed,
            workers=given.workers,
            within_s=given.minutes * 60.0,
            on_breach=_print_breach,
        )
    _print_table(total, time.monotonic() - began_s)
    return 1 if total.breaches else 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./build.sh fuzz", description="Try the extension's parts with made-up inputs."
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()),
        help="makes the same cases again (default: the time)",
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(FUZZERS),
        metavar="NAME",
        help=f"one of {', '.join(FUZZERS)}",
    )
    parser.add_argument(
        "--case", type=int, help="check this case of the seed alone; needs --only and --seed"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)),
        help="processes (default: the cores)",
    )
    given = parser.parse_args(arguments)
    if given.case is not None and len(given.only or ()) != 1:
        parser.error("--case needs one --only NAME")
    return given


def _one_case(name: str, seed: int, number: int) -> int:
    breach = breach_of(name, FUZZERS[name](), seed=seed, number=number)
    if breach is None:
        print(
            f"case {number} of {name} holds: {FUZZERS[name]().draw(random_for(name, seed, number))!r}"[
                :SHOWN_CHARS
            ]
        )
        return 0
    _print_breach(breach)
    return 1


def _print_table(total: Total, seconds: float) -> None:
    print(
        "\n| fuzzer | cases | inputs | inputs a second of a core | breaches |\n|---|---|---|---|---|"
    )
    for name, inputs in total.inputs.items():
        breaches = sum(one == name for one, _ in total.breaches)
        rate = inputs / max(total.seconds[name], 1e-9)
        print(f"| `{name}` | {total.cases[name]:,} | {inputs:,} | {rate:,.0f} | {breaches} |")
    inputs = total.inputs.total()
    print(
        f"\n{inputs:,} inputs in {seconds:.0f} s, {inputs / seconds:,.0f} a second; {len(total.breaches)} breaches",
        flush=True,
    )


def _print_breach(breach: Breach) -> None:
    print(
        f"\nBREACH in {breach.name}: {breach.kind}\n  {breach.text}\n  smallest: {breach.case!r}"[
            :SHOWN_CHARS
        ]
    )
    print(
        f"  again: ./build.sh fuzz --only {breach.name} --seed {breach.seed} --case {breach.number}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
