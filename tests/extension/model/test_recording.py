"""The buffered lines of one invocation, and how it gives up a part of them."""

import json

from hypothesis import given, strategies as st

from extension.model.recording import Recording
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment
from tests.doubles.lambda_events import batch, line


def segment(
    first: int, count: int = 1, *, size: int = 100, vital: bool = False, is_emf: bool = False
) -> Segment:
    """A segment whose lines are their own numbers, padded."""
    raw = batch(line(f"{first + n}".ljust(size)) for n in range(count))[1:-1]
    return Segment(raw, count=count, first_number=first, vital=vital, is_emf=is_emf)


def numbers(recording: Recording) -> list[int]:
    """The numbers of the lines that are still there, in order."""
    found = []
    for one in recording.segments:
        if one.kind is Kind.LINES:
            found += [int(json.loads(event)["record"]) for event in one.events()]
    return found


def test_recording_returns_everything_in_the_order_received() -> None:
    """Taking empties the recording."""
    recording = Recording()
    for first in (0, 3, 4):
        recording.append(segment(first, 3 if first == 0 else 1))

    taken = recording.take()

    assert [one.first_number for one in taken] == [0, 3, 4]
    assert (recording.held_bytes, recording.lines, recording.segments) == (0, 0, [])


def test_recording_returns_metrics_alone() -> None:
    """The rest stays where it is."""
    recording = Recording(segment(first, is_emf=first == 1) for first in range(3))

    taken = recording.take_emf()

    assert [one.first_number for one in taken] == [1]
    assert numbers(recording) == [0, 2]
    assert recording.held_bytes == sum(one.cost_bytes for one in recording.segments)


def test_recording_gives_up_the_middle_before_error_lines() -> None:
    """The beginning tells how it started, the end how it died, error lines what went wrong."""
    recording = Recording(segment(first, vital=first == 50) for first in range(100))

    lines = recording.give_up(need_bytes=recording.held_bytes // 2)

    left = numbers(recording)
    assert lines == 100 - len(left)
    assert left[:20] == list(range(20))
    assert 50 in left
    assert left[-10:] == list(range(90, 100))


def test_recording_leaves_a_gap_at_a_hole() -> None:
    """Neighbouring holes are one, with what they cost."""
    recording = Recording(map(segment, range(100)))

    lines = recording.give_up(need_bytes=recording.held_bytes // 2)

    gaps = [one for one in recording.segments if one.kind is Kind.GAP]
    assert [gap.count for gap in gaps] == [lines]
    assert gaps[0].gone_bytes > 0


def test_large_segment_gives_up_no_more_than_it_must() -> None:
    """A whole batch is one segment; asking for a little of it does not cost all."""
    recording = Recording([segment(0, 1000), segment(1000, 1000)])

    recording.give_up(need_bytes=20_000)

    assert len(numbers(recording)) > 1800
    assert numbers(recording)[-1000:] == list(range(1000, 2000))


def test_recording_gives_up_everything_if_it_must() -> None:
    """Error lines and the beginning are given up last, but they are given up."""
    recording = Recording(segment(first, vital=True) for first in range(20))

    lines = recording.give_up(need_bytes=10**9)

    assert lines == 20
    assert numbers(recording) == []
    assert recording.held_bytes == SEGMENT_COST_BYTES


@given(
    st.lists(st.tuples(st.integers(1, 80), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 60_000),
)
def test_recording_keeps_the_order_and_counts_every_line(
    parts: list[tuple[int, bool]], need_bytes: int
) -> None:
    """Over any recording and any need: kept plus given up is what was there, and gaps say as much."""
    recording = Recording()
    first = 0
    for count, vital in parts:
        recording.append(segment(first, 1 if vital else count, vital=vital))
        first += 1 if vital else count
    before_bytes = recording.held_bytes

    lines = recording.give_up(need_bytes=need_bytes)

    left = numbers(recording)
    assert left == sorted(left)
    assert len(left) + lines == first == recording.lines + lines
    assert lines == sum(one.count for one in recording.segments if one.kind is Kind.GAP)
    gaps = sum(one.kind is Kind.GAP for one in recording.segments)
    assert recording.held_bytes <= max(before_bytes - need_bytes, 0) + gaps * SEGMENT_COST_BYTES
    assert recording.held_bytes == sum(one.cost_bytes for one in recording.segments)


def test_giving_up_less_than_a_long_line_copies_no_other() -> None:
    """With a short line before each long one, as many copies as lines would live beside the lines themselves."""
    recording = Recording()
    for first in range(0, 40, 2):
        short, long = segment(first, size=10).raw, segment(first + 1, size=50_000).raw
        recording.append(Segment(short + b"," + long, count=2, first_number=first))
    before = list(recording.segments)

    gone = recording.give_up(need_bytes=30_000)

    assert gone <= 2
    assert sum(one in before for one in recording.segments) >= len(before) - 2
