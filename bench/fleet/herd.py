"""A sink was down for minutes and comes back: how many ask at once, while it is down and then."""

from random import Random
from typing import NamedTuple

from bench.fleet.lanes import KIB, TAKEN, Timeline, lanes
from bench.fleet.quotas import Requests
from extension.model.receipt import Answer, Receipt

OUTAGE_S = 300.0
SETTLED_S = 120.0
"""Until then pauses have grown to their longest."""

BEGIN_S = 2.0
"""Within this time everybody has something to send."""

BACKLOG = b"x" * (500 * KIB)
BATCHES = 16
"""What waits in each environment: 8 MiB, in the batches of such a buffer."""

RETRY_AFTER_S = 30.0
DRAIN_S = 600.0
"""The longest that is looked at."""


class Returned(NamedTuple):
    """What came of it.

    Attributes:
        environments: how many had something to send.
        retry_after_s: what the sink asked for; None if nothing.
        down_mean_per_s: requests while it was down, once pauses had grown.
        back_peak_per_s: requests once it was back, until all was delivered.
        drained_s: when all was delivered, from the sink's return.
    """

    environments: int
    retry_after_s: float | None
    down_mean_per_s: float
    down_peak_per_s: int
    back_mean_per_s: float
    back_peak_per_s: int
    drained_s: float

    @property
    def down_ratio(self) -> float:
        """The peak in multiples of the mean, while it was down."""
        return self.down_peak_per_s / self.down_mean_per_s

    @property
    def back_ratio(self) -> float:
        """The peak in multiples of the mean, once it was back."""
        return self.back_peak_per_s / self.back_mean_per_s


def herd(environments: int, *, retry_after_s: float | None = None, seed: int = 1) -> Returned:
    """Let a sink answer 503 for minutes, and then take all."""
    rng = Random(seed)
    refusal = Receipt(Answer.UNAVAILABLE, "status 503", retry_after_s=retry_after_s)
    timeline, ways = Timeline(), lanes(environments, rng)
    requests = Requests(None)
    for lane in ways:
        at_s = rng.random() * BEGIN_S
        for _ in range(BATCHES):
            lane.put(BACKLOG, at_s)
        timeline.plan(at_s, "wake", lane)
    drained_s = 0.0
    while (due := timeline.next()) and due.at_s <= OUTAGE_S + DRAIN_S:
        now_s, lane = due.at_s, due.lane
        if due.kind == "answer":
            lane.settle(now_s, due.receipt)
            if lane.queue.empty:
                drained_s = now_s - OUTAGE_S
        if lane.begin(now_s, timeline):
            is_back = requests.count(now_s, passes=now_s >= OUTAGE_S)
            lane.answer(now_s, timeline, TAKEN if is_back else refusal)
    down = requests.between(SETTLED_S, OUTAGE_S)
    back = requests.between(OUTAGE_S, OUTAGE_S + drained_s + 1.0)
    return Returned(
        environments=environments,
        retry_after_s=retry_after_s,
        down_mean_per_s=sum(down) / len(down),
        down_peak_per_s=max(down),
        back_mean_per_s=sum(back) / len(back),
        back_peak_per_s=max(back),
        drained_s=drained_s,
    )
