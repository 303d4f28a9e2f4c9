"""Let environments of the built layer live for some minutes: ``python -m tests.chaos --layer ZIP --minutes 15``.

``./build.sh chaos`` calls it. Prints a table, and each broken promise with the command that lives the same plan again. The exit
status is 1 then. Moments are random and differ from run to run, since the machine's own timing does.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from bench.control_plane.cpu_share import means
from layer.archive import unpack
from terminal.waiting import still
from tests.chaos import shutdown
from tests.chaos.judging import breaches_of, table
from tests.chaos.life import SECRET, live
from tests.chaos.plan import draw_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from tests.chaos.lived import Lived

LIVES_A_CORE = 3
"""At a time: most of a life is waiting."""

PROGRESS_S = 30.0


def main(arguments: Sequence[str]) -> int:
    """Run, and return the exit status."""
    given = _parsed(arguments)
    print(
        f"seed {given.seed}, {given.minutes:g} min, {given.lives} lives at a time; a small function's share by {means()}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "opt"
        unpack(given.layer, layer)
        with still("living"):
            if given.shutdown:
                return _shutdown(layer)
            began_s = time.monotonic()
            lives = _live(given, layer)
    print(f"\n{table(lives)}\n")
    broken = [(one, breaches) for one in lives if (breaches := breaches_of(one, secret=SECRET))]
    for one, breaches in broken:
        print(
            f"BREACH in life {one.plan.number}: {'; '.join(breaches)}\n  {one.plan._replace(invocations=())}"
        )
        print(f"  again: ./build.sh chaos --seed {given.seed} --life {one.plan.number}")
    freezes = sum(one.freezes for one in lives)
    print(
        f"{len(lives)} lives, {freezes:,} freezes in {time.monotonic() - began_s:.0f} s; {len(broken)} lives broke a promise",
        flush=True,
    )
    return 1 if broken else 0


def _shutdown(layer: Path) -> int:
    found = shutdown.measure_all(layer)
    print(f"\nWhat was out when the process had ended:\n\n{shutdown.table(found)}\n")
    late = sum(not shutdown.is_whole(ended, case) for case, ended in found)
    print(f"{late} of {len(found)} environments lost lines", flush=True)
    return 1 if late else 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./build.sh chaos", description="Freeze and stop the built layer at random moments."
    )
    parser.add_argument("--layer", type=Path, required=True, help="the layer's zip")
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="how long lives begin (default: 1)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()),
        help="draws the same plans again (default: the time)",
    )
    parser.add_argument(
        "--shutdown",
        action="store_true",
        help="measure what is out at SHUTDOWN instead, in some three minutes",
    )
    parser.add_argument("--life", type=int, help="live this plan of the seed alone")
    parser.add_argument(
        "--lives",
        type=int,
        default=LIVES_A_CORE * len(os.sched_getaffinity(0)),
        help="how many at a time",
    )
    return parser.parse_args(arguments)


def _live(given: argparse.Namespace, layer: Path) -> list[Lived]:
    if given.life is not None:
        return [live(draw_plan(given.seed, given.life), layer)]
    until_s = time.monotonic() + given.minutes * 60.0
    shown_s = time.monotonic()
    lives: list[Lived] = []
    with ThreadPoolExecutor(given.lives) as pool:
        running: set[Future[Lived]] = set()
        number = 0
        while running or not number or time.monotonic() < until_s:
            while len(running) < given.lives and (time.monotonic() < until_s or not number):
                running.add(pool.submit(live, draw_plan(given.seed, number), layer))
                number += 1
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            lives += [one.result() for one in ended]
            if time.monotonic() - shown_s > PROGRESS_S:
                shown_s = time.monotonic()
                print(
                    f"  {len(lives)} lives, {sum(one.freezes for one in lives):,} freezes",
                    flush=True,
                )
    return lives


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
