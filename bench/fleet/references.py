"""References: every environment fetches a setting anew, and others in the account ask the same service.

When an environment fetches, and when it puts a value in force, is decided by the product's own
:class:`extension.config.refresh_schedule.RefreshSchedule`.
"""

from random import Random
from typing import NamedTuple

from bench.fleet.lanes import THROTTLED
from bench.fleet.quotas import (
    ANSWER_S,
    CONNECT_S,
    PARAMETERS_PER_S,
    REFUSAL_S,
    SCALING_PER_S,
    Requests,
    percentile,
)
from bench.fleet.world import Life, World
from extension.config.refresh_schedule import RefreshSchedule
from extension.config.settings import Settings

INTERVAL_S = Settings().refresh_interval_ms / 1000
"""REFRESH_INTERVAL, by default."""

OTHERS_PER_S = 10.0
"""Calls of everybody else in the account, the functions' own at cold starts among them."""

FROZEN = 0.5
GAP_S = 0.2
"""Of the time an environment is frozen, and then for so long on average; it acts when it thaws."""

SETTLED_INTERVALS = 24
"""Until then each environment has found its pace; that takes more than one refresh where the quota is short."""

MEASURED_INTERVALS = 8
_LOOKED_AT = 2
"""Intervals that a run with real processes looks at."""

MONTH_S = 30 * 86_400.0


class Refreshed(NamedTuple):
    """What came of a value that changed.

    Attributes:
        environments: how many fetch it.
        quota_per_s: of calls, and ``interval_s`` of REFRESH_INTERVAL.
        peak_per_s: of our calls.
        refused: the share of our calls that was refused, and ``others_refused`` of everybody else's.
        fresh_after: in what share the change is in force at the first multiple after a whole interval, at the second one, ...
        asked: how often we asked within the first two intervals, and ``refused_first`` how often in vain.
        calls_per_month: of ours.
    """

    environments: int
    quota_per_s: float
    interval_s: float
    peak_per_s: int
    refused: float
    others_refused: float
    fresh_after: tuple[float, ...]
    asked: int
    refused_first: int
    calls_per_month: float


class _Known:
    """What one environment knows of the value: when it was fetched that is in force, and what follows it."""

    def __init__(self) -> None:
        self.in_force_of_s = -1.0
        self.next_of_s = -1.0
        self.next_at_s = 0.0

    def fetched(self, of_s: float, at_s: float, now_s: float) -> None:
        self.look(now_s)
        self.next_of_s, self.next_at_s = of_s, at_s
        self.look(now_s)

    def look(self, now_s: float) -> float:
        """Return the time as of which the value in force is known."""
        if self.next_at_s <= now_s:
            self.in_force_of_s = self.next_of_s
        return self.in_force_of_s


def refresh(  # noqa: PLR0913 - what a row varies
    environments: int,
    *,
    quota_per_s: float = PARAMETERS_PER_S,
    interval_s: float = INTERVAL_S,
    others_per_s: float = OTHERS_PER_S,
    gap_s: float = GAP_S,
    begin_s: float | None = None,
    settled_intervals: int = SETTLED_INTERVALS,
    seed: int = 1,
) -> Refreshed:
    """Change a value at a multiple of the interval, and look in how many environments it is in force at the next ones.

    Environments begin one after the other, within an interval or ``begin_s`` before the first multiple.
    """
    rng = Random(seed)
    world, calls = World(), Requests(quota_per_s)
    known = [_Known() for _ in range(environments)]
    for one in known:
        schedule = RefreshSchedule(interval_s=interval_s, random=rng.random)
        life = _environment(world, schedule, calls, one, rng, gap_s)
        begun_s = interval_s if begin_s is None else begin_s
        world.begin(life, interval_s - rng.random() * begun_s)
    refusals: list[bool] = []
    world.begin(_others(world, calls, others_per_s, Random(seed + 1), refusals), 0.0)
    changed_s = settled_intervals * interval_s
    world.run(changed_s)
    asked, refused = calls.asked, calls.refused
    refusals.clear()
    fresh = []
    first = 0, 0
    for number in range(1, MEASURED_INTERVALS + 1):
        world.run(changed_s + number * interval_s + 1.0)
        fresh.append(sum(one.look(world.now_s) >= changed_s for one in known) / environments)
        if number == _LOOKED_AT:
            first = calls.asked - asked, calls.refused - refused
    asked, refused = calls.asked - asked, calls.refused - refused
    measured_s = MEASURED_INTERVALS * interval_s
    return Refreshed(
        environments=environments,
        quota_per_s=quota_per_s,
        interval_s=interval_s,
        peak_per_s=max(calls.between(changed_s, changed_s + measured_s)),
        refused=refused / max(1, asked),
        others_refused=sum(refusals) / max(1, len(refusals)),
        fresh_after=tuple(fresh),
        asked=first[0],
        refused_first=first[1],
        calls_per_month=asked / measured_s * MONTH_S,
    )


def _environment(
    world: World,
    schedule: RefreshSchedule,
    calls: Requests,
    known: _Known,
    rng: Random,
    gap_s: float,
) -> Life:
    while True:
        yield schedule.wait_s(world.now_s)
        if rng.random() < FROZEN:
            yield rng.expovariate(1.0 / gap_s)
        at_s = schedule.begin(world.now_s)
        yield CONNECT_S
        if calls.ask(world.now_s):
            of_s = world.now_s
            yield ANSWER_S
            known.fetched(of_s, at_s, world.now_s)
            schedule.settled(world.now_s)
        else:
            yield REFUSAL_S
            schedule.failed(world.now_s, THROTTLED)


def _others(world: World, calls: Requests, per_s: float, rng: Random, refusals: list[bool]) -> Life:
    while True:
        yield rng.expovariate(per_s)
        refusals.append(not calls.ask_for_others(world.now_s))


class Ramped(NamedTuple):
    """What came of environments that began one after the other, as fast as Lambda lets them.

    Attributes:
        environments: how many began.
        quota_per_s: of calls.
        peak_per_s: of our calls.
        wait_p50_s: from the beginning to the first value.
        asked: how often, until each had a value, and ``refused`` how often in vain.
        unanswered: in what share there was no value after five minutes.
    """

    environments: int
    quota_per_s: float
    peak_per_s: int
    wait_p50_s: float
    wait_p99_s: float
    wait_max_s: float
    asked: int
    refused: int
    unanswered: float


def ramp(
    environments: int,
    *,
    quota_per_s: float = PARAMETERS_PER_S,
    per_s: float = SCALING_PER_S,
    seed: int = 1,
) -> Ramped:
    """Let a function scale up from nothing."""
    rng = Random(seed)
    world, calls = World(), Requests(quota_per_s)
    waits_s: list[float] = []
    for number in range(environments):
        schedule = RefreshSchedule(interval_s=INTERVAL_S, random=rng.random)
        world.begin(_first(world, schedule, calls, waits_s), number / per_s)
    # Its multiples are far away: nobody refreshes meanwhile.
    world.run(environments / per_s + INTERVAL_S)
    return Ramped(
        environments=environments,
        quota_per_s=quota_per_s,
        peak_per_s=calls.peak,
        wait_p50_s=percentile(waits_s, 0.5),
        wait_p99_s=percentile(waits_s, 0.99),
        wait_max_s=max(waits_s, default=0.0),
        asked=calls.asked,
        refused=calls.refused,
        unanswered=1.0 - len(waits_s) / environments,
    )


def _first(world: World, schedule: RefreshSchedule, calls: Requests, waits_s: list[float]) -> Life:
    began_s = world.now_s
    while True:
        yield schedule.wait_s(world.now_s)
        schedule.begin(world.now_s)
        yield CONNECT_S
        if calls.ask(world.now_s):
            yield ANSWER_S
            waits_s.append(world.now_s - began_s)
            return
        yield REFUSAL_S
        schedule.failed(world.now_s, THROTTLED)
