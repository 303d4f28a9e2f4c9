"""What waits for the sink, and when to try again: one bounded queue, without any I/O.

Promises: parcels leave in the order they came; at most one batch is under way; what a sink would not take now stays,
in its place, and is tried again after a pause that grows; what had to be given up is counted. The memory bound is the
recorder's to hold; :meth:`Outbox.give_up` is how it does so here.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from .account import Account
from .parcels import Answer, Parcel, Receipt
from .recording import SEGMENT_COST_BYTES, Kind, Recording, Segment

MAX_BATCH_BYTES = 1024 * 1024
"""Of events in one delivery: large enough to compress well, small enough to be sent within a flush's budget."""

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 30.0
"""Between attempts while the sink is down: soon after a hiccup, then rarely enough to cost a function nothing."""

MAX_ATTEMPTS = 240
"""For one batch: two hours at the longest pause, longer than an outage that people wait out. Then it is lost."""

JITTER = 0.5
"""A pause is shortened by up to this share, so that many environments do not come back at the same moment."""


class Outbox:
    """The queue, and the state of the one delivery that may be under way.

    Attributes:
        held_bytes: of everything that waits or is under way.
        failing: whether the last attempt failed, so that nobody should wait for the next.
    """

    __slots__ = (
        "_account",
        "_attempts",
        "_parcels",
        "_pause_s",
        "_random",
        "_try_at",
        "_under_way",
        "failing",
        "held_bytes",
    )

    def __init__(self, account: Account, *, random: Callable[[], float]) -> None:
        """Takes a source of random numbers in [0, 1), for the jitter."""
        self._account = account
        self._random = random
        self._parcels: deque[Parcel] = deque()
        self._under_way: list[Parcel] = []
        self._attempts = 0
        self._pause_s = FIRST_PAUSE_S
        self._try_at = 0.0
        self.failing = False
        self.held_bytes = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._parcels and not self._under_way

    @property
    def busy(self) -> bool:
        """Whether a batch is under way."""
        return bool(self._under_way)

    @property
    def lines(self) -> int:
        """Lines that wait or are under way."""
        return sum(parcel.lines for parcel in self._parcels) + sum(
            parcel.lines for parcel in self._under_way
        )

    def put(self, parcel: Parcel) -> None:
        """Adds a parcel at the end."""
        self._parcels.append(parcel)
        self.held_bytes += parcel.held_bytes

    def wait_s(self, now_s: float) -> float | None:
        """Gives the seconds until the next attempt is due; None if there is nothing to attempt."""
        if self._under_way or not self._parcels:
            return None
        return max(0.0, self._try_at - now_s)

    def begin(self, now_s: float, *, at_once: bool = False) -> list[Parcel] | None:
        """Starts a delivery, if one is due.

        Args:
            now_s: of a clock that does not jump.
            at_once: whether to ignore the pause after a failure, as at SHUTDOWN.

        Returns:
            The parcels to deliver, until :meth:`settle` tells what became of them; None if none is due.
        """
        wait_s = self.wait_s(now_s)
        if wait_s is None or (wait_s > 0.0 and not at_once):
            return None
        size = 0
        while self._parcels and size < MAX_BATCH_BYTES:
            first = self._parcels[0]
            if size + first.held_bytes > MAX_BATCH_BYTES:
                if size:
                    break
                first = first.split_off(MAX_BATCH_BYTES)
                if not self._parcels[0].segments:
                    self._parcels.popleft()
            else:
                self._parcels.popleft()
            size += first.held_bytes
            self._under_way.append(first)
        self._attempts += 1
        return self._under_way

    def settle(self, receipt: Receipt, now_s: float) -> None:
        """Takes the sink's answer to what :meth:`begin` gave out."""
        parcels, self._under_way = self._under_way, []
        if receipt.answer is Answer.UNAVAILABLE and self._attempts < MAX_ATTEMPTS:
            self._parcels.extendleft(reversed(parcels))
            asked_s = min(receipt.retry_after_s or 0.0, MAX_PAUSE_S)
            self._try_at = now_s + max(asked_s, self._pause_s * (1.0 - JITTER * self._random()))
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
            self.failing = True
            return
        self._attempts = 0
        for parcel in parcels:
            self.held_bytes -= parcel.held_bytes
            if receipt.answer is Answer.TAKEN:
                self._account.keep(parcel.stamp.reason, parcel.lines)
            else:
                self._account.lose(
                    "refused" if receipt.answer is Answer.REFUSED else "unavailable", parcel.lines
                )
        if receipt.answer is Answer.TAKEN:
            self._account.delivered_bytes += receipt.sent_bytes
        if receipt.answer is not Answer.UNAVAILABLE:
            self._pause_s, self._try_at, self.failing = FIRST_PAUSE_S, 0.0, False

    def overdue(self) -> None:
        """Takes note that the sink has kept somebody waiting for too long, which is to be done once only."""
        self.failing = True

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Gives up waiting parcels, oldest first: healthy invocations only, or failed ones as well.

        Of failed ones the middle goes first. Whatever is given up leaves a gap behind, and its summary, so that the
        loss is told; when there is nothing but those, the oldest of them become one gap that tells the sum.

        Returns:
            How many bytes that freed.
        """
        freed = 0
        for middle_only in (True, False) if failed_too else (False,):
            for parcel in self._parcels:
                if freed >= need_bytes:
                    break
                if parcel.lines and (failed_too or not parcel.stamp.failed):
                    freed += self._give_up_of(parcel, need_bytes - freed, middle_only=middle_only)
        self.held_bytes -= freed
        if failed_too and freed < need_bytes:
            freed += self._merge_gaps(need_bytes - freed)
        return freed

    def _give_up_of(self, parcel: Parcel, need_bytes: int, *, middle_only: bool) -> int:
        before_bytes = parcel.held_bytes
        recording = Recording(parcel.segments)
        self._account.evicted += recording.give_up(need_bytes=need_bytes, middle_only=middle_only)
        parcel.hold(recording.segments)
        return before_bytes - parcel.held_bytes

    def _merge_gaps(self, need_bytes: int) -> int:
        before_bytes = self.held_bytes
        merged: Parcel | None = None
        while self._parcels and not self._parcels[0].lines:
            if before_bytes - self.held_bytes >= need_bytes + SEGMENT_COST_BYTES:
                break
            parcel = self._parcels.popleft()
            self.held_bytes -= parcel.held_bytes
            merged = _merged(merged, parcel)
        if merged is not None:
            self._parcels.appendleft(merged)
            self.held_bytes += merged.held_bytes
        return before_bytes - self.held_bytes

    def abandon(self, reason: str) -> int:
        """Counts everything that still waits or is under way as lost.

        Returns:
            How many lines that were.
        """
        lines = 0
        for parcel in (*self._under_way, *self._parcels):
            self._account.lose(reason, parcel.lines)
            lines += parcel.lines
        self._parcels.clear()
        self._under_way = []
        self.held_bytes = 0
        return lines


def _merged(first: Parcel | None, second: Parcel) -> Parcel:
    """What stands for two parcels without lines: one gap, of no invocation in particular."""
    segments = [*(first.segments if first is not None else ()), *second.segments]
    gaps = [segment for segment in segments if segment.kind is Kind.GAP]
    gap = Segment(
        b"",
        count=sum(segment.count for segment in gaps),
        first_number=segments[0].first_number,
        kind=Kind.GAP,
        gone_bytes=sum(segment.gone_bytes for segment in gaps),
    )
    return Parcel(replace(second.stamp, request_id="", trace_id=""), [gap])
