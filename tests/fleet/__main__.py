"""Run a fleet of real processes: ``python -m tests.fleet --layer ZIP [--environments 200]``.

``./build.sh fleet`` calls it. Each environment is a process of the built layer with a Lambda of its own; all of them share one
account, which is moto's server behind quotas. The quotas are AWS's, scaled so that they press each environment as AWS's press a
larger fleet. Prints the run beside the simulation of the same; the exit status is 1 if they do not agree.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

# Whole, before extension/ loads it with stand-ins: moto's server is asked with it.
import httpx  # noqa: F401 - loaded for that alone

from bench.fleet.flood import ALL
from bench.fleet.part import ROOT, RUN, rewrite_page
from bench.fleet.quotas import (
    CREATE_LOG_STREAM_PER_S,
    PARAMETERS_PER_S,
    PUT_LOG_EVENTS_PER_S,
    SCALING_PER_S,
)
from bench.fleet.references import INTERVAL_S as DEFAULT_INTERVAL_S, OTHERS_PER_S
from layer.archive import unpack
from terminal.waiting import still
from tests.fleet import beside, scenarios
from tests.fleet.scenarios import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fleet.beside import Beside

ENVIRONMENTS = 200
CRASHED = 1_000
"""The size whose pressure crashes are run at."""

REFRESHED = (1_000, 10_000)
"""The sizes whose pressure refreshes are run at."""

FLOODED = 10_000
FLOODED_SHARE = 2
"""One in so many of the environments takes part in the flood: each line passes through two cores that play everything."""

FLOOD_S = 20.0
LINES_BYTES = 300
"""Of an invocation's events, in the flood."""

CRASHES_PER_S = 20.0
STARTED_PER_S = 15.0
"""As many as this machine starts, where nothing is waited for."""

STARTS_PER_S = 10.0
"""As many as two cores do without being late."""


def main(arguments: Sequence[str]) -> int:
    """Run, and return the exit status."""
    given = _parsed(arguments)
    began_s = time.monotonic()
    rows: list[Beside] = []
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "opt"
        unpack(given.layer, layer)
        for run in (_crash, _first_fetch, *REFRESHES, _flood):
            with still(f"running {given.environments} environments"):
                of_run = run(given.environments, layer)
            print(beside.table(of_run), flush=True)
            rows += of_run
    print(f"\n{beside.table(rows)}\n")
    strange = sum(not row.agrees for row in rows)
    print(
        f"{given.environments} environments, {time.monotonic() - began_s:.0f} s;"
        f" {strange} of {len(rows)} figures are not where the simulation has them"
    )
    told = {"environments": given.environments, "rows": beside.as_json(rows)}
    _write(json.dumps(told, indent=1) + "\n", given)
    return 1 if strange else 0


def _write(text: str, given: argparse.Namespace) -> None:
    """Write the results: a whole run's to where those of the simulation are, and the page of both anew."""
    if given.results is None and given.environments >= ENVIRONMENTS:
        RUN.write_text(text)
        rewrite_page()
        return
    folder = given.results or ROOT / ".cache" / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN.name).write_text(text)


def _crash(environments: int, layer: Path) -> list[Beside]:
    scale = environments / CRASHED
    quotas = {
        "creates_per_s": CREATE_LOG_STREAM_PER_S * scale,
        "puts_per_s": PUT_LOG_EVENTS_PER_S * scale,
    }
    print(
        f"\n{environments} crash within {environments / CRASHES_PER_S:g} s, at {scale:.0%} of AWS's quotas, as {CRASHED:,} do at AWS's"
    )
    run = scenarios.crash(environments, layer=layer, per_s=CRASHES_PER_S, **quotas)
    print(run)
    return beside.crashes_beside(run, per_s=CRASHES_PER_S, **quotas)


def _first_fetch(environments: int, layer: Path) -> list[Beside]:
    gets_per_s = PARAMETERS_PER_S * STARTS_PER_S / SCALING_PER_S
    print(
        f"\n{environments} start, {STARTS_PER_S:g} a second, at {gets_per_s:g} GetParameters a second, as {SCALING_PER_S:g} a second do at AWS's {PARAMETERS_PER_S:g}"
    )
    run = scenarios.first_fetch(
        environments, layer=layer, per_s=STARTS_PER_S, gets_per_s=gets_per_s, within_s=240.0
    )
    print(run)
    return beside.first_beside(run, per_s=STARTS_PER_S, gets_per_s=gets_per_s)


def _refresh(environments: int, layer: Path, *, size: int) -> list[Beside]:
    scale = (environments / INTERVAL_S) / (size / DEFAULT_INTERVAL_S)
    gets_per_s, others_per_s = PARAMETERS_PER_S * scale, OTHERS_PER_S * scale
    print(
        f"\n{environments} fetch each {INTERVAL_S} s, at {gets_per_s:g} GetParameters a second, as {size:,} each {DEFAULT_INTERVAL_S:g} s at AWS's {PARAMETERS_PER_S:g}"
    )
    run = scenarios.refresh(
        environments, layer=layer, gets_per_s=gets_per_s, others_per_s=others_per_s
    )
    print(run)
    return beside.refresh_beside(
        f"a setting changes, as in {size:,}",
        run,
        gets_per_s=gets_per_s,
        others_per_s=others_per_s,
        begin_s=environments / STARTED_PER_S,
    )


REFRESHES: tuple[Callable[[int, Path], list[Beside]], ...] = tuple(
    partial(_refresh, size=size) for size in REFRESHED
)


def _flood(environments: int, layer: Path) -> list[Beside]:
    count = max(1, environments // FLOODED_SHARE)
    scale = count / FLOODED
    puts_per_s = PUT_LOG_EVENTS_PER_S * scale
    failing = ALL._replace(
        lasts_s=FLOOD_S, lines_bytes=LINES_BYTES, others_per_s=ALL.others_per_s * scale
    )
    print(
        f"\n{count} fail {failing.per_s:g} times a second each, at {scale:.1%} of AWS's quota, as {FLOODED:,} do at AWS's"
    )
    run = scenarios.flood(
        count,
        layer=layer,
        failures_per_s=failing.per_s,
        lasts_s=failing.lasts_s,
        puts_per_s=puts_per_s,
        others_per_s=failing.others_per_s,
    )
    print(run)
    return beside.flood_beside(run, failing=failing, puts_per_s=puts_per_s)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./build.sh fleet", description="Run many environments of the built layer at once."
    )
    parser.add_argument("--layer", type=Path, required=True, help="the layer's zip")
    parser.add_argument(
        "--environments",
        type=int,
        default=ENVIRONMENTS,
        help=f"how many (default: {ENVIRONMENTS}, in some eight minutes)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="folder for the results (default: bench/results for a whole run, .cache/fleet for a smaller one)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
