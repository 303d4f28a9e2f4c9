"""A run beside its simulation: what agrees, and what does not."""

from __future__ import annotations

import pytest

from bench.fleet.flood import ALL
from tests.fleet.beside import (
    Beside,
    as_json,
    crashes_beside,
    first_beside,
    flood_beside,
    refresh_beside,
    table,
)
from tests.fleet.scenarios import Crashes, First, Flooded, Refreshed

ROW = Beside("crash", "delivered", run=0.9, simulated=0.8, least=0.75, most=0.85)


@pytest.mark.parametrize(
    ("run", "agrees"), [(0.65, True), (0.64, False), (0.8, True), (0.95, True), (0.96, False)]
)
def test_run_agrees_as_far_as_chance_goes(run: float, agrees: bool) -> None:
    """Between the least and the most of the seeds, and beyond by no more than their distance."""
    assert ROW._replace(run=run).agrees is agrees


def test_figure_without_chance_may_be_a_tenth_off() -> None:
    """A machine of two cores has its own chance."""
    still = ROW._replace(simulated=100.0, least=100.0, most=100.0)

    assert still._replace(run=109.0).agrees
    assert not still._replace(run=111.0).agrees


def test_table_and_file_say_the_same() -> None:
    """One row a figure."""
    assert table([ROW]).splitlines()[2] == (
        "| crash | delivered | 0.900 | 0.800 | 0.750 | 0.850 | yes |"
    )
    assert as_json([ROW]) == [ROW._asdict() | {"agrees": True}]


def test_each_run_has_the_figures_that_the_simulation_has() -> None:
    """Of a few environments, below every quota: nothing is refused, and all is delivered."""
    crashed = Crashes(
        environments=10,
        delivered=10,
        own=10,
        overflow=0,
        printed=0,
        lost=0,
        killed=0,
        create_asked=10,
        create_refused=0,
        put_asked=30,
        put_refused=0,
    )
    first = First(environments=10, answered=10, asked=10, refused=0, took_s=2.0)
    refreshed = Refreshed(
        environments=10, fresh_1=10, fresh_2=10, asked=20, refused=0, others=10, others_refused=0
    )
    failing = ALL._replace(lasts_s=5.0, others_per_s=0.5)
    flooded = Flooded(
        environments=10,
        invocations=100,
        delivered=99,
        later=100,
        asked=100,
        refused=0,
        others=2,
        others_refused=0,
        age_p50_s=0.02,
        age_p99_s=0.03,
    )
    rows = [
        *crashes_beside(crashed, per_s=10.0, creates_per_s=50.0, puts_per_s=5_000.0),
        *first_beside(first, per_s=10.0, gets_per_s=40.0),
        *refresh_beside("change", refreshed, gets_per_s=40.0, others_per_s=1.0, begin_s=1.0),
        *flood_beside(flooded, failing=failing, puts_per_s=500.0),
    ]

    assert [row for row in rows if not row.agrees] == []
    assert len(rows) == 14
