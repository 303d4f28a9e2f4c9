import json
from typing import Any

import pytest

from bench.fleet.part import PAGE, RESULTS, RUN, as_json
from bench.fleet.scenarios import rows, simulate
from bench.fleet.tables import NAMES, filled, names


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(RESULTS.read_text())
    return told


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(RUN.read_text())
    return told


def test_page_has_the_tables_of_the_last_results(
    results: dict[str, Any], run: dict[str, Any]
) -> None:
    """``./build.sh bench --only fleet`` and ``./build.sh fleet`` write them."""
    page = PAGE.read_text(encoding="utf-8")

    assert sorted(names(page)) == sorted(NAMES)
    assert filled(page, results, run) == page


def test_results_are_of_the_simulation_as_it_is(results: dict[str, Any]) -> None:
    """A change of the recorder's pacing shows in the results: the small sizes are simulated again here."""
    sizes = (10, 100)
    again = simulate(sizes)
    told = json.loads(json.dumps(as_json(again, rows(again))))

    for name in ("crashed", "begun", "looped", "ramped", "flooded", "returned", "stored"):
        held = [one for one in results[name] if one["environments"] in sizes]
        assert held == told[name], name
    held = [one for one in results["refreshed"] if one["environments"] in sizes]
    assert held == [one for one in told["refreshed"] if one["store"] == "`ssm:`"]


def test_run_was_a_whole_one(run: dict[str, Any]) -> None:
    """With two hundred processes, in every scenario."""
    assert run["environments"] == 200
    assert len({row["scenario"] for row in run["rows"]}) == 5
