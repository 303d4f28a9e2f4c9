"""A run beside the simulation of the same environments, quotas and times. Nothing here waits or runs anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bench.fleet.flood import Failing, flood
from bench.fleet.references import ramp, refresh
from bench.fleet.streams import Latencies, crashes
from bench.reporting.report import number
from tests.fleet.scenarios import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.fleet.scenarios import Crashes, First, Flooded, Refreshed

SEEDS = range(1, 21)
"""Of the simulation: their least and their most say how far chance alone goes."""

SHARE = 0.1
"""How much further a figure may be, of the mean: a machine of two cores has its own chance."""

LOCAL = Latencies(connect_s=0.016, answer_s=0.004, refusal_s=0.002)
"""Of the front and moto on this machine: a first delivery with all that it loads, a request, and one that is refused."""


class Beside(NamedTuple):
    """One figure.

    Attributes:
        scenario: what was run.
        figure: what was counted.
        run: with real processes.
        simulated: the mean of all seeds, with their ``least`` and their ``most``.
    """

    scenario: str
    figure: str
    run: float
    simulated: float
    least: float
    most: float

    @property
    def agrees(self) -> bool:
        """Whether the run is where the simulation's chance goes, and a little further."""
        more = max(self.most - self.least, SHARE * abs(self.simulated))
        return self.least - more <= self.run <= self.most + more


def _beside(
    scenario: str, run: Mapping[str, float], simulate: Callable[[int], Mapping[str, float]]
) -> list[Beside]:
    seen = [simulate(seed) for seed in SEEDS]
    rows = []
    for figure, value in run.items():
        values = [one[figure] for one in seen]
        rows.append(
            Beside(scenario, figure, value, sum(values) / len(values), min(values), max(values))
        )
    return rows


def crashes_beside(
    run: Crashes, *, per_s: float, creates_per_s: float, puts_per_s: float
) -> list[Beside]:
    """Return what came of crashes."""

    def simulate(seed: int) -> dict[str, float]:
        one = crashes(
            run.environments,
            within_s=run.environments / per_s,
            creates_per_s=creates_per_s,
            puts_per_s=puts_per_s,
            latencies=LOCAL,
            seed=seed,
        )
        return {
            "lines delivered, of all environments": one.delivered,
            "streams made": one.created,
            "CreateLogStream refused, of all": one.refused_share,
        }

    seen = {
        "lines delivered, of all environments": run.delivered / run.environments,
        "streams made": run.create_asked - run.create_refused,
        "CreateLogStream refused, of all": run.create_refused / max(1, run.create_asked),
    }
    return _beside("crashes, as in 1,000", seen, simulate)


def first_beside(run: First, *, per_s: float, gets_per_s: float) -> list[Beside]:
    """Return what came of first fetches."""

    def simulate(seed: int) -> dict[str, float]:
        one = ramp(run.environments, per_s=per_s, quota_per_s=gets_per_s, seed=seed)
        return {"answered, of all": 1.0 - one.unanswered, "GetParameters": one.asked}

    seen = {"answered, of all": run.answered / run.environments, "GetParameters": run.asked}
    return _beside("first values, as in 1,000", seen, simulate)


def refresh_beside(
    scenario: str, run: Refreshed, *, gets_per_s: float, others_per_s: float, begin_s: float
) -> list[Beside]:
    """Return what came of a setting that changed."""

    def simulate(seed: int) -> dict[str, float]:
        one = refresh(
            run.environments,
            quota_per_s=gets_per_s,
            others_per_s=others_per_s,
            interval_s=INTERVAL_S,
            begin_s=begin_s,
            settled_intervals=2,
            seed=seed,
        )
        return {
            "in force after one interval, of all": one.fresh_after[0],
            "in force after two, of all": one.fresh_after[1],
            "GetParameters": one.asked,
            "refused, of all": one.refused_first / max(1, one.asked),
        }

    seen = {
        "in force after one interval, of all": run.fresh_1 / run.environments,
        "in force after two, of all": run.fresh_2 / run.environments,
        "GetParameters": run.asked,
        "refused, of all": run.refused / max(1, run.asked),
    }
    return _beside(scenario, seen, simulate)


def flood_beside(run: Flooded, *, failing: Failing, puts_per_s: float) -> list[Beside]:
    """Return what came of a flood."""

    def simulate(seed: int) -> dict[str, float]:
        one = flood(run.environments, failing=failing, quota_per_s=puts_per_s, seed=seed)
        return {
            "PutLogEvents": one.asked,
            "refused, of all": one.refused,
            "others refused, of all": one.others_refused,
            "invocations delivered in time, of all": one.in_time,
            "age of lines, p50, s": one.age_in_time_p50_s,
        }

    seen = {
        "PutLogEvents": run.asked,
        "refused, of all": run.refused / max(1, run.asked),
        "others refused, of all": run.others_refused / max(1, run.others),
        "invocations delivered in time, of all": run.delivered / run.invocations,
        "age of lines, p50, s": run.age_p50_s,
    }
    return _beside("flood, as in 10,000", seen, simulate)


def table(rows: Sequence[Beside]) -> str:
    """Return a table in Markdown."""
    lines = [
        "| scenario | figure | run | simulated, mean | least | most | agrees |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        values = (row.run, row.simulated, row.least, row.most)
        told = " | ".join(map(number, values))
        lines.append(
            f"| {row.scenario} | {row.figure} | {told} | {'yes' if row.agrees else 'NO'} |"
        )
    return "\n".join(lines)


def as_json(rows: Sequence[Beside]) -> list[dict[str, Any]]:
    """Return the table as a file has it."""
    return [row._asdict() | {"agrees": row.agrees} for row in rows]
