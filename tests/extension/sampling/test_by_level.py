"""What is taken of a recording line by line."""

import pytest
from hypothesis import given, strategies as st

from extension.levels.level import Level
from extension.model.chunk import numbers_in
from extension.model.segment import Kind, Segment
from extension.sampling.by_level import draw, error_lines
from tests.doubles import lambda_events

WEIGHTS = {None: 10.0, Level.DEBUG: 0.0, Level.INFO: 10.0, Level.WARN: 2.0, Level.ERROR: 2.0}


def weigh(level: Level | None) -> float:
    return WEIGHTS[level]


def lines(levels: list[Level | None], *, number: int = 0) -> Segment:
    records = ["plain" if level is None else {"level": level.name} for level in levels]
    return Segment(lambda_events.lines(*records), count=len(levels), first_number=number)


def event(number: int) -> Segment:
    return Segment(b"{}", count=1, first_number=number, kind=Kind.EVENT)


def numbers(segments: list[Segment]) -> list[int]:
    return [number for segment in segments for number in numbers_in(segment)]


def test_draw_splits_lines_into_runs_by_level() -> None:
    """In order, each run with what its lines stand for; what is not sampled in is left."""
    segment = lines([Level.INFO, None, Level.DEBUG, Level.WARN, Level.ERROR, Level.INFO])

    taken, left = draw([segment, event(6)], weigh=weigh, weight=2.0)

    assert [(weight, numbers(parts)) for weight, parts in taken] == [
        (10.0, [0, 1]),
        (2.0, [3, 4]),
        (10.0, [5]),
        (2.0, [6]),
    ]
    assert numbers(left) == [2]


@pytest.mark.parametrize(
    ("segment", "weight"),
    [
        (lines([Level.INFO, Level.INFO]), 10.0),
        (Segment(b"\xff{", count=1, first_number=0), 10.0),
        (Segment(b"{}", count=1, first_number=0, is_emf=True), None),
    ],
    ids=["of one level", "unreadable", "metrics"],
)
def test_draw_copies_no_segment_that_it_takes_or_leaves_whole(
    segment: Segment, weight: float | None
) -> None:
    """Bytes that are no JSON go by SAMPLE_RATE; metrics are never sampled, neither in nor out."""
    taken, left = draw([segment], weigh=weigh, weight=1.0)

    assert taken == ([(weight, [segment])] if weight else [])
    assert left == ([] if weight else [segment])


@given(st.lists(st.lists(st.sampled_from(list(WEIGHTS)), min_size=1, max_size=8), max_size=5))
def test_draw_takes_or_leaves_every_line_once_in_order(levels: list[list[Level | None]]) -> None:
    """Nothing is lost, doubled or moved."""
    segments, number = [], 0
    for each in levels:
        segments.append(lines(each, number=number))
        number += len(each)

    taken, left = draw(segments, weigh=weigh, weight=1.0)

    went = [n for _, parts in taken for n in numbers(parts)]
    assert went == sorted(went)
    assert sorted(went + numbers(left)) == list(range(number))
    flat = [level for each in levels for level in each]
    assert {flat[n] for n in numbers(left)} <= {Level.DEBUG}
    assert all(weigh(flat[n]) == weight for weight, parts in taken for n in numbers(parts))


@pytest.mark.parametrize("vital", [True, False])
def test_error_lines_leaves_healthy_lines_out(vital: bool) -> None:
    """Of a flood only they go, with events and gaps; the rest is counted."""
    segment = lines([Level.ERROR])
    segment.vital = vital

    taken, left_out = error_lines([lines([None, None], number=1), segment, event(3)])

    assert numbers(taken) == ([0, 3] if vital else [3])
    assert left_out == (2 if vital else 3)
