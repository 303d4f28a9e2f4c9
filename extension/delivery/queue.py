"""Sending queues: what waits for one sink, and which batch goes next. No I/O.

Promises: chunks leave in the order they came. A batch that was tried stays as it is, so that a repetition has the same
bytes. What a sink does not take now stays in its place and is retried after a pause that grows. A batch that is too
large, or holds a record that is never taken, is halved until that record stands alone. The rest is delivered. What the
sink will never take is given back. The recorder holds the memory bound, through :meth:`Queues.give_up`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata, halves, numbers_in, without
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Segment

MAX_BATCH_BYTES = 1024 * 1024
"""Of events in one delivery: large enough to compress well, small enough to be sent within a flush's budget."""

BATCH_SHARE = 16
MIN_SHARE_BYTES = 256 * 1024
"""A batch is a sixteenth of BUFFER_SIZE at most, because a sink's form of it may be four times as large beside it. A smaller
batch than a quarter of a MiB would only mean more requests."""

MIN_BATCH_BYTES = 16 * 1024
"""The least that a batch is filled up to, however small the receiver asks it to be."""

MAX_ATTEMPTS = 240
"""For one batch: two hours at the longest pause, longer than an outage that people wait out. Then it is given back."""

MAX_CUTS = 64
"""For one batch with an unreadable record: enough to single out four records of 10,000. If the sink accepts none of
them, later batches are tried once each, until it accepts one."""

FIRST_PAUSE_S = 0.1

MAX_PAUSE_S = 30.0
"""Between attempts while the sink is down: soon after a hiccup, then rarely enough to cost a function nothing. A sink
that denied access is tried again after the longest pause only: somebody has to change something first."""

JITTER = 0.5
"""Shortens a pause by up to this share, so that many environments do not come back at the same moment."""

PATIENCE_ATTEMPTS = 5
"""Failures in a row before a sink counts as down: three seconds of pauses, longer than a hiccup."""


class Backoff:
    """Pace the attempts at one sink.

    Attributes:
        failures: how many attempts in a row have failed.
        is_down: whether the sink denied access or failed too often in a row, and has taken nothing since.
        is_late: whether an invocation was held for as long as it may be, since the sink's last answer.
        try_at_s: when the pause ends.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        """Start without a pause. ``random`` returns numbers in [0, 1), for the jitter."""
        self._random = random
        self._pause_s = FIRST_PAUSE_S
        self.try_at_s = 0.0
        self.failures = 0
        self.is_down = False
        self.is_late = False

    @property
    def is_failing(self) -> bool:
        """Whether no invocation should wait for the next attempt."""
        return self.failures > 0 or self.is_late

    def answered(self, receipt: Receipt, now_s: float) -> None:
        """Start the pause that an answer calls for, or end all pauses."""
        self.is_late = False
        if receipt.answer not in (Answer.UNAVAILABLE, Answer.DENIED):
            self._pause_s, self.try_at_s, self.failures = FIRST_PAUSE_S, 0.0, 0
            if receipt.answer is Answer.TAKEN:
                self.is_down = False
            return
        self.failures += 1
        if receipt.answer is Answer.DENIED:
            self._pause_s = MAX_PAUSE_S
            self.is_down = True
        elif self.failures >= PATIENCE_ATTEMPTS:
            self.is_down = True
        asked_s = min(receipt.retry_after_s or 0.0, MAX_PAUSE_S)
        self.try_at_s = now_s + max(asked_s, self._pause_s * (1.0 - JITTER * self._random()))
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)


class Batch:
    """Hold chunks that are sent together.

    Attributes:
        origin: the batch that this one is a part of; itself if it was never cut.
        cuts_left: of an origin, how often its parts may still be halved.
    """

    def __init__(self, chunks: list[Chunk], origin: "Batch | None" = None) -> None:
        self.chunks = chunks
        self.attempts = 0
        self.origin = origin or self
        self.cuts_left = MAX_CUTS


class SendingQueue:
    """Hold what waits for one sink, and the batch that is under way.

    Attributes:
        backoff: paces the attempts.
        held_bytes: of everything that waits or is under way.
        tally: counts the lines that leave.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        random: Callable[[], float],
        ripe_bytes: int = 0,
        linger_s: float = 0.0,
        buffer_bytes: int = BATCH_SHARE * MAX_BATCH_BYTES,
    ) -> None:
        """Start empty. ``ripe_bytes`` are sent at once; fewer wait ``linger_s`` for more to come."""
        self.tally = tally
        self.backoff = Backoff(random)
        self._ripe_bytes = ripe_bytes
        self._linger_s = linger_s
        self._chunks: deque[Chunk] = deque()
        self._batches: deque[Batch] = deque()
        self._under_way: Batch | None = None
        share_bytes = max(buffer_bytes // BATCH_SHARE, MIN_SHARE_BYTES)
        self._max_batch_bytes = min(MAX_BATCH_BYTES, share_bytes)
        self._since_s: float | None = None
        self._hopeless = False
        self.held_bytes = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._chunks and not self._batches and self._under_way is None

    @property
    def busy(self) -> bool:
        """Whether a batch is under way."""
        return self._under_way is not None

    def put(self, chunk: Chunk) -> None:
        """Add a chunk at the end."""
        self._chunks.append(chunk)
        self.held_bytes += chunk.held_bytes

    def add(self, metadata: Metadata, segment: Segment) -> None:
        """Add a segment, to the last chunk if that has the same metadata."""
        last = self._chunks[-1] if self._chunks else None
        if last is None or last.metadata is not metadata:
            self.put(Chunk(metadata, [segment]))
            return
        last.segments.append(segment)
        last.held_bytes += segment.cost_bytes
        last.lines += segment.lines
        self.held_bytes += segment.cost_bytes

    # Delivery ---------------------------------------------------------------------------------------------------

    def wait_s(self, now_s: float) -> float | None:
        """Return the seconds until the next attempt; None if there is nothing to attempt."""
        if self._under_way is not None or not (self._batches or self._chunks):
            return None
        wait_s = max(0.0, self.backoff.try_at_s - now_s)
        if self._batches or self.held_bytes >= self._ripe_bytes:
            return wait_s
        if self._since_s is None:
            self._since_s = now_s
        return max(wait_s, self._since_s + self._linger_s - now_s)

    def begin(self, now_s: float, *, at_once: bool = False) -> list[Chunk] | None:
        """Start a delivery if one is due, or in any case if ``at_once``; return its chunks, for an answer to settle."""
        wait_s = self.wait_s(now_s)
        if wait_s is None or (wait_s > 0.0 and not at_once):
            return None
        batch = self._under_way = self._batches.popleft() if self._batches else self._assemble()
        batch.attempts += 1
        return batch.chunks

    def _assemble(self) -> Batch:
        size = 0
        chunks: list[Chunk] = []
        while self._chunks:
            chunk = self._chunks.popleft()
            if size + chunk.held_bytes > self._max_batch_bytes:
                if not size:
                    chunks.append(chunk.split_off(self._max_batch_bytes))
                if chunk.segments:
                    self._chunks.appendleft(chunk)
                break
            size += chunk.held_bytes
            chunks.append(chunk)
        self._since_s = None
        return Batch(chunks)

    def settle(self, receipt: Receipt, now_s: float) -> list[tuple[str, Chunk]] | None:
        """Apply the sink's answer to the batch under way: keep, give back, or put back each record.

        Return the chunks that this sink will not take, each with the reason; None if no batch is under way. The caller
        delivers them elsewhere, or counts them as lost.
        """
        batch, self._under_way = self._under_way, None
        if batch is None:
            return None
        chunks, refused = batch.chunks, receipt.refused
        self.held_bytes -= _size(chunks)
        given_back = _refused(chunks, refused)
        if receipt.answer is Answer.TAKEN:
            self._hopeless = False
            self._count(receipt, without(chunks, refused) if refused else chunks)
        else:
            self._count(receipt, _only(chunks, receipt.taken))
            if gone := receipt.taken.union(refused):
                batch.attempts = 1
                batch.chunks = without(chunks, gone)
            if batch.chunks and not self._put_back(batch, receipt.answer):
                given_back += [(receipt.answer.value, chunk) for chunk in batch.chunks]
        self.backoff.answered(receipt, now_s)
        return given_back

    def _put_back(self, batch: Batch, answer: Answer) -> bool:
        """Put a batch back, in halves where that helps; return whether it is tried again."""
        batches, origin = [batch], batch.origin
        if answer is Answer.TOO_LARGE:
            # No later batch is larger than half of the one that was too large.
            half_bytes = _size(batch.chunks) // 2
            self._max_batch_bytes = max(MIN_BATCH_BYTES, min(self._max_batch_bytes, half_bytes))
        elif answer is Answer.UNREADABLE:
            if origin.cuts_left <= 0 or (self._hopeless and origin.cuts_left == MAX_CUTS):
                self._hopeless = True
                return False
            origin.cuts_left -= 1
        elif answer is Answer.REFUSED or batch.attempts >= MAX_ATTEMPTS:
            return False
        if answer in (Answer.TOO_LARGE, Answer.UNREADABLE):
            both = halves(batch.chunks)
            if both is None:
                return False
            batches = [Batch(half, origin) for half in both]
        self._batches.extendleft(reversed(batches))
        self.held_bytes += sum(_size(each.chunks) for each in batches)
        return True

    def _count(self, receipt: Receipt, taken: list[Chunk]) -> None:
        """Count a delivery and what it took, except the lines that the sink rejected without naming them."""
        rejected_lines = receipt.rejected_lines
        self.tally.count_delivery(receipt.answer.value, sent_bytes=receipt.sent_bytes)
        for chunk in taken:
            rejected = min(rejected_lines, chunk.lines)
            rejected_lines -= rejected
            self.tally.keep(chunk.metadata.reason, chunk.lines - rejected)
            if rejected:
                self.tally.lose("rejected", rejected)

    def take_all(self) -> list[Chunk]:
        """Remove and return everything. The answer to the batch under way is then ignored."""
        if self._under_way is not None:
            self._batches.appendleft(self._under_way)
            self._under_way = None
        return self.take_waiting()

    def take_waiting(self) -> list[Chunk]:
        """Remove and return everything but the batch under way."""
        chunks = self._waiting()
        self._batches.clear()
        self._chunks.clear()
        self.held_bytes -= _size(chunks)
        return chunks

    def _waiting(self) -> list[Chunk]:
        return [*(chunk for batch in self._batches for chunk in batch.chunks), *self._chunks]

    # The memory bound -------------------------------------------------------------------------------------------

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Give up lines that wait, oldest first, and then merge the oldest gaps; return the bytes freed.

        What is left of healthy invocations without their lines makes way for lines of failed ones.
        """
        from extension.delivery.eviction import evict, merge_gaps

        freed = 0
        if failed_too:
            freed = merge_gaps(self._chunks, need_bytes=need_bytes, failed_too=False)
        if freed < need_bytes:
            freed += evict(
                self._waiting(),
                self.tally,
                need_bytes=need_bytes - freed,
                failed_too=failed_too,
            )
        if failed_too and freed < need_bytes:
            freed += merge_gaps(self._chunks, need_bytes=need_bytes - freed)
        self.held_bytes -= freed
        return freed


def _size(chunks: Iterable[Chunk]) -> int:
    return sum(chunk.held_bytes for chunk in chunks)


def _only(chunks: list[Chunk], numbers: frozenset[int]) -> list[Chunk]:
    """Return the records with these numbers."""
    if not numbers:
        return []
    every = {n for chunk in chunks for segment in chunk.segments for n in numbers_in(segment)}
    return without(chunks, every - numbers)


def _refused(chunks: list[Chunk], refused: Mapping[int, str]) -> list[tuple[str, Chunk]]:
    """Return the records that a sink refused by number, each chunk with its reason."""
    back: list[tuple[str, Chunk]] = []
    for reason in dict.fromkeys(refused.values()):
        numbers = frozenset(number for number, given in refused.items() if given == reason)
        back += [(reason, chunk) for chunk in _only(chunks, numbers)]
    return back


class Queues(NamedTuple):
    """Hold the sending queues of one environment: SINK's, and those of the other two where they are set."""

    primary: SendingQueue
    fallback: SendingQueue | None = None
    archive: SendingQueue | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes that wait or are under way. Lines that wait for two sinks count twice, though they are stored once."""
        return sum(queue.held_bytes for queue in self if queue is not None)

    def put(self, chunk: Chunk) -> None:
        """Add a chunk for SINK."""
        self.primary.put(chunk)

    def store(self, metadata: Metadata, segment: Segment) -> None:
        """Add a segment for ARCHIVE_SINK, if that is set."""
        if self.archive is not None:
            self.archive.add(metadata, segment)

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Give up lines: the archive's, those of healthy invocations, of failed ones; return the bytes freed."""
        freed = 0
        for queue in (self.archive, self.fallback, self.primary):
            if queue is not None and freed < need_bytes:
                freed += queue.give_up(need_bytes=need_bytes - freed, failed_too=failed_too)
        return freed
