from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from whatif.charts import WIDTH, Bar, Interval, bars, intervals, legend


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - what is parsed is what was drawn here


NUMBERS = st.floats(0, 1e12, allow_nan=False)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))), NUMBERS, NUMBERS
        ),
        max_size=6,
    )
)
def test_bars_stay_within_the_picture(rows: list[tuple[str, float, float]]) -> None:
    """Whatever the values and the labels, the chart is well-formed, has words for it, and no bar leaves it."""
    drawn = bars(
        "c",
        "a < b",
        [
            Bar(label=label, shown="1", parts=[(one, "failed"), (two, "sampled")])
            for label, one, two in rows
        ],
    )

    root = parsed(drawn)
    assert root.findtext("title") == "a < b"
    assert root.get("role") == "img"
    for rect in root.iter("rect"):
        assert 0 <= float(rect.get("x", "")) + float(rect.get("width", "")) <= WIDTH


def test_lengths_are_in_proportion() -> None:
    """The longest bar has all the room there is, and half of it is half as long."""
    root = parsed(
        bars("c", "t", [Bar(label=str(n), shown="", parts=[(n, "failed")]) for n in (50, 100)])
    )

    half, whole = (float(rect.get("width", "")) for rect in root.iter("rect"))
    assert half * 2 == pytest.approx(whole, abs=0.2)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_estimates_stay_within_the_picture(value: float, margin: float, truth: float) -> None:
    """A margin that reaches below zero is cut off there."""
    drawn = intervals(
        "c", "t", [Interval(label="x", shown="y", value=value, margin=margin)], truth=truth
    )

    for line in parsed(drawn).iter("line"):
        assert 0 <= float(line.get("x1", "")) <= float(line.get("x2", "")) <= WIDTH


def test_a_legend_is_a_list() -> None:
    """Colours are explained in words."""
    root = parsed(legend([("failed", "a & b"), ("sampled", "c")]))

    assert ["".join(item.itertext()) for item in root] == ["a & b", "c"]
