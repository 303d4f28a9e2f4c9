import pytest

from bench.reporting.figures import Row, row
from bench.reporting.report import (
    Machine,
    beside_lines,
    cells,
    markdown,
    number,
    plain_table,
    spread_lines,
    ways_lines,
)

ABOUT = Machine(
    commit="abc123",
    cpu="Some CPU",
    cores=2,
    kernel="Linux 6 x86_64",
    date="2026-11-24 12:00 UTC",
    python="3.13.0",
    load=0.1,
    command="./build.sh bench",
)


def started() -> Row:
    return row(
        "start-up",
        "exec to register",
        "ms",
        {"floor": [9.0], "obvious": [150.0], "layer": [2.5], "layer, no bash": [11.0]},
        limit_ratio=1 / 3,
    )


def delivered() -> Row:
    measured = {"floor that keeps": [0.05], "layer": [7.0]}
    return row("latency", "to the sink", "ms", measured, limit=5.0, note="100 lines")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (0.1234, "0.123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1_280_000.0, "1,280,000"),
        (-12.34, "-12.3"),
    ],
)
def test_number_has_three_significant_digits(value: float, written: str) -> None:
    """Nobody reads more of a measurement."""
    assert number(value) == written


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (started(), "exec to register|≤ 0.33x floor|2.50 ms|9.00 ms|0.28x|150 ms|0.02x|yes"),
        (delivered(), "to the sink|≤ 5.00 ms|7.00 ms|0.0500 ms *|140.00x|||NO"),
        (
            row("start-up", "files opened", "", {"layer": [7.0], "floor": [18.0]}),
            "files opened||7|18|0.39x|||",
        ),
        (
            row("cost", "lines a second", "", {"layer": [1.0]}, limit=1_280_000.0, at_least=True),
            "lines a second|≥ 1,280,000|1|||||NO",
        ),
    ],
    ids=["met", "missed", "counted", "at least"],
)
def test_cells_show_a_row(shown: Row, expected: str) -> None:
    """Target, value, the others with the layer's ratio to them, and a miss in capitals; the rest is empty."""
    assert "|".join(cells(shown)) == expected


def test_beside_lines_compare_before_and_after() -> None:
    """Both were measured in turn; the ratio of the least is less disturbed by a busy machine."""
    compared = row(
        "cost", "CPU of a line", "us", {"layer": [1.0, 1.2, 3.0], "layer old.zip": [2.0, 4.0]}
    )

    assert beside_lines([compared, started()], "layer old.zip") == [
        ["", "before", "after", "ratio", "of the least"],
        ["cost: CPU of a line", "3.00 us", "1.20 us", "0.40x", "0.50x"],
    ]


def test_plain_table_aligns_its_columns() -> None:
    """Numbers end in the same column."""
    heading, first, second = plain_table([started(), delivered()]).splitlines()

    assert heading.index("layer") + len("layer") == first.index("2.50 ms") + len("2.50 ms")
    assert first.index("2.50 ms") == second.index("7.00 ms")


def test_ways_lines_have_a_line_for_each_way_to_start() -> None:
    """The table has no room for them."""
    assert ways_lines([started(), delivered()])[-1] == ["layer, no bash", "11.0 ms"]


def test_spread_lines_have_the_lowest_and_the_highest() -> None:
    """A column for each subject: a median of three passes alone tells little."""
    small = row("first", "done later by", "ms", {"layer": [30.0, 10.0, 20.0], "floor": [-1.0]})

    assert spread_lines([small, started()], topic="first") == [
        ["", "layer", "floor"],
        ["done later by, ms", "20.0 (10.0 to 30.0)", "-1.00"],
    ]
    assert spread_lines([started()], topic="first") == []
    assert "20.0 (10.0 to 30.0)" in markdown([small], ABOUT)


def test_markdown_has_the_conditions_and_the_notes() -> None:
    """A figure without its machine and date means nothing."""
    page = markdown([started(), delivered()], ABOUT)

    assert "Commit abc123; 2026-11-24 12:00 UTC; Some CPU, 2 cores; Linux 6 x86_64" in page
    assert "| exec to register | ≤ 0.33x floor | 2.50 ms |" in page
    assert "- to the sink: 100 lines." in page
    assert page.index("## start-up") < page.index("## latency")
