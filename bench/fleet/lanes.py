"""Lanes: the product's own sending queue of each environment, in simulated time.

What waits, in which batches it leaves and after which pauses is decided by :class:`extension.delivery.queue.SendingQueue`. Only
the sink's answer is made up here.
"""

import heapq
from random import Random
from typing import NamedTuple

from bench.fleet.quotas import ANSWER_S, REFUSAL_S
from extension.delivery.pacing import Linger
from extension.delivery.queue import LINGERING_SHARE, MAX_BATCH_BYTES, SendingQueue
from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Segment

KIB = 1024
BUFFER_BYTES = 8 * 1024 * KIB
"""BUFFER_SIZE: half of what a function of 128 MB has by default."""

RIPE_BYTES = min(MAX_BATCH_BYTES, BUFFER_BYTES // LINGERING_SHARE)

TAKEN = Receipt(Answer.TAKEN)
THROTTLED = Receipt(Answer.UNAVAILABLE, "ThrottlingException", is_throttled=True)

FAILED = Metadata("", "", "f", "1", "e", "level-error", 1.0, failed=True)
HEALTHY = FAILED._replace(reason="sampled", failed=False)


class Due(NamedTuple):
    """What happens next. Times order it, then the order in which it was planned."""

    at_s: float
    number: int
    kind: str
    lane: "Lane"
    receipt: Receipt = TAKEN


class Timeline:
    """What is to happen, in order."""

    def __init__(self) -> None:
        self._due: list[Due] = []
        self._number = 0

    def plan(self, at_s: float, kind: str, lane: "Lane", receipt: Receipt = TAKEN) -> None:
        """Plan one thing."""
        self._number += 1
        heapq.heappush(self._due, Due(at_s, self._number, kind, lane, receipt))

    def next(self) -> Due | None:
        """Return what comes next; None if nothing does."""
        return heapq.heappop(self._due) if self._due else None


class Lane:
    """One environment's way to its sink.

    Attributes:
        queue: the product's.
        chunks: those that are under way.
        ages_s: of what the sink has taken, how long it waited; of all lanes that share the list.
    """

    def __init__(self, queue: SendingQueue, ages_s: list[float]) -> None:
        self.queue = queue
        self.chunks: list[Chunk] = []
        self.ages_s = ages_s
        self._wakes_at_s = -1.0

    def put(self, raw: bytes, now_s: float, metadata: Metadata = FAILED) -> None:
        """Keep an invocation. Its record's number is the time, in milliseconds, so that its age can be told."""
        segment = Segment(raw, count=1, first_number=round(now_s * 1000))
        self.queue.put(Chunk(metadata, [segment]))

    def begin(self, now_s: float, timeline: Timeline) -> bool:
        """Begin a delivery if one is due, and return whether it has begun; else plan to look again."""
        chunks = self.queue.begin(now_s)
        if chunks is not None:
            self.chunks = chunks
            return True
        wait_s = self.queue.wait_s(now_s)
        if wait_s is not None and self._wakes_at_s != now_s + wait_s:
            self._wakes_at_s = now_s + wait_s
            timeline.plan(self._wakes_at_s, "wake", self)
        return False

    def answer(self, now_s: float, timeline: Timeline, receipt: Receipt) -> None:
        """Let the sink answer what has begun."""
        latency_s = ANSWER_S if receipt.answer is Answer.TAKEN else REFUSAL_S
        timeline.plan(now_s + latency_s, "answer", self, receipt)

    def settle(self, now_s: float, receipt: Receipt) -> int:
        """Apply an answer; return the bytes that were taken."""
        size_bytes = 0
        if receipt.answer is Answer.TAKEN:
            for chunk in self.chunks:
                for segment in chunk.segments:
                    size_bytes += len(segment.raw)
                    self.ages_s.append(now_s - segment.first_number / 1000)
        self.queue.settle(receipt, now_s)
        return size_bytes


def lanes(count: int, rng: Random, *, linger_s: float = 0.0) -> list[Lane]:
    """Make the lanes of so many environments, with one account for all."""
    tally = Tally()
    ages_s: list[float] = []
    return [
        Lane(
            SendingQueue(
                tally,
                random=rng.random,
                linger=Linger(linger_s=linger_s, ripe_bytes=RIPE_BYTES),
                buffer_bytes=BUFFER_BYTES,
            ),
            ages_s,
        )
        for _ in range(count)
    ]
