"""Sending queues: what waits for one sink, and which batch goes next. No I/O.

Promises: chunks leave in the order they came. A batch that was tried stays as it is, so that a repetition has the same
bytes. What a sink does not take now stays in its place and is retried after a pause that grows. A batch that is too
large, or holds a record that is never taken, is halved until that record stands alone. The rest is delivered. What the
sink will never take is given back. A sink that has taken nothing yet and finds one record as unreadable as the others
is not to be judged by its records: it counts as one that denies access, and everything stays. Only the records that it
was asked about alone lose their place, since the next one may pass. The recorder holds the memory bound, through
:meth:`Queues.give_up`.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from extension.delivery.batch import (
    MAX_CUTS,
    Batch,
    count_delivery,
    first_alone,
    only,
    refused_chunks,
    size_of,
)
from extension.delivery.pacing import Backoff, Linger
from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata, halves, sliced, without
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Segment

MAX_BATCH_BYTES = 1024 * 1024
"""Of events in one delivery: large enough to compress well, small enough to be sent within a flush's budget."""

BATCH_SHARE = 16
MIN_SHARE_BYTES = 256 * 1024
"""A batch is a sixteenth of BUFFER_SIZE at most, because a sink's form of it may be four times as large beside it. A smaller
batch than a quarter of a MiB would only mean more requests."""

LINGERING_SHARE = 4
"""One in this many bytes of BUFFER_SIZE may wait for more, in each queue."""

MIN_BATCH_BYTES = 16 * 1024
"""The least that a batch is filled up to, however small the receiver asks it to be."""

SLICE_BYTES = 16 * 1024
"""Of events in one chunk of a batch: so often a batch can be cancelled while it is rewritten and encoded. A slice takes up
to 4 ms of a processor, and 60 ms in a function of 128 MB."""

MAX_ATTEMPTS = 240
"""For one batch: two hours at the longest pause, longer than an outage that people wait out. Then it is given back."""


class SendingQueue:
    """Hold what waits for one sink, and the batch that is under way.

    Attributes:
        backoff: paces the attempts.
        linger: says when what waits should leave.
        held_bytes: of everything that waits or is under way.
        has_taken: whether the sink has taken a record already.
        tally: counts the lines that leave.
        is_in_use: whether the sink is set, so that lines may be put here.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        random: Callable[[], float],
        linger: Linger | None = None,
        is_trusted: bool = False,
        buffer_bytes: int = BATCH_SHARE * MAX_BATCH_BYTES,
    ) -> None:
        """Start empty. Without ``linger`` everything leaves at once. A trusted sink is never doubted."""
        self.tally = tally
        self.backoff = Backoff(random)
        self.linger = linger or Linger()
        self._chunks: deque[Chunk] = deque()
        self._batches: deque[Batch] = deque()
        self._under_way: Batch | None = None
        share_bytes = max(buffer_bytes // BATCH_SHARE, MIN_SHARE_BYTES)
        self._max_batch_bytes = min(MAX_BATCH_BYTES, share_bytes)
        self._hopeless = self._is_suspect = False
        self.has_taken = is_trusted
        self.is_in_use = True
        self.held_bytes = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._chunks and not self._batches and self._under_way is None

    @property
    def busy(self) -> bool:
        """Whether a batch is under way."""
        return self._under_way is not None

    def is_awaited(self, now_s: float) -> bool:
        """Whether an invocation may be held for what is here: not for what lingers, nor for a sink that is left alone."""
        if self.empty or (not self.busy and now_s < self.backoff.try_at_s):
            return False
        tried = [one.holds_failed for one in (self._under_way, *self._batches) if one is not None]
        return any(tried) or (bool(tried) and not self.linger.linger_s) or self.linger.is_awaited

    @property
    def is_doubted(self) -> bool:
        """Whether the sink has refused a record that stood alone, and has taken nothing yet."""
        return self._is_suspect and not self.has_taken

    def put(self, chunk: Chunk) -> None:
        """Add a chunk at the end."""
        self._chunks.append(chunk)
        self.held_bytes += chunk.held_bytes
        self.linger.came(chunk)

    def add(self, metadata: Metadata, segment: Segment) -> None:
        """Add a segment, to the last chunk if that has the same metadata."""
        last = self._chunks[-1] if self._chunks else None
        if last is None or last.metadata is not metadata or last.rewritten_by is not None:
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
        return wait_s if self._batches else max(wait_s, self.linger.wait_s(now_s, self.held_bytes))

    def begin(self, now_s: float, *, at_once: bool = False) -> list[Chunk] | None:
        """Start a delivery if one is due, or in any case if ``at_once``; return its chunks, for an answer to settle."""
        wait_s = self.wait_s(now_s)
        if wait_s is None or (wait_s > 0.0 and not at_once):
            return None
        batches, is_doubted = self._batches, self.is_doubted
        # Behind what was refused alone: the next record may be the first that the sink takes.
        is_behind = is_doubted and bool(batches) and batches[0].is_set_aside and bool(self._chunks)
        batch = batches.popleft() if batches and not is_behind else self._assemble()
        if is_doubted:
            batch, *rest = self._alone_first(batch)
            batches.extendleft(rest)
        self._under_way = batch
        batch.attempts += 1
        return batch.chunks

    def _alone_first(self, batch: Batch) -> list[Batch]:
        parts = first_alone(batch)
        self.held_bytes += sum(size_of(part.chunks) for part in parts) - size_of(batch.chunks)
        return parts

    def _assemble(self) -> Batch:
        size = 0
        chunks: list[Chunk] = []
        while self._chunks and size + self._chunks[0].held_bytes <= self._max_batch_bytes:
            chunks.append(self._chunks.popleft())
            size += chunks[-1].held_bytes
        if not chunks:
            chunk = self._chunks[0]
            size = chunk.held_bytes
            chunks = [chunk.split_off(self._max_batch_bytes)]
            if chunk.segments:
                size -= chunk.held_bytes
            else:
                self._chunks.popleft()
        self.linger.left(self._chunks)
        parts = [part for chunk in chunks for part in sliced(chunk, SLICE_BYTES)]
        self.held_bytes += size_of(parts) - size
        return Batch(parts)

    def judged(self, receipt: Receipt, *, goes_alone: bool = True) -> Receipt:
        """Take an answer about a record for a denial, if it can hardly be about the record. To be settled then.

        That is so if the sink has taken nothing and named no record yet, refused one that stood alone, and then another
        one: its settings are to blame, or its address. ``goes_alone`` is false if something else was sent beside it.
        """
        batch, was_suspect = self._under_way, self._is_suspect
        is_proven = self.has_taken or bool(receipt.taken or receipt.refused)
        if batch is None or receipt.answer is not Answer.UNREADABLE or is_proven:
            return receipt
        self._is_suspect |= (stands_alone := halves(batch.chunks) is None)
        is_all = goes_alone and not (self._batches or self._chunks)
        is_denial = was_suspect or (stands_alone and is_all)
        return receipt._replace(answer=Answer.DENIED) if is_denial else receipt

    def settle(self, receipt: Receipt, now_s: float) -> list[tuple[str, Chunk]] | None:
        """Apply the sink's answer to the batch under way: keep, give back, or put back each record.

        Return the chunks that this sink will not take, each with the reason; None if no batch is under way. The caller
        delivers them elsewhere, or counts them as lost.
        """
        batch, self._under_way = self._under_way, None
        if batch is None:
            return None
        chunks, refused = batch.chunks, receipt.refused
        self.held_bytes -= size_of(chunks)
        given_back = refused_chunks(chunks, refused)
        if not self.has_taken and (receipt.answer is Answer.TAKEN or receipt.taken or refused):
            self.has_taken = True
            # The records that stood alone are as good as all others from now on, and the oldest.
            self._batches = deque(sorted(self._batches, key=lambda one: not one.is_set_aside))
        if receipt.answer is Answer.TAKEN:
            self._hopeless = False
            count_delivery(self.tally, receipt, without(chunks, refused) if refused else chunks)
        else:
            count_delivery(self.tally, receipt, only(chunks, receipt.taken))
            if gone := receipt.taken.union(refused):
                batch.attempts = 1
                batch.chunks = without(chunks, gone)
            if batch.chunks and not self._put_back(batch, receipt.answer):
                given_back += [(receipt.answer.value, chunk) for chunk in batch.chunks]
        self.backoff.answered(receipt, now_s)
        return given_back

    def _put_back(self, batch: Batch, answer: Answer) -> bool:
        """Put a batch back, in halves where that helps; return whether it is tried again."""
        batches, cuts = [batch], batch.cuts
        if answer in (Answer.UNREADABLE, Answer.DENIED) and not self.has_taken:
            return self._single_out(batch, answer)
        if answer is Answer.TOO_LARGE:
            # No later batch is larger than half of the one that was too large.
            half_bytes = size_of(batch.chunks) // 2
            self._max_batch_bytes = max(MIN_BATCH_BYTES, min(self._max_batch_bytes, half_bytes))
        elif answer is Answer.UNREADABLE:
            if cuts.left <= 0 or (self._hopeless and cuts.left == MAX_CUTS):
                self._hopeless = True
                return False
            cuts.left -= 1
        elif answer is Answer.REFUSED or batch.attempts >= MAX_ATTEMPTS:
            return False
        if answer in (Answer.TOO_LARGE, Answer.UNREADABLE):
            both = halves(batch.chunks)
            if both is None:
                return False
            batches = [Batch(half, cuts) for half in both]
        self._batches.extendleft(reversed(batches))
        self.held_bytes += sum(size_of(each.chunks) for each in batches)
        return True

    def _single_out(self, batch: Batch, answer: Answer) -> bool:
        """Put back a batch for a sink that has taken nothing: its first record before the others, or behind them all."""
        if batch.attempts >= MAX_ATTEMPTS:
            return False
        self.held_bytes += size_of(batch.chunks)
        parts = self._alone_first(batch) if answer is Answer.UNREADABLE else [batch]
        if self._is_suspect:
            batch.is_set_aside = True
            self._batches += parts
        else:
            self._batches.extendleft(reversed(parts))
        return True

    def replace_under_way(self, chunks: list[Chunk]) -> None:
        """Replace the first chunks of the batch under way by others that hold the same records. More are left out."""
        batch = self._under_way
        if batch is not None:
            chunks = [*chunks[: len(batch.chunks)], *batch.chunks[len(chunks) :]]
            self.held_bytes += size_of(chunks) - size_of(batch.chunks)
            batch.chunks = chunks

    def put_failed_first(self, *, max_batch_bytes: int) -> None:
        """Let lines of failed invocations leave before all others, in batches of at most ``max_batch_bytes``."""
        self._max_batch_bytes = min(self._max_batch_bytes, max_batch_bytes)
        tried, waiting = self._batches, self._chunks
        self._chunks = deque(chunk for chunk in waiting if chunk.metadata.failed)
        self._batches = deque(batch for batch in tried if batch.holds_failed)
        while self._chunks:
            self._batches.append(self._assemble())
        self._batches += (batch for batch in tried if not batch.holds_failed)
        self._chunks = deque(chunk for chunk in waiting if not chunk.metadata.failed)

    def failed_chunks(self) -> list[Chunk]:
        """Return the chunks of failed invocations that wait or are under way."""
        under_way = [] if self._under_way is None else self._under_way.chunks
        return [chunk for chunk in (*under_way, *self._waiting()) if chunk.metadata.failed]

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
        self.linger.left(())
        self.held_bytes -= size_of(chunks)
        return chunks

    def _waiting(self) -> list[Chunk]:
        return [*(chunk for batch in self._batches for chunk in batch.chunks), *self._chunks]

    # The memory bound -------------------------------------------------------------------------------------------

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Give up lines that wait, oldest first, and then merge the oldest gaps; return the bytes freed."""
        from extension.delivery.eviction import make_room

        tried = [chunk for batch in self._batches for chunk in batch.chunks]
        freed = make_room(
            tried, self._chunks, self.tally, need_bytes=need_bytes, failed_too=failed_too
        )
        self.held_bytes -= freed
        return freed


class Queues(NamedTuple):
    """Hold the sending queues of one environment: SINK's, and those of the other two where they may be set."""

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

    @property
    def is_archived(self) -> bool:
        """Whether ARCHIVE_SINK is set."""
        return self.archive is not None and self.archive.is_in_use

    def store(self, metadata: Metadata, segment: Segment) -> None:
        """Add a segment for ARCHIVE_SINK, if that is set."""
        if self.archive is not None and self.archive.is_in_use:
            self.archive.add(metadata, segment)

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Give up lines: the archive's, those of healthy invocations, of failed ones; return the bytes freed."""
        freed = 0
        for queue in (self.archive, self.fallback, self.primary):
            if queue is not None and freed < need_bytes:
                freed += queue.give_up(need_bytes=need_bytes - freed, failed_too=failed_too)
        return freed
