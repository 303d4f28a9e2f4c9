"""Reasons to keep what is healthy, each by itself."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.config.parsers import Pace
from extension.config.settings import read_settings
from extension.sampling.policies import (
    ColdStart,
    ExtensionFailed,
    InitRestarted,
    LogsDropped,
    Marked,
    Memory,
    Policy,
    Signs,
    Slow,
    policies_of,
)
from extension.sampling.rate_limits import Ceiling, Floor

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("rule", "speaks", "keeps_silent"),
    [
        (Marked(), {"is_marked": True}, {}),
        (InitRestarted(), {"init_restarted": True}, {}),
        (LogsDropped(), {"logs_dropped": True}, {}),
        (ExtensionFailed(), {"extension_failed": True}, {}),
        (ColdStart(), {"is_first": True}, {}),
        (Slow(800), {"duration_ms": 800.1}, {"duration_ms": 800.0}),
        (Memory(0.9), {"memory_share": 0.91}, {"memory_share": 0.9}),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_a_rule_speaks_of_its_own_sign_alone(
    rule: Policy, speaks: dict[str, Any], keeps_silent: dict[str, Any]
) -> None:
    """It speaks where its sign is there, and nowhere else."""
    others = Signs(
        duration_ms=1e6,
        memory_share=1.0,
        is_first=True,
        is_marked=True,
        init_restarted=True,
        logs_dropped=True,
        extension_failed=True,
    )
    for name in speaks:
        setattr(others, name, getattr(Signs(), name))

    assert rule.speaks(Signs(**speaks))
    assert not rule.speaks(Signs(**keeps_silent))
    assert not rule.speaks(others)


@pytest.mark.parametrize(
    ("rule", "known"), [(Slow(800), {"duration_ms": 1.0}), (Memory(0.9), {"memory_share": 0.1})]
)
def test_a_rule_waits_for_what_it_speaks_of(rule: Policy, known: dict[str, Any]) -> None:
    """The draw is not made before it is known, since the rule is asked first."""
    assert rule.waits(Signs())
    assert not rule.waits(Signs(**known))
    assert not ColdStart().waits(Signs())


def names(**values: str) -> list[str]:
    environ = {f"FLIGHT_RECORDER_{name}": value for name, value in values.items()}
    return [rule.name for rule in policies_of(read_settings(environ)[0])]


def test_some_rules_are_always_there() -> None:
    """What Lambda says went wrong around an invocation is seldom, and wanted."""
    assert names() == ["init-restarted", "logs-dropped", "extension-failed"]


def test_settings_bring_rules_in_the_order_of_the_readme() -> None:
    """The first that speaks is the reason, so the order is a promise."""
    assert names(
        KEEP_MEMORY_ABOVE="90%",
        KEEP_SLOWER_THAN="1s",
        KEEP_COLD_STARTS="true",
        KEEP_MARKER="keep-me",
    ) == [
        "marker",
        "init-restarted",
        "logs-dropped",
        "extension-failed",
        "cold-start",
        "slow",
        "memory",
    ]


# Paces --------------------------------------------------------------------------------------------------------------


def test_the_floor_is_due_at_its_pace() -> None:
    """At first, and then once in each interval since the last that was kept."""
    floor = Floor()
    floor.apply(Pace(2, MINUTE_MS))
    due = [floor.is_due(1000)]

    floor.kept(1000)
    due += [floor.is_due(at_ms) for at_ms in (1000, 30_999, 31_000, 90_000)]

    assert due == [True, False, False, True, True]


def test_a_clock_that_is_set_back_does_not_blind_the_floor() -> None:
    """Lambda's clock may jump; the floor then counts from where it is."""
    floor = Floor()
    floor.apply(Pace(1, MINUTE_MS))

    floor.kept(10_000_000)

    assert floor.is_due(1000)


def test_without_a_pace_there_is_no_floor() -> None:
    """And one that is set later begins at once, while the same one again changes nothing."""
    floor = Floor()
    due = [floor.is_due(0)]
    floor.apply(Pace(1, MINUTE_MS))
    due.append(floor.is_due(0))
    floor.kept(0)
    floor.apply(Pace(1, MINUTE_MS))
    due.append(floor.is_due(0))

    assert due == [False, True, False]


def test_the_ceiling_admits_as_many_as_its_pace_at_once() -> None:
    """A burst is whole up to the bound, and the next is not."""
    ceiling = Ceiling(Pace(3, MINUTE_MS))

    assert [ceiling.admits(0) for _ in range(5)] == [True, True, True, False, False]


def test_the_ceiling_recovers_by_itself() -> None:
    """One for each interval that passes, and no more than its pace however long it is quiet."""
    ceiling = Ceiling(Pace(3, MINUTE_MS))
    for _ in range(4):
        ceiling.admits(0)

    after = [ceiling.admits(at_ms) for at_ms in (19_000, 20_000, 20_001)]
    later = [ceiling.admits(100 * MINUTE_MS) for _ in range(4)]

    assert after == [False, True, False]
    assert later == [True, True, True, False]


@given(st.lists(st.integers(-MINUTE_MS, MINUTE_MS), max_size=200), st.integers(1, 10))
def test_no_jump_of_the_clock_lets_more_pass(steps: list[int], count: int) -> None:
    """At most its pace at once, and one for each interval that really passed."""
    ceiling = Ceiling(Pace(count, MINUTE_MS))
    now_ms = forward_ms = admitted = 0

    for step in steps:
        now_ms += step
        forward_ms += max(step, 0)
        admitted += ceiling.admits(now_ms)

    assert admitted <= count + forward_ms * count / MINUTE_MS
