import pytest

from show.model.errors import ShowError
from show.sources.span import Span, read_since

NOW_S = 1_795_521_600.0


@pytest.mark.parametrize(
    ("text", "age_s"),
    [("90s", 90), ("30m", 1800), ("1h", 3600), ("2d", 172_800), ("1w", 604_800)],
)
def test_length_reaches_back_from_now(text: str, age_s: int) -> None:
    assert read_since(text, now_s=NOW_S) == Span(int((NOW_S - age_s) * 1000), int(NOW_S * 1000))


@pytest.mark.parametrize(
    "text", ["2026-11-24T11:00", "2026-11-24T11:00:00Z", "2026-11-24T12:00+01:00"]
)
def test_time_is_in_utc_unless_it_says_otherwise(text: str) -> None:
    assert read_since(text, now_s=NOW_S).begin_ms == (NOW_S - 3600) * 1000


def test_a_date_is_its_midnight() -> None:
    assert read_since("2026-11-24", now_s=NOW_S).begin_ms == (NOW_S - 12 * 3600) * 1000


@pytest.mark.parametrize("text", ["", "1", "1y", "yesterday", "2027-01-01", "1900-01-01", "0s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ShowError, match="--since"):
        read_since(text, now_s=NOW_S)


def test_span_holds_its_ends() -> None:
    assert [Span(1, 3).holds(at_ms) for at_ms in (0, 1, 3, 4)] == [False, True, True, False]
