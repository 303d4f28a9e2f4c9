import pytest

from whatif.model.events import Reading, iso_of_ms


def test_times_are_written_as_lambda_writes_them() -> None:
    """Milliseconds since 1970 become ISO 8601 in UTC with three digits."""
    assert iso_of_ms(1_791_763_275_123) == "2026-10-12T00:01:15.123Z"
    assert iso_of_ms(0) == "1970-01-01T00:00:00.000Z"


def test_a_time_beyond_the_calendar_is_a_value_error() -> None:
    """A number that is no time is told apart, not passed on as an overflow."""
    with pytest.raises(ValueError, match="1000000000000000000"):
        iso_of_ms(10**18)


def test_a_note_is_kept_once() -> None:
    """The same sentence about a file is not repeated."""
    reading = Reading("a.log")

    reading.note("It ends early.")
    reading.note("It ends early.")

    assert reading.notes == ["It ends early."]
