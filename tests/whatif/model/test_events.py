import pytest

from whatif.model.events import Reading, iso_of_ms


def test_iso_of_ms_writes_a_time_as_lambda_does() -> None:
    """ISO 8601 in UTC with three digits; a time beyond the calendar is a ValueError, not an overflow."""
    assert iso_of_ms(1_791_763_275_123) == "2026-10-12T00:01:15.123Z"
    assert iso_of_ms(0) == "1970-01-01T00:00:00.000Z"
    with pytest.raises(ValueError, match="1000000000000000000"):
        iso_of_ms(10**18)


def test_reading_keeps_a_note_once() -> None:
    """The same remark about a file is not repeated."""
    reading = Reading("a.log")

    reading.note("It ends early.")
    reading.note("It ends early.")

    assert reading.notes == ["It ends early."]
