import gc
import tracemalloc
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from extension.model.chunk import (
    CHUNK_COST_BYTES,
    Chunk,
    halves,
    numbers_in,
    rewritten,
    sifted,
    sliced,
    without,
)
from extension.model.record import records_in
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment
from tests.doubles.extension.chunks import STAMP, each, gap, lines


def numbers(chunks: list[Chunk]) -> list[int]:
    return [kept.number for kept in records_in(chunks)]


def texts(chunks: list[Chunk]) -> list[str]:
    return [kept.text for kept in records_in(chunks)]


def segment_of(*texts: str, first_number: int = 0) -> Segment:
    (segment,) = lines(*texts, first_number=first_number).segments
    return segment


# Sizes ---------------------------------------------------------------------------------------------------------------


def test_chunk_counts_its_bytes_and_lines() -> None:
    """Bytes are those that it and its segments are charged; only lines count as lines."""
    event = Segment(b"{}", count=1, first_number=2, kind=Kind.EVENT)
    line = segment_of("a", "b")

    chunk = Chunk(STAMP, [line, event])

    charged = CHUNK_COST_BYTES + len(line.raw) + 2 + 2 * SEGMENT_COST_BYTES
    assert (chunk.held_bytes, chunk.lines) == (charged, 2)
    chunk.hold([event])
    assert (chunk.held_bytes, chunk.lines) == (CHUNK_COST_BYTES + event.cost_bytes, 0)


def test_what_a_chunk_is_charged_is_what_it_takes() -> None:
    """An invocation of which the summary alone is delivered has one chunk, and an outage may hold ten thousand of them."""
    gc.collect()
    tracemalloc.start()
    try:
        before_bytes = tracemalloc.get_traced_memory()[0]
        held = [
            Chunk(
                STAMP._replace(request_id=str(uuid4())), [segment_of(f"{n:0100d}", first_number=n)]
            )
            for n in range(10_000, 12_000)
        ]
        taken_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
    finally:
        tracemalloc.stop()

    assert taken_bytes * 0.8 < sum(chunk.held_bytes for chunk in held) < taken_bytes * 1.3


def test_split_off_takes_the_first_segments() -> None:
    """Both parts know what they hold, and have the same stamp."""
    segments = [segment_of(text, first_number=n) for n, text in enumerate("abcd")]
    chunk = Chunk(STAMP, list(segments))
    before = chunk.held_bytes

    first = chunk.split_off(2 * segments[0].cost_bytes)

    assert (first.segments, chunk.segments) == (segments[:2], segments[2:])
    assert first.metadata is chunk.metadata
    assert (first.lines, chunk.lines) == (2, 2)
    assert first.held_bytes + chunk.held_bytes == before + CHUNK_COST_BYTES


def test_split_off_takes_at_least_one_segment() -> None:
    """A segment larger than what is asked for goes all the same: it would never go otherwise."""
    chunk = lines("a" * 1000)

    first = chunk.split_off(10)

    assert (first.lines, chunk.lines) == (1, 0)
    assert chunk.held_bytes == CHUNK_COST_BYTES


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (segment_of("a", "b", "c", first_number=5), [5, 6, 7]),
        (Segment(b"{}", count=1, first_number=9, kind=Kind.EVENT), [9]),
        (Segment(b"", count=120, first_number=3, kind=Kind.GAP), [3]),
    ],
)
def test_numbers_in_numbers_each_record(segment: Segment, expected: list[int]) -> None:
    """One for each event; a gap is one record, however many lines it stands for."""
    assert list(numbers_in(segment)) == expected


def batch() -> list[Chunk]:
    return [
        Chunk(STAMP, [segment_of("a", "b", "c", "d"), segment_of("e", first_number=4)]),
        gap(5),
        lines("f", "g", first_number=12),
    ]


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ([], [0, 1, 2, 3, 4, 5, 12, 13]),
        ([0], [1, 2, 3, 4, 5, 12, 13]),
        ([1, 2], [0, 3, 4, 5, 12, 13]),
        ([0, 2, 12], [1, 3, 4, 5, 13]),
        ([5], [0, 1, 2, 3, 4, 12, 13]),
        ([12, 13], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2, 3, 4, 5, 12, 13], []),
        ([99], [0, 1, 2, 3, 4, 5, 12, 13]),
    ],
)
def test_without_leaves_out_the_gone_records(gone: list[int], left: list[int]) -> None:
    """The rest keeps its numbers, its order and its text; what it came from stays as it was."""
    chunks = batch()
    expected = [text for text, n in zip(texts(chunks), numbers(chunks), strict=True) if n in left]

    result = without(chunks, set(gone))

    assert numbers(result) == left
    assert texts(result) == expected
    assert all(chunk.segments for chunk in result)
    assert numbers(chunks) == [0, 1, 2, 3, 4, 5, 12, 13]


def test_halves_have_as_many_records() -> None:
    """Both together are the whole, in order."""
    cut = halves(batch())

    assert cut is not None
    assert [numbers(one) for one in cut] == [[0, 1, 2, 3], [4, 5, 12, 13]]


@pytest.mark.parametrize("chunks", [[lines("a")], [gap(7)], []])
def test_single_record_has_no_halves(chunks: list[Chunk]) -> None:
    """There is nothing to cut any more."""
    assert halves(chunks) is None


@pytest.mark.parametrize(("gone", "stays"), [({1}, True), ({0}, False), ({0, 1, 2}, False)])
def test_without_takes_a_segment_that_cannot_be_split_whole(gone: set[int], stays: bool) -> None:
    """Bytes that are not as many events as were counted go the way of the first of them."""
    garbage = Chunk(STAMP, [Segment(b"no events", count=3, first_number=0)])

    left = without([garbage], gone)

    assert [one.raw for chunk in left for one in chunk.segments] == [b"no events"] * stays
    assert halves([garbage]) is None


@given(
    sizes=st.lists(st.integers(min_value=1, max_value=5), min_size=1, max_size=5),
    gone=st.sets(st.integers(min_value=0, max_value=30)),
)
def test_without_and_halves_lose_nothing(sizes: list[int], gone: set[int]) -> None:
    """However a batch is cut, each record is in exactly one of the parts."""
    chunks = []
    first = 0
    for size in sizes:
        chunks.append(lines(*(str(first + n) for n in range(size)), first_number=first))
        first += size

    left = without(chunks, gone)
    taken = without(chunks, set(range(first)) - gone)
    cut = halves(left)

    assert sorted(numbers(left) + numbers(taken)) == list(range(first))
    assert texts(left) == [str(n) for n in range(first) if n not in gone]
    if cut is not None:
        assert numbers(cut[0]) + numbers(cut[1]) == numbers(left)
        assert abs(len(numbers(cut[0])) - len(numbers(cut[1]))) <= 1


def test_rewritten_changes_lines_and_nothing_else() -> None:
    """Numbers stay, so ids do; what is not changed is not copied, and what is no line is not touched."""
    first, second = segment_of("a", "b"), segment_of("x", first_number=2)
    note = Segment(b'{"b":1}', count=1, first_number=3, kind=Kind.EVENT)
    chunks = [Chunk(STAMP, [first, second, note])]

    (chunk,) = rewritten(chunks, each(lambda event: event.replace(b'"b"', b'"B"')))

    assert [one.raw for one in chunk.segments] == [
        first.raw.replace(b'"b"', b'"B"'),
        second.raw,
        note.raw,
    ]
    assert chunk.segments[1] is second
    assert chunk.segments[0].first_number == 0
    assert b'"b"' in first.raw


def test_sifted_takes_lines_out() -> None:
    """What stays keeps its numbers, and how many went is told."""
    stays, gone = sifted(segment_of("a", "b", "c", "d"), lambda event: b'"b"' in event)

    assert [(one.first_number, one.count) for one in stays] == [(0, 1), (2, 2)]
    assert gone == 1


def test_sifted_takes_a_segment_that_cannot_be_split_whole() -> None:
    """A segment whose events are not as many as it says."""
    odd = Segment(b"{} {}", count=3, first_number=0)

    assert sifted(odd, lambda _: False) == ([odd], 0)
    assert sifted(odd, lambda _: True) == ([], 3)


# Slices --------------------------------------------------------------------------------------------------------------


@given(
    sizes=st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=9), min_size=1, max_size=5),
    max_bytes=st.integers(1, 3000),
)
def test_slices_hold_every_record_in_order_and_are_small(
    sizes: list[list[int]], max_bytes: int
) -> None:
    """A slice larger than asked for is a single record, or a run that was just over the edge."""
    segments: list[Segment] = []
    for run in sizes:
        first = sum(segment.count for segment in segments)
        segments.append(segment_of(*("x" * size for size in run), first_number=first))
        segments.append(Segment(b"", count=3, first_number=first + len(run), kind=Kind.GAP))
    chunk = Chunk(STAMP, segments)

    slices = list(sliced(chunk, max_bytes))

    assert numbers(slices) == numbers([chunk])
    assert texts(slices) == texts([chunk])
    assert sum(one.lines for one in slices) == chunk.lines
    longest = max(len(event) for segment in segments for event in segment.events()) + 1
    more = longest + SEGMENT_COST_BYTES + CHUNK_COST_BYTES
    assert all(one.held_bytes <= max_bytes + more for one in slices)


def test_a_small_chunk_is_its_own_slice() -> None:
    """Most are small, and cost nothing here."""
    chunk = lines("a", "b")

    assert list(sliced(chunk, 1000)) == [chunk]


def test_events_that_cannot_be_told_apart_are_one_slice() -> None:
    """Their numbers would be wrong otherwise."""
    segment = Segment(b"no JSON, " * 100, count=7, first_number=0)
    chunk = Chunk(STAMP, [segment])

    (one,) = sliced(chunk, 100)

    assert one.segments == [segment]


# Rewriting once ------------------------------------------------------------------------------------------------------


def test_a_rewriting_is_done_once_also_for_parts_of_a_chunk() -> None:
    """What has gone through it comes back itself, however it was cut since; another rewriting is done."""
    by = object()
    rewrites: list[bytes] = []

    def rewrite(raw: bytes) -> bytes:
        rewrites.append(raw)
        return raw.replace(b'"a"', b'"A"')

    (once,) = rewritten([lines("a", "b", "c")], each(rewrite), by=by)
    first, second = halves([once]) or ([], [])
    parts = [*first, *second, *without([once], {0}), *sliced(once, 1), once.split_off(1)]
    again = rewritten(parts, each(rewrite), by=by)
    rewritten(first, each(rewrite), by=object())

    assert texts(first) == ["A"]
    assert again == parts
    assert len(rewrites) == 3 + 1


def test_a_rewriting_without_a_name_is_always_done() -> None:
    """Nothing tells whether it was done before."""
    chunk = lines("a")

    (once,) = rewritten([chunk], each(lambda raw: raw.replace(b"a", b"aa", 1)))
    (twice,) = rewritten([once], each(lambda raw: raw))

    assert twice is not once
