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
from collections.abc import Callable, Iterable, Iterator, Mapping, Set as AbstractSet
from typing import NamedTuple

from extension.delivery.backoff import Backoff
from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata, halves, numbers_in, sliced, without
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Segment

MAX_BATCH_BYTES = 1024 * 1024
"""Of events in one delivery: large enough to compress well, small enough to be sent within a flush's budget."""

MIN_BATCH_BYTES = 16 * 1024
"""The least that a batch is filled up to, however small the receiver asks it to be."""

SLICE_BYTES = 16 * 1024
"""Of events in one chunk of a batch: so often a batch can be cancelled while it is rewritten and encoded. A slice takes up
to 4 ms of a processor, and 60 ms in a function of 128 MB."""

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
        is_set_aside: whether it is one record, behind all others until the sink has taken something.
    """

    def __init__(
        self, chunks: list[Chunk], origin: "Batch | None" = None, attempts: int = 0
    ) -> None:
        self.chunks = chunks
        self.attempts = attempts
        self.origin = origin or self
        self.cuts_left = MAX_CUTS
        self.is_set_aside = False

    @property
    def holds_failed(self) -> bool:
        """Whether it holds lines of a failed invocation."""
        return any(chunk.metadata.failed for chunk in self.chunks)


class SendingQueue:
    """Hold what waits for one sink, and the batch that is under way.

    Attributes:
        backoff: paces the attempts.
        held_bytes: of everything that waits or is under way.
        has_taken: whether the sink has taken a record already.
        tally: counts the lines that leave.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        random: Callable[[], float],
        ripe_bytes: int = 0,
        linger_s: float = 0.0,
        is_trusted: bool = False,
    ) -> None:
        """Start empty. ``ripe_bytes`` are sent at once; fewer wait ``linger_s``. A trusted sink is never doubted."""
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
        self.has_taken = is_trusted
        self._is_suspect = False
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
    def is_doubted(self) -> bool:
        """Whether the sink has refused a record that stood alone, and has taken nothing yet."""
        return self._is_suspect and not self.has_taken

    def put(self, chunk: Chunk) -> None:
        """Add a chunk at the end."""
        self._chunks.append(chunk)
        self.held_bytes += chunk.held_bytes

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
        batches, is_doubted = self._batches, self.is_doubted
        # Behind what was refused alone: the next record may be the first that the sink takes.
        is_behind = is_doubted and bool(batches) and batches[0].is_set_aside and bool(self._chunks)
        batch = batches.popleft() if batches and not is_behind else self._assemble()
        if is_doubted:
            batch, *rest = self._first_alone(batch)
            batches.extendleft(rest)
        self._under_way = batch
        batch.attempts += 1
        return batch.chunks

    def _first_alone(self, batch: Batch) -> list[Batch]:
        """Cut a batch behind its first record; return the parts, or the batch if it is one record."""
        first = next(_numbers(batch.chunks))
        rest = without(batch.chunks, {first})
        if not rest:
            return [batch]
        both = _only(batch.chunks, {first}), rest
        parts = [Batch(part, batch.origin, batch.attempts) for part in both]
        self.held_bytes += sum(_size(part.chunks) for part in parts) - _size(batch.chunks)
        return parts

    def _assemble(self) -> Batch:
        size = 0
        chunks: list[Chunk] = []
        while self._chunks:
            chunk = self._chunks.popleft()
            if size + chunk.held_bytes > self._max_batch_bytes:
                if not size:
                    chunks.append(chunk.split_off(self._max_batch_bytes))
                    size = chunks[0].held_bytes
                if chunk.segments:
                    self._chunks.appendleft(chunk)
                break
            size += chunk.held_bytes
            chunks.append(chunk)
        self._since_s = None
        parts = [part for chunk in chunks for part in sliced(chunk, SLICE_BYTES)]
        self.held_bytes += _size(parts) - size
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
        self.held_bytes -= _size(chunks)
        given_back = _refused(chunks, refused)
        if not self.has_taken and (receipt.answer is Answer.TAKEN or receipt.taken or refused):
            self.has_taken = True
            # The records that stood alone are as good as all others from now on, and the oldest.
            self._batches = deque(sorted(self._batches, key=lambda one: not one.is_set_aside))
        if receipt.answer is Answer.TAKEN:
            self._hopeless = False
            _count(self.tally, receipt, without(chunks, refused) if refused else chunks)
        else:
            _count(self.tally, receipt, _only(chunks, receipt.taken))
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
        if answer in (Answer.UNREADABLE, Answer.DENIED) and not self.has_taken:
            return self._single_out(batch, answer)
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

    def _single_out(self, batch: Batch, answer: Answer) -> bool:
        """Put back a batch for a sink that has taken nothing: its first record before the others, or behind them all."""
        if batch.attempts >= MAX_ATTEMPTS:
            return False
        self.held_bytes += _size(batch.chunks)
        parts = self._first_alone(batch) if answer is Answer.UNREADABLE else [batch]
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
            count = len(batch.chunks)
            chunks = [*chunks[:count], *batch.chunks[len(chunks) :]]
            self.held_bytes += _size(chunks) - _size(batch.chunks)
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
        self.held_bytes -= _size(chunks)
        return chunks

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


def _count(tally: Tally, receipt: Receipt, taken: list[Chunk]) -> None:
    """Count a delivery and what it took, except the lines that the sink rejected without naming them."""
    rejected_lines = receipt.rejected_lines
    tally.count_delivery(receipt.answer.value, sent_bytes=receipt.sent_bytes)
    for chunk in taken:
        rejected = min(rejected_lines, chunk.lines)
        rejected_lines -= rejected
        tally.keep(chunk.metadata.reason, chunk.lines - rejected)
        if rejected:
            tally.lose("rejected", rejected)


def _size(chunks: Iterable[Chunk]) -> int:
    return sum(chunk.held_bytes for chunk in chunks)


def _only(chunks: list[Chunk], numbers: AbstractSet[int]) -> list[Chunk]:
    """Return the records with these numbers."""
    if not numbers:
        return []
    return without(chunks, set(_numbers(chunks)) - numbers)


def _numbers(chunks: list[Chunk]) -> Iterator[int]:
    return (n for chunk in chunks for segment in chunk.segments for n in numbers_in(segment))


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
