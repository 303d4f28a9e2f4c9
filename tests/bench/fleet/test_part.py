import json
from typing import Any

import pytest

from bench.fleet import flood, herd, objects, quotas, references, scenarios
from bench.fleet.lanes import KIB
from bench.fleet.part import PAGE, RESULTS, RUN, as_json
from bench.fleet.scenarios import rows, simulate
from bench.fleet.tables import NAMES, filled, names
from extension.config.settings import LINGER_S
from extension.delivery.pacing import MAX_PAUSE_S
from tests.fleet.beside import SEEDS


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


def test_page_has_the_quotas_and_assumptions_of_the_simulation() -> None:
    """Where its words have figures."""
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    said = [
        f"CreateLogStream ({quotas.CREATE_LOG_STREAM_PER_S:,.0f}/s)",
        f"PutLogEvents ({quotas.PUT_LOG_EVENTS_PER_S:,.0f}/s)",
        f"GetParameters ({quotas.PARAMETERS_PER_S:,.0f}/s)",
        f"{quotas.CONNECT_S * 1000:.0f} ms for a connection",
        f"{quotas.ANSWER_S * 1000:.0f} ms for an answer",
        f"{quotas.REFUSAL_S * 1000:.0f} ms for a refusal",
        f"do so {quotas.SCALING_PER_S:.0f} a second at most",
        f"want {10_000 / references.INTERVAL_S:.0f} calls a second with the default interval",
        f"REFRESH_INTERVAL to `{scenarios.LONG_INTERVAL_S / 60:.0f}m`",
        f"failures of {flood.LINES_BYTES // KIB} KiB each",
        f"makes {flood.OTHERS_PER_S:.0f} calls a second",
        f"It is {LINGER_S:.0f} s for `s3:`",
        f"{objects.KEPT:.0%}".replace("%", " % are kept"),
        f"and {herd.BATCHES // 2} MiB wait in each",
        f"attempts grow to {MAX_PAUSE_S:.0f} s",
        f"of {len(SEEDS)} seeds",
    ]

    assert [words for words in said if words not in page] == []
    assert references.OTHERS_PER_S == 10.0
    assert herd.OUTAGE_S == 300.0
