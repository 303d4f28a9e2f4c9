"""Segments, and the one way to cut them."""

import pytest

from extension.model.segment import Kind, Segment, scan
from tests.doubles.lambda_events import batch, line

ABC = batch([line("a"), line("b"), line("c")])[1:-1]


def lines(raw: bytes = ABC, *, count: int = 3) -> Segment:
    return Segment(raw, count=count, first_number=7, vital=True, is_emf=True)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("xxy", [(7, 2, "x"), (9, 1, "y")]),
        ("xyy", [(7, 1, "x"), (8, 2, "y")]),
        ("xyx", [(7, 1, "x"), (8, 1, "y"), (9, 1, "x")]),
    ],
)
def test_runs_cut_where_the_label_changes(
    labels: str, expected: list[tuple[int, int, str]]
) -> None:
    """Each part keeps the numbers of its records, so that ids stay the same wherever a segment is cut."""
    runs = lines().runs(labels)

    assert [(part.first_number, part.count, label) for part, label in runs] == expected
    assert b",".join(part.raw for part, _ in runs) == ABC
    assert all(part.vital and part.is_emf and part.kind is Kind.LINES for part, _ in runs)


@pytest.mark.parametrize(
    ("segment", "labels", "label"),
    [
        (lines(), "xxx", "x"),
        (lines(b"no events"), "xyy", "x"),
        (Segment(b"", count=120, first_number=0, kind=Kind.GAP), "y", "y"),
    ],
    ids=["one label", "events cannot be told apart", "gap"],
)
def test_runs_return_the_segment_itself_where_nothing_is_cut(
    segment: Segment, labels: str, label: str
) -> None:
    """A copy would cost memory; and records that cannot be told apart must not be lost."""
    assert segment.runs(labels) == [(segment, label)]


@pytest.mark.parametrize(("kind", "count"), [(Kind.LINES, 3), (Kind.EVENT, 0), (Kind.GAP, 0)])
def test_segment_counts_only_function_lines(kind: Kind, count: int) -> None:
    """The account is in lines, so platform events and gaps must not enter it."""
    assert Segment(b"", count=3, first_number=0, kind=kind).lines == count


@pytest.mark.parametrize(
    ("text", "events"), [("", 0), (" ,]", 0), ("[1, 2]", 2), ("1\n2", 2), ("1\n2 x", 3), ("x", 1)]
)
def test_scan_returns_every_part_of_a_text_once(text: str, events: int) -> None:
    """A batch may be garbage, and the rest of it is still wanted."""
    assert len(list(scan(text))) == events
