"""Simulate a fleet as a part of the suite: ``./build.sh bench --only fleet``, in some two minutes.

Nothing of it depends on the machine: the same seed gives the same figures. A whole simulation is written to
``bench/results/fleet.json``, and ``docs/fleet.md`` gets its tables anew.
"""

import json
from pathlib import Path
from typing import Any

from bench.fleet.scenarios import QUICK_SIZES, SIZES, TOPIC, Results, rows, simulate
from bench.fleet.tables import filled
from bench.reporting.figures import Row
from bench.subjects import Bench

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results" / "fleet.json"
RUN = ROOT / "bench" / "results" / "fleet-run.json"
PAGE = ROOT / "docs" / "fleet.md"

SEED = 1


def measure(bench: Bench) -> list[Row]:
    """Simulate all sizes, or without the largest if the suite is quick; return the figures that have a limit."""
    results = simulate(QUICK_SIZES if bench.quick else SIZES, seed=SEED)
    found = rows(results)
    if not bench.quick:
        RESULTS.write_text(json.dumps(as_json(results, found), indent=1) + "\n")
        rewrite_page()
    return found


def as_json(results: Results, found: list[Row]) -> dict[str, Any]:
    """Return the results as the file has them."""
    told: dict[str, Any] = {"seed": SEED, "topic": TOPIC, "rows": [row.as_json() for row in found]}
    for name, several in results._asdict().items():
        if name == "refreshed":
            told[name] = [
                one._asdict()
                | {
                    "store": store.name,
                    "usd_per_month": one.calls_per_month * store.usd,
                }
                for store, one in several
            ]
        else:
            told[name] = [one._asdict() for one in several]
    return told


def rewrite_page() -> None:
    """Write the page's tables anew, from both files of results."""
    results, run = (json.loads(path.read_text()) for path in (RESULTS, RUN))
    PAGE.write_text(filled(PAGE.read_text(), results, run))
