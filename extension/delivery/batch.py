"""Batches: chunks that are sent to a sink together, and what becomes of their records. No I/O."""

from collections.abc import Iterable, Iterator, Mapping, Set as AbstractSet

from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, numbers_in, without
from extension.model.receipt import Receipt

MAX_CUTS = 64
"""For one batch with an unreadable record: enough to single out four records of 10,000. If the sink accepts none of
them, later batches are tried once each, until it accepts one."""


class Cuts:
    """Count how often the parts of one batch may still be halved."""

    left = MAX_CUTS


class Batch:
    """Hold chunks that are sent together.

    Attributes:
        cuts: shared by all parts of what was one batch. They do not refer to that batch, which would keep its chunks.
        is_set_aside: whether it is one record, behind all others until the sink has taken something.
    """

    def __init__(self, chunks: list[Chunk], cuts: Cuts | None = None, attempts: int = 0) -> None:
        self.chunks = chunks
        self.attempts = attempts
        self.cuts = cuts or Cuts()
        self.is_set_aside = False

    @property
    def holds_failed(self) -> bool:
        """Whether it holds lines of a failed invocation."""
        return any(chunk.metadata.failed for chunk in self.chunks)


def first_alone(batch: Batch) -> list[Batch]:
    """Cut a batch behind its first record; return the parts, or the batch if it is one record."""
    first = next(numbers_of(batch.chunks))
    rest = without(batch.chunks, {first})
    if not rest:
        return [batch]
    both = only(batch.chunks, {first}), rest
    return [Batch(part, batch.cuts, batch.attempts) for part in both]


def count_delivery(tally: Tally, receipt: Receipt, taken: list[Chunk]) -> None:
    """Count a delivery and what it took, except the lines that the sink rejected without naming them."""
    rejected_lines = receipt.rejected_lines
    tally.count_delivery(receipt.answer.value, sent_bytes=receipt.sent_bytes)
    tally.throttled += receipt.is_throttled
    tally.refused_streams += receipt.refused_streams
    for chunk in taken:
        rejected = min(rejected_lines, chunk.lines)
        rejected_lines -= rejected
        tally.keep(chunk.metadata.reason, chunk.lines - rejected)
        if rejected:
            tally.lose("rejected", rejected)


def size_of(chunks: Iterable[Chunk]) -> int:
    """Return the bytes that chunks are charged."""
    return sum(chunk.held_bytes for chunk in chunks)


def only(chunks: list[Chunk], numbers: AbstractSet[int]) -> list[Chunk]:
    """Return the records with these numbers."""
    if not numbers:
        return []
    return without(chunks, set(numbers_of(chunks)) - numbers)


def numbers_of(chunks: list[Chunk]) -> Iterator[int]:
    """Yield the numbers of all records."""
    return (n for chunk in chunks for segment in chunk.segments for n in numbers_in(segment))


def refused_chunks(chunks: list[Chunk], refused: Mapping[int, str]) -> list[tuple[str, Chunk]]:
    """Return the records that a sink refused by number, each chunk with its reason."""
    back: list[tuple[str, Chunk]] = []
    for reason in dict.fromkeys(refused.values()):
        numbers = frozenset(number for number, given in refused.items() if given == reason)
        back += [(reason, chunk) for chunk in only(chunks, numbers)]
    return back
