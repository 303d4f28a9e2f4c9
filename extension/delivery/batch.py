"""Batches: what remains of one after a sink's answer. Loaded with the first answer that does not take a batch whole.

Pure. Records are picked by their numbers, which are unique in an environment.
"""

from extension.model.chunk import Chunk, numbers_in, without
from extension.model.receipt import Receipt


def only(chunks: list[Chunk], numbers: frozenset[int]) -> list[Chunk]:
    """Return the records with these numbers."""
    if not numbers:
        return []
    every = {n for chunk in chunks for segment in chunk.segments for n in numbers_in(segment)}
    return without(chunks, every - numbers)


def refused(chunks: list[Chunk], receipt: Receipt) -> list[tuple[str, Chunk]]:
    """Return the records that a sink refused by number, each chunk with its reason."""
    by_reason: dict[str, set[int]] = {}
    for number, reason in receipt.refused.items():
        by_reason.setdefault(reason, set()).add(number)
    return [
        (reason, chunk)
        for reason, numbers in by_reason.items()
        for chunk in only(chunks, frozenset(numbers))
    ]
