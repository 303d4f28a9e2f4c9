import pytest

from bench.reporting.figures import Row, row
from bench.reporting.report import Machine, cells, markdown, number, plain_table, target, ways_lines

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
def test_number_has_three_digits_that_count(value: float, written: str) -> None:
    """Nobody reads more than three digits of a measurement."""
    assert number(value) == written


def test_cells_of_a_row() -> None:
    """A line of the table: target, value, the others with the layer's ratio to them, and whether it is met."""
    assert cells(started()) == (
        "exec to register",
        "≤ 0.33x floor",
        "2.50 ms",
        "9.00 ms",
        "0.28x",
        "150 ms",
        "0.02x",
        "yes",
    )


def test_a_target_that_is_missed_stands_out() -> None:
    """What is missing is empty, the other floor has its star, and a miss is in capitals."""
    assert cells(delivered()) == (
        "to the sink",
        "≤ 5.00 ms",
        "7.00 ms",
        "0.0500 ms *",
        "140.00x",
        "",
        "",
        "NO",
    )


def test_target_of_at_least() -> None:
    """A rate has to be reached, not kept under."""
    wanted = Row(
        topic="cost",
        what="lines a second",
        unit="",
        values={"layer": 1.0},
        limit=1_280_000.0,
        at_least=True,
    )

    assert target(wanted) == "≥ 1,280,000"


def test_counts_are_whole() -> None:
    """Files and modules are counted, not measured."""
    counted = row("start-up", "files opened", "", {"layer": [7.0], "floor": [18.0]})

    assert cells(counted)[2:4] == ("7", "18")


def test_plain_table_is_aligned() -> None:
    """Numbers end in the same column."""
    heading, first, second = plain_table([started(), delivered()]).splitlines()

    assert heading.index("layer") + len("layer") == first.index("2.50 ms") + len("2.50 ms")
    assert first.index("2.50 ms") == second.index("7.00 ms")


def test_ways_lines_have_one_line_for_each_way_of_starting() -> None:
    """Ways that the table has no room for are told apart, with every figure of start-up."""
    assert ways_lines([started(), delivered()])[-1] == ["layer, no bash", "11.0 ms"]


def test_markdown_tells_the_conditions_and_the_notes() -> None:
    """The page says what was measured, where and when, and what to know about it."""
    page = markdown([started(), delivered()], ABOUT)

    assert "Commit abc123; 2026-11-24 12:00 UTC; Some CPU, 2 cores; Linux 6 x86_64" in page
    assert "| exec to register | ≤ 0.33x floor | 2.50 ms |" in page
    assert "- to the sink: 100 lines." in page
    assert page.index("## start-up") < page.index("## latency")
