"""Objects in S3: how many an hour of invocations makes, and what their PUTs cost."""

from random import Random
from typing import NamedTuple

from bench.fleet.lanes import FAILED, HEALTHY, KIB, TAKEN, Timeline, lanes
from bench.fleet.quotas import PUT_USD, Requests

KEPT = 0.12
"""Of all invocations: a tenth of the healthy ones, and what else is kept."""

LINES = b"x" * (20 * KIB)
"""Of an invocation."""

MEASURED_S = 600.0
MONTH_S = 30 * 86_400.0


class Stored(NamedTuple):
    """What came of it.

    Attributes:
        environments: how many there are, each with ``per_s`` invocations a second.
        linger_s: LINGER.
        failed: the share of the kept invocations that failed, which wait for nothing.
        objects_per_s: of all.
        kib: of lines in an object, before compression.
        usd_per_month: of the PUTs.
    """

    environments: int
    per_s: float
    linger_s: float
    failed: float
    objects_per_s: float
    kib: float
    usd_per_month: float


def objects(
    environments: int,
    *,
    linger_s: float,
    per_s: float = 1.0,
    failed: float = 0.0,
    seed: int = 1,
) -> Stored:
    """Let environments keep a share of their invocations; each has another moment for each."""
    rng = Random(seed)
    timeline = Timeline()
    ways = lanes(environments, rng, linger_s=linger_s)
    puts, stored_bytes = Requests(None), 0
    # What waits when the time begins is as much as what waits when it ends.
    warm_s = 2 * linger_s
    for lane in ways:
        timeline.plan(rng.expovariate(per_s * KEPT), "invocation", lane)
    while (due := timeline.next()) and due.at_s <= warm_s + MEASURED_S:
        now_s, lane = due.at_s, due.lane
        if due.kind == "invocation":
            lane.put(LINES, now_s, FAILED if rng.random() < failed else HEALTHY)
            timeline.plan(now_s + rng.expovariate(per_s * KEPT), "invocation", lane)
        elif due.kind == "answer":
            size_bytes = lane.settle(now_s, due.receipt)
            stored_bytes += size_bytes if now_s > warm_s else 0
        if lane.begin(now_s, timeline):
            if now_s > warm_s:
                puts.ask(now_s)
            lane.answer(now_s, timeline, TAKEN)
    objects_per_s = puts.asked / MEASURED_S
    return Stored(
        environments=environments,
        per_s=per_s,
        linger_s=linger_s,
        failed=failed,
        objects_per_s=objects_per_s,
        kib=stored_bytes / KIB / max(1, puts.asked),
        usd_per_month=objects_per_s * MONTH_S * PUT_USD,
    )
