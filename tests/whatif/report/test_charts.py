from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from whatif.report.charts import WIDTH, Bar, Interval, bars, fits, intervals, legend


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
    """Values and labels may be anything; the chart is well-formed and has a description."""
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


def test_bars_are_in_proportion() -> None:
    """The longest one has all the room."""
    root = parsed(
        bars("c", "t", [Bar(label=str(n), shown="", parts=[(n, "failed")]) for n in (50, 100)])
    )

    half, whole = (float(rect.get("width", "")) for rect in root.iter("rect"))
    assert half * 2 == pytest.approx(whole, abs=0.2)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_intervals_stay_within_the_picture(value: float, margin: float, truth: float) -> None:
    """A margin below zero is cut off there."""
    drawn = intervals(
        "c", "t", [Interval(label="x", shown="y", value=value, margin=margin)], truth=truth
    )

    for line in parsed(drawn).iter("line"):
        assert 0 <= float(line.get("x1", "")) <= float(line.get("x2", "")) <= WIDTH


LONG = "SAMPLE_RATE=0.123456 CORRELATION_FIELDS=order_id,customer_id,x-correlation-id HISTORY=2"


def texts(root: ET.Element) -> list[list[str]]:
    return [[part.text or "" for part in one.iter("tspan")] for one in root.iter("text")]


def test_bars_wrap_a_long_label_at_its_blanks() -> None:
    """All of it is there, line by line, above the bar."""
    root = parsed(bars("c", "t", [Bar(label=LONG, shown="7", parts=[(1, "failed")])]))

    lines = next(part for part in texts(root) if part)
    assert len(lines) > 1
    assert "".join(lines).replace(" ", "") == LONG.replace(" ", "")
    assert lines[0] == "SAMPLE_RATE=0.123456"
    ys = [float(part.get("y", "")) for part in root.iter("tspan")]
    (bar,) = root.iter("rect")
    assert ys == sorted(set(ys))
    assert float(bar.get("y", "")) > ys[-1]


def test_charts_cut_a_label_of_a_thousand_letters() -> None:
    """The tooltip has the whole label, and the figure of an estimate is never cut."""
    label = "x" * 1000
    bar = Bar(label=label, shown="7", parts=[(1, "failed")])
    estimate = Interval(label=label, shown="25 +- 26", value=25, margin=26)

    drawn = parsed(bars("c", "t", [bar]))
    estimates = parsed(intervals("c", "t", [estimate], truth=24))

    assert (fits(label), fits(LONG)) == (False, True)
    assert drawn.findtext("text/title") == label
    assert texts(drawn)[0][-1].endswith("\N{HORIZONTAL ELLIPSIS}")
    assert texts(estimates)[0][-1] == "25 +- 26"


def test_bars_do_not_overlap() -> None:
    """A row of several lines moves those below it down."""
    root = parsed(
        bars("c", "t", [Bar(label=one, shown="1", parts=[(1, "failed")]) for one in (LONG, "b")])
    )

    first, second = (float(rect.get("y", "")) for rect in root.iter("rect"))
    label = [float(part.get("y", "")) for part in root.iter("tspan")][-1]
    assert first < label < second < float(root.get("viewBox", "").split()[-1])


def test_legend_is_a_list() -> None:
    """Colours are explained in words."""
    root = parsed(legend([("failed", "a & b"), ("sampled", "c")]))

    assert ["".join(item.itertext()) for item in root] == ["a & b", "c"]
