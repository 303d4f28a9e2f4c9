"""Lines that a queue gives up for the memory bound."""

from collections import deque

from extension.delivery.eviction import evict, merge_gaps
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Kind, Segment

METADATA = Metadata(
    "id", "1-trace", "f", "1", "e", "crash", 2.0, failed=True, correlation_id="c", arn="arn"
)


def lines(number: int, *, size: int = 500) -> Segment:
    return Segment(b"x" * size, count=1, first_number=number)


def gap(number: int, *, count: int = 1, gone_bytes: int = 10) -> Segment:
    return Segment(b"", count=count, first_number=number, kind=Kind.GAP, gone_bytes=gone_bytes)


def event(number: int) -> Segment:
    return Segment(b"{}", count=1, first_number=number, kind=Kind.EVENT)


def test_lines_leave_a_gap_and_events_stay() -> None:
    """In the place of a failed invocation's lines stands how many they were."""
    chunk = Chunk(METADATA, [lines(7), event(8), lines(9)])

    evict([chunk], Account(), need_bytes=300, failed_too=True)

    first, kept, second = chunk.segments
    assert (first.kind, first.count, first.first_number, first.gone_bytes) == (Kind.GAP, 1, 7, 500)
    assert (kept.kind, kept.first_number) == (Kind.EVENT, 8)
    assert (second.kind, second.first_number) == (Kind.LINES, 9)
    assert chunk.lines == 1


def test_the_middle_of_a_failed_invocation_goes_first() -> None:
    """Its beginning and its end tell more."""
    chunk = Chunk(METADATA, [lines(number) for number in range(40)])

    evict([chunk], Account(), need_bytes=10_000, failed_too=True)

    kept = [segment.first_number for segment in chunk.segments if segment.kind is Kind.LINES]
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert kept[-5:] == [35, 36, 37, 38, 39]


def test_the_oldest_gaps_become_one_that_tells_the_sum() -> None:
    """It belongs to no invocation, and keeps what all of them have in common."""
    chunks = deque(
        [Chunk(METADATA, [gap(1, count=2), event(2)]), Chunk(METADATA, [gap(3)])]
        + [Chunk(METADATA, [gap(number)]) for number in range(4, 9)]
    )
    before_bytes = sum(chunk.held_bytes for chunk in chunks)

    freed_bytes = merge_gaps(chunks, need_bytes=163)

    merged, *others = chunks
    (segment,) = merged.segments
    assert (segment.kind, segment.count, segment.gone_bytes) == (Kind.GAP, 3, 22)
    assert segment.first_number == 1
    assert [other.segments[0].first_number for other in others] == [4, 5, 6, 7, 8]
    assert freed_bytes == before_bytes - sum(chunk.held_bytes for chunk in chunks)
    told = merged.metadata
    assert (told.request_id, told.trace_id, told.span_id) == ("", "", "")
    assert (told.function, told.environment_id, told.weight, told.arn) == ("f", "e", 2.0, "arn")


def test_gaps_behind_lines_are_not_merged() -> None:
    """They stand at the place of what is missing."""
    chunks = deque([Chunk(METADATA, [lines(1)]), Chunk(METADATA, [gap(2)])])

    assert merge_gaps(chunks, need_bytes=1) == 0
    assert len(chunks) == 2


def test_merged_gaps_stand_in_the_place_of_the_first() -> None:
    """Lines that came before them still leave before them."""
    numbers = (1, 2, 3, 4)
    chunks = deque(Chunk(METADATA, [lines(n) if n in {1, 3} else gap(n)]) for n in numbers)

    merge_gaps(chunks, need_bytes=1000)

    assert [one.segments[0].first_number for one in chunks] == [1, 2, 3]
    assert chunks[1].segments[0].count == 2
