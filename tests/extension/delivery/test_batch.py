"""Records picked out of a batch by their numbers."""

import pytest

from extension.delivery.batch import only, refused
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment


def chunks() -> list[Chunk]:
    metadata = Metadata("id", "", "f", "1", "e", "crash", 1.0, failed=True)
    pair = Segment(b'{"time":"a"},{"time":"b"}', count=2, first_number=1)
    gap = Segment(b"", count=5, first_number=3, kind=Kind.GAP)
    return [Chunk(metadata, [pair]), Chunk(metadata, [gap])]


def found(chunk: Chunk) -> list[tuple[int, bytes]]:
    return [(segment.first_number, segment.raw) for segment in chunk.segments]


@pytest.mark.parametrize(
    ("numbers", "records"),
    [
        (set(), []),
        ({2}, [[(2, b'{"time":"b"}')]]),
        ({1, 2}, [[(1, b'{"time":"a"},{"time":"b"}')]]),
        ({1, 3}, [[(1, b'{"time":"a"}')], [(3, b"")]]),
        ({9}, []),
    ],
)
def test_records_are_picked_by_number(
    numbers: set[int], records: list[list[tuple[int, bytes]]]
) -> None:
    """A gap is one record, whatever it stands for."""
    assert [found(chunk) for chunk in only(chunks(), frozenset(numbers))] == records


def test_refused_records_have_their_reasons() -> None:
    """A sink may refuse each for another; one that another part of the batch has is not there."""
    receipt = Receipt(Answer.TAKEN, refused={1: "bad", 3: "too-old", 9: "bad"})

    back = refused(chunks(), receipt)

    assert [(reason, found(chunk)) for reason, chunk in back] == [
        ("bad", [(1, b'{"time":"a"}')]),
        ("too-old", [(3, b"")]),
    ]
