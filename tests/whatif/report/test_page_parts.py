import pytest
from hypothesis import given, strategies as st

from whatif.report.page_parts import (
    CODE,
    FIGURE,
    WORDS,
    Estimate,
    Length,
    Part,
    TableRow,
    bars,
    intervals,
    table,
)

NUMBERS = st.floats(0, 1e12, allow_nan=False)


def test_bars_are_in_proportion() -> None:
    """The longest one has all the room, and a part without length is left out."""
    rows = [Length("a", "1", [(25, "x"), (25, "y")]), Length("b", "2", [(100, "x"), (0, "y")])]

    made = bars(rows)

    assert [bar.parts for bar in made] == [
        [Part("x", 25.0), Part("y", 25.0)],
        [Part("x", 100.0)],
    ]
    assert bars([Length("a", "0", [(0.0, "x")])])[0].parts == []


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_bars_stay_within_their_room(values: list[tuple[float, float]]) -> None:
    """Whatever the figures are."""
    for bar in bars([Length("a", "", [(one, "x"), (two, "y")]) for one, two in values]):
        assert sum(part.percent for part in bar.parts) <= 100.02


@given(NUMBERS, NUMBERS, NUMBERS)
def test_intervals_stay_within_their_room(value: float, margin: float, truth: float) -> None:
    """A margin below zero is cut off there."""
    (one,), at = intervals([Estimate("a", "", value, margin)], truth=truth)

    assert 0 <= one.low <= one.at <= 100
    assert one.low + one.width == pytest.approx(min(100, one.low + one.width), abs=0.02)
    assert 0 <= at <= 100


def test_table_has_words_figures_and_code() -> None:
    """Words stand left, figures right, and code may wrap anywhere."""
    made = table("c", ("a", "b", "c", "d"), [TableRow(("1", "2", "3", "4"))], words=2, code=True)

    assert [kind for _, kind in made.columns] == [WORDS, WORDS, FIGURE, CODE]
