from typing import Any

import pytest

from bench.reporting.figures import Row, row, series


def test_series_sums_up_what_was_measured() -> None:
    """The p99 is a value that was measured, not one between two."""
    summed = series(float(value) for value in range(100, 0, -1))

    assert (summed.median, summed.minimum, summed.p99, summed.count) == (50.5, 1.0, 99.0, 100)


def test_series_of_one() -> None:
    """One measurement is its own median, minimum and p99."""
    summed = series([3.0])

    assert (summed.median, summed.minimum, summed.p99) == (3.0, 3.0, 3.0)


def test_series_of_nothing_is_refused() -> None:
    """A measurement that did not take place must not look like one."""
    with pytest.raises(ValueError, match="no measurements"):
        series([])


def test_row_shows_medians_and_keeps_the_rest() -> None:
    """The table has medians; minimum and p99 go into the file."""
    made = row("part", "it", "ms", {"layer": [5.0, 1.0, 3.0], "floor": [2.0]})

    assert made.values == {"layer": 3.0, "floor": 2.0}
    assert made.as_json()["detail"]["layer"]["minimum"] == 1.0


def test_row_leaves_out_who_was_not_measured() -> None:
    """A program that cannot do the thing has no value, and no ratio."""
    made = row("part", "it", "ms", {"layer": [3.0], "floor": []})

    assert made.reference == ""
    assert made.ratio_to("floor") is None


def test_row_stands_beside_the_floor_that_can_do_it() -> None:
    """Where the bare floor cannot deliver, the one that keeps is the reference."""
    made = row("part", "it", "ms", {"layer": [3.0], "floor that keeps": [2.0], "obvious": [6.0]})

    assert made.reference == "floor that keeps"
    assert made.as_json()["ratio_to_floor"] == 1.5
    assert made.as_json()["ratio_to_obvious"] == 0.5


def test_ratio_to_nothing_is_none() -> None:
    """Where the floor takes no time at all, no multiple of it says anything."""
    made = row("part", "it", "ms", {"layer": [3.0], "floor": [0.0]})

    assert made.ratio_to("floor") is None


@pytest.mark.parametrize(
    ("limits", "met"),
    [
        ({}, None),
        ({"limit": 3.0}, True),
        ({"limit": 2.9}, False),
        ({"limit_ratio": 1.5}, True),
        ({"limit_ratio": 1.4}, False),
        ({"limit": 3.0, "limit_ratio": 1.4}, False),
        ({"limit": 3.0, "at_least": True}, True),
        ({"limit": 3.1, "at_least": True}, False),
    ],
)
def test_met(limits: dict[str, Any], met: bool | None) -> None:
    """A row meets all of its limits or does not meet them; without any there is nothing to meet."""
    made = row("part", "it", "ms", {"layer": [3.0], "floor": [2.0]}, **limits)

    assert made.met is met


def test_a_ratio_that_cannot_be_told_is_not_held_against_it() -> None:
    """Without a floor a limit in its multiples says nothing."""
    made = Row(topic="part", what="it", unit="ms", values={"layer": 3.0}, limit_ratio=1.5)

    assert made.met is None
