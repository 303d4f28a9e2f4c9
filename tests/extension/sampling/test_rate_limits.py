"""How many invocations are kept at least, and at most."""

from hypothesis import given, strategies as st

from extension.config.parsers import Pace
from extension.sampling.rate_limits import Ceiling, Floor

MINUTE_MS = 60_000


def test_floor_is_due_at_its_pace() -> None:
    """At first, and then once in each interval since the last that was kept."""
    floor = Floor(Pace(2, MINUTE_MS))
    due = [floor.is_due(1000)]

    floor.kept(1000)
    due += [floor.is_due(at_ms) for at_ms in (1000, 30_999, 31_000, 90_000)]

    assert due == [True, False, False, True, True]


def test_floor_survives_a_clock_that_is_set_back() -> None:
    """Lambda's clock may jump; the floor then counts from where it is."""
    floor = Floor(Pace(1, MINUTE_MS))

    floor.kept(10_000_000)

    assert floor.is_due(1000)


def test_ceiling_admits_as_many_as_its_pace_at_once() -> None:
    """A burst is whole up to the bound, and the next is not."""
    ceiling = Ceiling(Pace(3, MINUTE_MS))

    assert [ceiling.admits(0) for _ in range(5)] == [True, True, True, False, False]


def test_ceiling_recovers_by_itself() -> None:
    """One for each interval that passes, and no more than its pace however long it is quiet."""
    ceiling = Ceiling(Pace(3, MINUTE_MS))
    for _ in range(4):
        ceiling.admits(0)

    after = [ceiling.admits(at_ms) for at_ms in (19_000, 20_000, 20_001)]
    later = [ceiling.admits(100 * MINUTE_MS) for _ in range(4)]

    assert after == [False, True, False]
    assert later == [True, True, True, False]


@given(st.lists(st.integers(-MINUTE_MS, MINUTE_MS), max_size=200), st.integers(1, 10))
def test_ceiling_lets_no_more_pass_when_the_clock_jumps(steps: list[int], count: int) -> None:
    """At most its pace at once, and one for each interval that really passed."""
    ceiling = Ceiling(Pace(count, MINUTE_MS))
    now_ms = forward_ms = admitted = 0

    for step in steps:
        now_ms += step
        forward_ms += max(step, 0)
        admitted += ceiling.admits(now_ms)

    assert admitted <= count + forward_ms * count / MINUTE_MS
