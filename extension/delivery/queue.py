"""Sending queues: what waits for one sink, and which batch goes next. No I/O.

Promises: chunks leave in the order they came. At most one batch is under way. A batch that was tried stays as it is,
so that a repetition has the same bytes. What a sink does not take now stays in its place and is retried after a pause
that grows. A batch that is too large, or holds a record that is never taken, is halved until that record stands alone.
The rest is delivered. What the sink will never take is given back. The recorder holds the memory bound, through
:meth:`Queues.give_up`.
"""

from collections import deque
from collections.abc import Callable, Iterable

from extension.delivery.backoff import Backoff
from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata, halves, without
from extension.model.receipt import Answer, Receipt
from extension.model.segment import SEGMENT_COST_BYTES, Segment

MAX_BATCH_BYTES = 1024 * 1024
"""Of events in one delivery: large enough to compress well, small enough to be sent within a flush's budget."""

MIN_BATCH_BYTES = 16 * 1024
"""The least that a batch is filled up to, however small the receiver asks it to be."""

MAX_ATTEMPTS = 240
"""For one batch: two hours at the longest pause, longer than an outage that people wait out. Then it is given back."""

MAX_CUTS = 64
"""For one batch with an unreadable record: enough to single out four records of 10,000. If the sink accepts none of
them, later batches are tried once each, until it accepts one."""


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
    ) -> None:
        """Start empty. ``ripe_bytes`` are sent at once; fewer wait ``linger_s`` for more to come."""
        self.tally = tally
        self.backoff = Backoff(random)
        self._ripe_bytes = ripe_bytes
        self._linger_s = linger_s
        self._chunks: deque[Chunk] = deque()
        self._batches: deque[Batch] = deque()
        self._under_way: Batch | None = None
        self._max_batch_bytes = MAX_BATCH_BYTES
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

    @property
    def lines(self) -> int:
        """Lines that wait or are under way."""
        return sum(chunk.lines for chunk in self._all())

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
        cost_bytes = len(segment.raw) + SEGMENT_COST_BYTES
        last.segments.append(segment)
        last.held_bytes += cost_bytes
        last.lines += segment.lines
        self.held_bytes += cost_bytes

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
        """Start a delivery if one is due, or in any case if ``at_once``; return its chunks.

        :meth:`settle` expects an answer to them.
        """
        wait_s = self.wait_s(now_s)
        if wait_s is None or (wait_s > 0.0 and not at_once):
            return None
        batch = self._under_way = self._batches.popleft() if self._batches else self._assemble()
        batch.attempts += 1
        return batch.chunks

    def _assemble(self) -> Batch:
        size = 0
        chunks: list[Chunk] = []
        while self._chunks and size < self._max_batch_bytes:
            first = self._chunks[0]
            if size + first.held_bytes > self._max_batch_bytes:
                if size:
                    break
                first = first.split_off(self._max_batch_bytes)
                if not self._chunks[0].segments:
                    self._chunks.popleft()
            else:
                self._chunks.popleft()
            size += first.held_bytes
            chunks.append(first)
        self._since_s = None
        return Batch(chunks)

    def settle(self, receipt: Receipt, now_s: float) -> list[tuple[str, Chunk]] | None:
        """Apply the sink's answer to the batch under way.

        Returns:
            The chunks that this sink will not take, each with the reason. The caller delivers them elsewhere, or
            counts them as lost. None if no batch is under way.
        """
        batch, self._under_way = self._under_way, None
        if batch is None:
            return None
        self.held_bytes -= _size(batch.chunks)
        given_back: list[tuple[str, Chunk]] = []
        if receipt.answer is Answer.TAKEN and not receipt.refused:
            self._count(receipt, batch.chunks)
        else:
            given_back = self._settle_partly(batch, receipt)
        if receipt.answer is Answer.TAKEN:
            self._hopeless = False
        self.backoff.answered(receipt, now_s)
        return given_back

    def _settle_partly(self, batch: Batch, receipt: Receipt) -> list[tuple[str, Chunk]]:
        """Keep what was taken, give back what was refused, and put back the rest."""
        from extension.delivery.batch import only, refused

        given_back = refused(batch.chunks, receipt)
        if receipt.answer is Answer.TAKEN:
            self._count(receipt, without(batch.chunks, receipt.refused))
            return given_back
        gone = receipt.taken.union(receipt.refused)
        left = without(batch.chunks, gone) if gone else batch.chunks
        self._count(receipt, only(batch.chunks, receipt.taken))
        if gone:
            batch.attempts = 1
        batch.chunks = left
        if left and not self._put_back(batch, receipt.answer):
            given_back += [(receipt.answer.value, chunk) for chunk in left]
        return given_back

    def _put_back(self, batch: Batch, answer: Answer) -> bool:
        """Put a batch back, in halves where that helps; return whether it is tried again."""
        batches, origin = [batch], batch.origin
        if answer in (Answer.UNAVAILABLE, Answer.DENIED):
            if batch.attempts >= MAX_ATTEMPTS:
                return False
        elif answer in (Answer.TOO_LARGE, Answer.UNREADABLE):
            if answer is Answer.TOO_LARGE:
                # No later batch is larger than half of the one that was too large.
                half_bytes = _size(batch.chunks) // 2
                self._max_batch_bytes = max(MIN_BATCH_BYTES, min(self._max_batch_bytes, half_bytes))
            elif origin.cuts_left <= 0 or (self._hopeless and origin.cuts_left == MAX_CUTS):
                self._hopeless = True
                return False
            else:
                origin.cuts_left -= 1
            both = halves(batch.chunks)
            if both is None:
                return False
            batches = [Batch(half, origin) for half in both]
        else:
            return False
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
        chunks = self._all()
        self._chunks.clear()
        self._batches.clear()
        self._under_way = None
        self.held_bytes = 0
        return chunks

    def take_waiting(self) -> list[Chunk]:
        """Remove and return everything but the batch under way."""
        chunks = self._waiting()
        self._batches.clear()
        self._chunks.clear()
        self.held_bytes -= _size(chunks)
        return chunks

    def _all(self) -> list[Chunk]:
        under_way = self._under_way.chunks if self._under_way is not None else []
        return [*under_way, *self._waiting()]

    def _waiting(self) -> list[Chunk]:
        return [*(chunk for batch in self._batches for chunk in batch.chunks), *self._chunks]

    # The memory bound -------------------------------------------------------------------------------------------

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Give up lines that wait, oldest first, and then merge the oldest gaps; return the bytes freed."""
        from extension.delivery.eviction import evict, merge_gaps

        freed = evict(self._waiting(), self.tally, need_bytes=need_bytes, failed_too=failed_too)
        if failed_too and freed < need_bytes:
            freed += merge_gaps(self._chunks, need_bytes=need_bytes - freed)
        self.held_bytes -= freed
        return freed


def _size(chunks: Iterable[Chunk]) -> int:
    return sum(chunk.held_bytes for chunk in chunks)


class Queues:
    """Hold the sending queues of one environment: SINK's, and those of the other two where they are set."""

    def __init__(
        self,
        primary: SendingQueue,
        *,
        fallback: SendingQueue | None = None,
        archive: SendingQueue | None = None,
    ) -> None:
        self.primary = primary
        self.fallback = fallback
        self.archive = archive
        self.queues = [one for one in (primary, fallback, archive) if one is not None]

    @property
    def held_bytes(self) -> int:
        """Bytes that wait or are under way. Lines that wait for two sinks count twice, though they are stored once."""
        return sum(queue.held_bytes for queue in self.queues)

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
        if self.archive is not None:
            freed += self.archive.give_up(need_bytes=need_bytes, failed_too=failed_too)
        for queue in (self.fallback, self.primary):
            if queue is not None and freed < need_bytes:
                freed += queue.give_up(need_bytes=need_bytes - freed, failed_too=failed_too)
        return freed
