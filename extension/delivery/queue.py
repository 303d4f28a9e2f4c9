"""What waits for one sink, and when to try again: one queue, without any I/O.

Promises: chunks leave in the order they came; at most one batch is under way; a batch that was tried once stays as it
was put together, so that a repetition has the same bytes; what a sink would not take now stays, in its place, and is
tried again after a pause that grows; a batch that is too large, or holds something that is never taken, is cut until
that is found, and the rest of it goes; what the sink will never take is given back. The memory bound is the recorder's
to hold; :meth:`SendingQueue.give_up` is how it does so here. A little longer than most modules: one queue has one state.
"""

from collections import deque
from collections.abc import Callable

from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata, halves, without
from extension.model.receipt import Answer, Receipt
from extension.model.recording import Recording
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment

MAX_BATCH_BYTES = 1024 * 1024
"""Of events in one delivery: large enough to compress well, small enough to be sent within a flush's budget."""

MIN_BATCH_BYTES = 16 * 1024
"""What a batch is made of at least, however small the receiver says that it should be, if that much waits."""

FIRST_PAUSE_S = 0.1

MAX_PAUSE_S = 30.0
"""Between attempts while the sink is down: soon after a hiccup, then rarely enough to cost a function nothing. What is
denied is tried again after the longest pause only: it takes somebody to change something."""

MAX_ATTEMPTS = 240
"""For one batch: two hours at the longest pause, longer than an outage that people wait out. Then it is given back."""

JITTER = 0.5
"""A pause is shortened by up to this share, so that many environments do not come back at the same moment."""

MAX_CUTS = 64
"""For one batch that holds something unreadable: enough to single out four records of 10,000. A sink that takes none of
it is asked no oftener than that, and for the batches that follow only once each, until it takes something."""


class _Cuts:
    """How often what was once one batch may still be cut in search of the unreadable."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_CUTS


class Batch:
    """Parcels that go, and come back, together."""

    __slots__ = ("attempts", "chunks", "cuts")

    def __init__(self, chunks: list[Chunk], cuts: _Cuts | None = None) -> None:
        self.chunks = chunks
        self.attempts = 0
        self.cuts = cuts or _Cuts()


class SendingQueue:
    """The queue, and the state of the one delivery that may be under way.

    Attributes:
        held_bytes: of everything that waits or is under way.
        failures: how many attempts in a row have failed.
    """

    __slots__ = (
        "_batches",
        "_chunks",
        "_hopeless",
        "_late",
        "_linger_s",
        "_max_batch_bytes",
        "_pause_s",
        "_random",
        "_ripe_bytes",
        "_since_s",
        "_tally",
        "_try_at_s",
        "_under_way",
        "failures",
        "held_bytes",
    )

    def __init__(
        self,
        tally: Tally,
        *,
        random: Callable[[], float],
        ripe_bytes: int = 0,
        linger_s: float = 0.0,
    ) -> None:
        """Takes what counts, and when what waits is ripe to go.

        Args:
            tally: counts what becomes of lines here.
            random: gives numbers in [0, 1), for the jitter.
            ripe_bytes: what waits goes at once if it is as much as this.
            linger_s: what is less goes after that long, or when it is told to.
        """
        self._tally = tally
        self._random = random
        self._ripe_bytes = ripe_bytes
        self._linger_s = linger_s
        self._chunks: deque[Chunk] = deque()
        self._batches: deque[Batch] = deque()
        self._under_way: Batch | None = None
        self._max_batch_bytes = MAX_BATCH_BYTES
        self._pause_s = FIRST_PAUSE_S
        self._try_at_s = 0.0
        self._since_s: float | None = None
        self._hopeless = False
        self._late = False
        self.failures = 0
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
    def failing(self) -> bool:
        """Whether the last attempt failed, or kept somebody waiting: nobody should wait for the next."""
        return self.failures > 0 or self._late

    @property
    def is_awaited(self) -> bool:
        """Whether there is anything that somebody may wait for: all but the extension's own metrics."""
        batches = (self._under_way, *self._batches)
        return any(not chunk.is_metrics for chunk in self._chunks) or any(
            not chunk.is_metrics for batch in batches if batch for chunk in batch.chunks
        )

    @property
    def lines(self) -> int:
        """Lines that wait or are under way."""
        return sum(chunk.lines for chunk in self._all())

    def put(self, chunk: Chunk) -> None:
        """Adds a chunk at the end."""
        self._chunks.append(chunk)
        self.held_bytes += chunk.held_bytes

    def add(self, metadata: Metadata, segment: Segment) -> None:
        """Adds a segment at the end, to the last chunk if that has the same stamp."""
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
        """Gives the seconds until the next attempt is due; None if there is nothing to attempt."""
        if self._under_way is not None or not (self._batches or self._chunks):
            return None
        wait_s = max(0.0, self._try_at_s - now_s)
        if self._batches or self.held_bytes >= self._ripe_bytes:
            return wait_s
        if self._since_s is None:
            self._since_s = now_s
        return max(wait_s, self._since_s + self._linger_s - now_s)

    def begin(self, now_s: float, *, at_once: bool = False) -> list[Chunk] | None:
        """Starts a delivery, if one is due.

        Args:
            now_s: of a clock that does not jump.
            at_once: whether to ignore the pause after a failure, as at SHUTDOWN.

        Returns:
            The chunks to deliver, until :meth:`settle` tells what became of them; None if none is due.
        """
        wait_s = self.wait_s(now_s)
        if wait_s is None or (wait_s > 0.0 and not at_once):
            return None
        batch = self._under_way = self._batches.popleft() if self._batches else self._put_together()
        batch.attempts += 1
        return batch.chunks

    def _put_together(self) -> Batch:
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

    def settle(self, receipt: Receipt, now_s: float) -> list[tuple[str, Chunk]]:
        """Takes the sink's answer to what :meth:`begin` gave out.

        Returns:
            What this sink will not take, each with the reason: to go elsewhere, or to be counted as lost.
        """
        batch, self._under_way = self._under_way, None
        if batch is None:
            return []
        self._tally.count_delivery(receipt.answer.value, sent_bytes=receipt.sent_bytes)
        excused = batch.attempts == 1 and all(chunk.is_metrics for chunk in batch.chunks)
        given_back = _refused(batch.chunks, receipt)
        gone = receipt.taken.union(receipt.refused)
        chunks = without(batch.chunks, gone) if gone else batch.chunks
        self.held_bytes -= sum(chunk.held_bytes for chunk in batch.chunks)
        if receipt.answer is Answer.TAKEN:
            self._keep(chunks, receipt.rejected_lines)
            left: list[Chunk] = []
        else:
            self._keep(_only(batch.chunks, receipt.taken), receipt.rejected_lines)
            left = chunks
            if len(gone):
                batch.attempts = 1
        batch.chunks = left
        if left:
            given_back += self._settle_left(batch, receipt)
        self._pace(receipt, now_s, excused=excused)
        return given_back

    def _settle_left(self, batch: Batch, receipt: Receipt) -> list[tuple[str, Chunk]]:
        """Puts what was not taken back in its place, or gives it back."""
        answer = receipt.answer
        reason = answer.value
        if answer in (Answer.UNAVAILABLE, Answer.DENIED):
            if batch.attempts < MAX_ATTEMPTS:
                self._put_back([batch])
                return []
        elif answer in (Answer.TOO_LARGE, Answer.UNREADABLE):
            both = halves(batch.chunks)
            if answer is Answer.TOO_LARGE:
                # What is put together from now on is no larger than what was too large.
                half_bytes = sum(chunk.held_bytes for chunk in batch.chunks) // 2
                self._max_batch_bytes = max(MIN_BATCH_BYTES, min(self._max_batch_bytes, half_bytes))
            elif batch.cuts.left <= 0 or (self._hopeless and batch.cuts.left == MAX_CUTS):
                self._hopeless = True
                both = None
            else:
                batch.cuts.left -= 1
            if both is not None:
                self._put_back([Batch(half, batch.cuts) for half in both])
                return []
        return [(reason, chunk) for chunk in batch.chunks]

    def _put_back(self, batches: list[Batch]) -> None:
        for batch in reversed(batches):
            self._batches.appendleft(batch)
            self.held_bytes += sum(chunk.held_bytes for chunk in batch.chunks)

    def _pace(self, receipt: Receipt, now_s: float, *, excused: bool) -> None:
        self._late = False
        if receipt.answer not in (Answer.UNAVAILABLE, Answer.DENIED):
            self._pause_s, self._try_at_s, self.failures = FIRST_PAUSE_S, 0.0, 0
            if receipt.answer is Answer.TAKEN:
                self._hopeless = False
            return
        if not excused:
            # Metrics are let freeze on their way, so their first failure says nothing of the sink; were it one, the lines
            # of an invocation that fails next would not be waited for.
            self.failures += 1
        if receipt.answer is Answer.DENIED:
            self._pause_s = MAX_PAUSE_S
        asked_s = min(receipt.retry_after_s or 0.0, MAX_PAUSE_S)
        self._try_at_s = now_s + max(asked_s, self._pause_s * (1.0 - JITTER * self._random()))
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)

    def _keep(self, chunks: list[Chunk], rejected_lines: int) -> None:
        """Counts chunks as taken, but for so many lines that the sink rejected without saying which."""
        for chunk in chunks:
            if chunk.is_metrics:
                continue
            rejected = min(rejected_lines, chunk.lines)
            rejected_lines -= rejected
            self._tally.keep(chunk.metadata.reason, chunk.lines - rejected)
            if rejected:
                self._tally.lose("rejected", rejected)

    def overdue(self) -> None:
        """Takes note that the sink has kept somebody waiting for too long, which is to be done once only."""
        self._late = True

    def take_all(self) -> list[Chunk]:
        """Gives everything, what is under way as well, and is empty then; a receipt that still comes is ignored."""
        chunks = list(self._all())
        self._chunks.clear()
        self._batches.clear()
        self._under_way = None
        self.held_bytes = 0
        return chunks

    def take_waiting(self) -> list[Chunk]:
        """Gives everything but what is under way."""
        chunks = [chunk for batch in self._batches for chunk in batch.chunks]
        chunks += self._chunks
        self._batches.clear()
        self._chunks.clear()
        self.held_bytes -= sum(chunk.held_bytes for chunk in chunks)
        return chunks

    def take_metrics(self) -> list[Chunk]:
        """Gives the extension's own metrics, but for what has been tried already."""
        taken = [chunk for chunk in self._chunks if chunk.is_metrics]
        if taken:
            self._chunks = deque(one for one in self._chunks if not one.is_metrics)
            self.held_bytes -= sum(chunk.held_bytes for chunk in taken)
        return taken

    def _all(self) -> list[Chunk]:
        under_way = self._under_way.chunks if self._under_way is not None else []
        return [*under_way, *self._waiting()]

    def _waiting(self) -> list[Chunk]:
        return [*(chunk for batch in self._batches for chunk in batch.chunks), *self._chunks]

    # The memory bound -------------------------------------------------------------------------------------------

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Gives up waiting chunks, oldest first: healthy invocations only, or failed ones as well.

        Of failed ones the middle goes first. Whatever is given up leaves a gap behind, and its summary, so that the
        loss is told; when there is nothing but those, the oldest of them become one gap that tells the sum.

        Returns:
            How many bytes that freed.
        """
        freed = 0
        for middle_only in (True, False) if failed_too else (False,):
            for chunk in self._waiting():
                if freed >= need_bytes:
                    break
                if chunk.lines and (failed_too or not chunk.metadata.failed):
                    freed += self._give_up_of(chunk, need_bytes - freed, middle_only=middle_only)
        self.held_bytes -= freed
        if failed_too and freed < need_bytes:
            freed += self._merge_gaps(need_bytes - freed)
        return freed

    def _give_up_of(self, chunk: Chunk, need_bytes: int, *, middle_only: bool) -> int:
        before_bytes = chunk.held_bytes
        recording = Recording(list(chunk.segments))
        lines = recording.give_up(need_bytes=need_bytes, middle_only=middle_only)
        self._tally.evict(lines, request_id=chunk.metadata.request_id, failed=chunk.metadata.failed)
        chunk.hold(recording.segments)
        return before_bytes - chunk.held_bytes

    def _merge_gaps(self, need_bytes: int) -> int:
        metrics = self.take_metrics()
        before_bytes = self.held_bytes
        merged: Chunk | None = None
        while self._chunks and not self._chunks[0].lines:
            if before_bytes - self.held_bytes >= need_bytes + SEGMENT_COST_BYTES:
                break
            chunk = self._chunks.popleft()
            self.held_bytes -= chunk.held_bytes
            merged = _merged(merged, chunk)
        if merged is not None:
            self._chunks.appendleft(merged)
            self.held_bytes += merged.held_bytes
        freed_bytes = before_bytes - self.held_bytes
        for chunk in metrics:
            self.put(chunk)
        return freed_bytes


def _only(chunks: list[Chunk], numbers: frozenset[int]) -> list[Chunk]:
    return without(chunks, _Others(numbers)) if numbers else []


def _refused(chunks: list[Chunk], receipt: Receipt) -> list[tuple[str, Chunk]]:
    """Picks out what was refused record by record, with the reasons."""
    by_reason: dict[str, set[int]] = {}
    for number, reason in receipt.refused.items():
        by_reason.setdefault(reason, set()).add(number)
    return [
        (reason, chunk)
        for reason, numbers in by_reason.items()
        for chunk in _only(chunks, frozenset(numbers))
    ]


class _Others:
    """Every number but these."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: frozenset[int]) -> None:
        self._numbers = numbers

    def __contains__(self, number: object) -> bool:
        return number not in self._numbers


def _merged(first: Chunk | None, second: Chunk) -> Chunk:
    """What stands for two chunks without lines: one gap, of no invocation in particular."""
    segments = [*(first.segments if first is not None else ()), *second.segments]
    gaps = [segment for segment in segments if segment.kind is Kind.GAP]
    gap = Segment(
        b"",
        count=sum(segment.count for segment in gaps),
        first_number=segments[0].first_number,
        kind=Kind.GAP,
        gone_bytes=sum(segment.gone_bytes for segment in gaps),
    )
    return Chunk(second.metadata._replace(request_id="", trace_id="", span_id=""), [gap])


class Queues:
    """The queues of one environment."""

    __slots__ = ("archive", "fallback", "primary")

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

    @property
    def held_bytes(self) -> int:
        """Bytes that wait or are under way. What waits for two sinks counts twice, though it is there once."""
        return sum(queue.held_bytes for queue in self.queues)

    @property
    def queues(self) -> list[SendingQueue]:
        """Those that there are."""
        every = (self.primary, self.fallback, self.archive)
        return [queue for queue in every if queue is not None]

    def put(self, chunk: Chunk) -> None:
        """Leaves a chunk to be delivered."""
        self.primary.put(chunk)

    def store(self, metadata: Metadata, segment: Segment) -> None:
        """Leaves a segment to be archived, whatever else becomes of it."""
        if self.archive is not None:
            self.archive.add(metadata, segment)

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Gives up what waits: what is to be archived, healthy invocations, and failed ones if it must be.

        Returns:
            How many bytes that freed.
        """
        freed = 0
        if self.archive is not None:
            freed += self.archive.give_up(need_bytes=need_bytes, failed_too=failed_too)
        for queue in (self.fallback, self.primary):
            if queue is not None and freed < need_bytes:
                freed += queue.give_up(need_bytes=need_bytes - freed, failed_too=failed_too)
        return freed
