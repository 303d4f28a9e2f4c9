import pytest

from whatif.model.log import Log
from whatif.model.net import Pace


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (Log(lines=3, starts=2, ends=4, is_cloudwatch=True), False),
        (Log(lines=3, starts=1, is_cloudwatch=True), False),
        (Log(lines=3, is_cloudwatch=True), True),
        (Log(lines=3, ends=2, is_cloudwatch=True), True),
        (Log(lines=3, starts=2, is_cloudwatch=True), True),
        (Log(lines=0, is_cloudwatch=True), False),
        (Log(lines=3), False),
    ],
)
def test_log_without_starts_or_ends_is_filtered(log: Log, *, expected: bool) -> None:
    """One invocation may be cut off at the end; two without any end were filtered. Captures have other frames."""
    assert log.is_filtered is expected


def test_log_adds_another_one() -> None:
    """The total covers the time of both."""
    total = Log(lines=1, cut=1)
    total.see("2026-11-20T08:00:00.000Z")
    other = Log(lines=2, starts=3, is_cloudwatch=True, held=2, held_mb=1024, memory_mb=512)
    other.see("2026-11-20T09:00:00.000Z")

    total.add(other)

    assert (total.lines, total.cut, total.starts, total.is_cloudwatch) == (3, 1, 3, True)
    assert (total.pace, total.memory_mb) == (Pace(held=2, held_mb=1024), 512)
    assert (total.first_time[11:13], total.last_time[11:13]) == ("08", "09")
