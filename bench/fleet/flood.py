"""Everything fails: each environment delivers each invocation whole, for a minute."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from bench.fleet.lanes import BUFFER_BYTES, KIB, TAKEN, THROTTLED, Lane, Timeline, lanes
from bench.fleet.quotas import PUT_LOG_EVENTS_PER_S, Requests, percentile

FAILURES_PER_S = 2.0
LINES_BYTES = 20 * KIB
"""Of an invocation."""

OTHERS_PER_S = 500.0
"""PutLogEvents of everybody else in the account, Lambda's own among them."""

LASTS_S = 60.0
DRAIN_S = 120.0
"""For what is left then."""


class Flooded(NamedTuple):
    """What came of it.

    Attributes:
        environments: how many failed.
        peak_per_s: of PutLogEvents.
        refused: the share of ours that was refused, and ``others_refused`` of everybody else's.
        age_p50_s: how long lines waited; ``age_in_time_p50_s`` of those that arrived while invocations failed.
        asked: PutLogEvents of ours in that time.
        in_time: the share of all lines that arrived in that time.
        evicted: how many lines were given up for the memory bound, of all.
        gib_per_min: delivered.
    """

    environments: int
    peak_per_s: int
    refused: float
    others_refused: float
    age_p50_s: float
    age_p99_s: float
    age_in_time_p50_s: float
    asked: int
    in_time: float
    evicted: float
    gib_per_min: float


class Failing(NamedTuple):
    """How invocations fail.

    Attributes:
        per_s: in each environment.
        lasts_s: for how long.
        lines_bytes: of each.
        others_per_s: PutLogEvents of everybody else.
    """

    per_s: float = FAILURES_PER_S
    lasts_s: float = LASTS_S
    lines_bytes: int = LINES_BYTES
    others_per_s: float = OTHERS_PER_S


ALL = Failing()


def flood(
    environments: int,
    *,
    failing: Failing = ALL,
    quota_per_s: float = PUT_LOG_EVENTS_PER_S,
    seed: int = 1,
) -> Flooded:
    """Let all invocations of all environments fail."""
    rng = Random(seed)
    puts, others = Requests(quota_per_s), _Others(failing.others_per_s, Random(seed + 1))
    timeline, ways = Timeline(), lanes(environments, rng)
    lines = b"x" * failing.lines_bytes
    for lane in ways:
        timeline.plan(rng.random() / failing.per_s, "invocation", lane)
    made = asked = refused = delivered_bytes = in_time = 0
    ages_s, tally = ways[0].ages_s, ways[0].queue.tally
    while (due := timeline.next()) and due.at_s <= failing.lasts_s + DRAIN_S:
        now_s, lane = due.at_s, due.lane
        others.ask(puts, min(now_s, failing.lasts_s))
        if due.kind == "invocation":
            if now_s > failing.lasts_s:
                continue
            made += 1
            _keep(lane, lines, now_s)
            timeline.plan(now_s + rng.uniform(0.8, 1.2) / failing.per_s, "invocation", lane)
        elif due.kind == "answer":
            delivered_bytes += lane.settle(now_s, due.receipt)
        if lane.begin(now_s, timeline):
            lane.answer(now_s, timeline, TAKEN if puts.ask(now_s) else THROTTLED)
        if now_s <= failing.lasts_s:
            asked, refused, in_time = puts.asked, puts.refused, len(ages_s)
    return Flooded(
        environments=environments,
        peak_per_s=puts.peak,
        refused=refused / max(1, asked),
        others_refused=others.refused / max(1, others.asked),
        age_p50_s=percentile(ages_s, 0.5),
        age_p99_s=percentile(ages_s, 0.99),
        age_in_time_p50_s=percentile(ages_s[:in_time], 0.5),
        asked=asked,
        in_time=in_time / max(1, made),
        evicted=tally.evicted / max(1, made),
        gib_per_min=delivered_bytes / KIB**3 / (failing.lasts_s / 60.0),
    )


def _keep(lane: Lane, lines: bytes, now_s: float) -> None:
    lane.put(lines, now_s)
    excess = lane.queue.held_bytes - BUFFER_BYTES
    if excess > 0:
        lane.queue.give_up(need_bytes=excess, failed_too=True)


class _Others:
    """Everybody else's requests."""

    def __init__(self, per_s: float, rng: Random) -> None:
        self._times = self._drawn(per_s, rng)
        self._next_s = next(self._times)
        self.asked = self.refused = 0

    @staticmethod
    def _drawn(per_s: float, rng: Random) -> Iterator[float]:
        at_s = 0.0
        while True:
            at_s += rng.expovariate(per_s)
            yield at_s

    def ask(self, requests: Requests, until_s: float) -> None:
        """Make all that come until a time."""
        while self._next_s < until_s:
            self.asked += 1
            self.refused += not requests.ask_for_others(self._next_s)
            self._next_s = next(self._times)
