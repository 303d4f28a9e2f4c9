"""The limits of a fleet, at a size that takes a second; the largest size is in the suite."""

import pytest

from bench.fleet.flood import ALL, flood
from bench.fleet.herd import RETRY_AFTER_S, herd
from bench.fleet.objects import objects
from bench.fleet.references import refresh
from bench.fleet.scenarios import PARAMETER, Results, rows
from bench.fleet.streams import crashes
from bench.reporting.figures import Row
from extension.config.settings import LINGER_S

SIZE = 1_000


@pytest.fixture(scope="module")
def held() -> list[Row]:
    results = Results(
        crashed=[crashes(SIZE)],
        begun=[],
        looped=[],
        refreshed=[(PARAMETER, refresh(SIZE, settled_intervals=2))],
        ramped=[],
        flooded=[flood(SIZE, failing=ALL._replace(lasts_s=20.0))],
        returned=[herd(SIZE, retry_after_s=RETRY_AFTER_S)],
        stored=[objects(SIZE, linger_s=linger_s) for linger_s in (0.0, LINGER_S)],
    )
    return rows(results)


def test_thousand_environments_keep_to_every_limit(held: list[Row]) -> None:
    """Counts and shares alone: no figure is a time of this machine."""
    assert [row.what for row in held if not row.met] == []
    assert len(held) == 7
