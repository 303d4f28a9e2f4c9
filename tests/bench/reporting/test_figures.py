from typing import Any

import pytest

from bench.reporting.figures import row, series


def test_series_sums_up_measurements() -> None:
    """The p99 is a measured value, not one between two."""
    summed = series(float(value) for value in range(100, 0, -1))

    assert (summed.median, summed.minimum, summed.p99, summed.count) == (50.5, 1.0, 99.0, 100)
    one = series([3.0])
    assert (one.median, one.minimum, one.p99) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("values", "reference", "ratios"),
    [
        ({"floor that keeps": [2.0], "obvious": [6.0]}, "floor that keeps", (1.5, 0.5)),
        ({"floor": [2.0], "floor that keeps": [1.0]}, "floor", (1.5, None)),
        ({"floor": []}, "", (None, None)),
        ({"floor": [0.0]}, "floor", (None, None)),
        ({"floor": [-1.0]}, "floor", (None, None)),
    ],
    ids=[
        "the floor that can do it",
        "the bare floor first",
        "not measured",
        "no time at all",
        "earlier than alone",
    ],
)
def test_row_compares_the_layer_with_the_others(
    values: dict[str, list[float]], reference: str, ratios: tuple[float | None, float | None]
) -> None:
    """A program that cannot do the thing has no ratio, and no multiple of nothing says anything."""
    made = row("part", "it", "ms", {"layer": [3.0], **values})

    told = made.as_json()
    assert (told["reference"], told["ratio_to_floor"], told["ratio_to_obvious"]) == (
        reference,
        *ratios,
    )


@pytest.mark.parametrize(
    ("limits", "floor", "met"),
    [
        ({}, [2.0], None),
        ({"limit": 3.0}, [2.0], True),
        ({"limit": 2.9}, [2.0], False),
        ({"limit_ratio": 1.5}, [2.0], True),
        ({"limit_ratio": 1.4}, [2.0], False),
        ({"limit": 3.0, "limit_ratio": 1.4}, [2.0], False),
        ({"limit": 3.0, "at_least": True}, [2.0], True),
        ({"limit": 3.1, "at_least": True}, [2.0], False),
        ({"limit_ratio": 1.5}, [], None),
    ],
)
def test_row_meets_all_of_its_limits_or_none(
    limits: dict[str, Any], floor: list[float], met: bool | None
) -> None:
    """Without a limit, or without a floor for a ratio, there is nothing to meet."""
    assert row("part", "it", "ms", {"layer": [3.0], "floor": floor}, **limits).met is met


def test_series_refuses_no_measurements() -> None:
    """A measurement that did not take place must not look like one."""
    with pytest.raises(ValueError, match="no measurements"):
        series([])


def test_row_shows_medians_and_keeps_the_rest() -> None:
    """The table has medians; minimum and p99 go into the file."""
    made = row("part", "it", "ms", {"layer": [5.0, 1.0, 3.0], "floor": [2.0]})

    assert made.values == {"layer": 3.0, "floor": 2.0}
    assert made.as_json()["detail"]["layer"]["minimum"] == 1.0
