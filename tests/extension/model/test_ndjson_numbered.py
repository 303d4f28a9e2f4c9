import pytest

from extension.model.ndjson import RECORDS_AT_ONCE, encode, numbered_lines
from tests.doubles.extension.chunks import gap, lines


@pytest.mark.parametrize(
    "count", [1, RECORDS_AT_ONCE - 1, RECORDS_AT_ONCE, 2 * RECORDS_AT_ONCE + 1]
)
def test_a_batch_in_parts_is_the_batch(count: int) -> None:
    """Line by line it is what it is as a whole, and each has its record's number."""
    batch = [lines(*(str(n) for n in range(count)), first_number=3), gap(3 + count)]

    numbered = list(numbered_lines(batch))

    assert b"".join(line for _, line in numbered) == encode(batch)
    assert [number for number, _ in numbered] == list(range(3, 4 + count))


def test_of_nothing_there_is_nothing() -> None:
    """No chunks make no lines."""
    assert list(numbered_lines([])) == []
