from __future__ import annotations

from prove.plan.ways import FAILING, WAYS, Told, told_to, ways_of


def test_healthy_invocations_stand_around_each_failure() -> None:
    """So that every failure is followed by an invocation that brings what its environment still has."""
    ways = ways_of("0", FAILING)

    assert ways[0::2] == ("healthy",) * 6
    assert ways[1::2] == FAILING
    assert set(ways_of("1", FAILING)) == {"healthy"}


def test_no_two_lines_of_a_run_are_the_same() -> None:
    told = [one for name in ("f-1", "f-11") for one in told_to(name, ways_of("0", FAILING))]
    lines = [line for one in told for line in one.lines]

    assert len(set(lines)) == len(lines) == 2 * (11 * 40 + 1)


def test_event_names_what_the_lines_are_made_of() -> None:
    told = Told("f", 3, WAYS["error-line"], 2)

    assert told.event == {"stem": told.stem, "count": 2, "way": "error-line", "label": "f #3"}
    assert told.lines == (
        f"{told.stem} line 1 of 2",
        f"{told.stem} line 2 of 2",
        f"{told.stem} error line",
    )
