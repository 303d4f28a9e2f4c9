"""When one environment fetches its references, and when it puts them in force: made-up clocks, drawn moments."""

import random

import pytest
from hypothesis import given, strategies as st

from extension.config.refresh_schedule import (
    CALM_REFRESHES,
    FIRST_BASE_S,
    FIRST_CAP_S,
    MAX_STRIDE,
    REFRESH_BASE_S,
    RefreshSchedule,
)
from extension.model.receipt import Answer, Receipt

NOON_S = 1_800_000_000.0
INTERVAL_S = 300.0
DOWN = Receipt(Answer.UNAVAILABLE, "status 503")
THROTTLED = DOWN._replace(is_throttled=True)


class World:
    """A schedule, whose clock the test sets, and whose draws are all the same."""

    def __init__(self, draw: float = 0.5) -> None:
        self.now_s = NOON_S + 17.0
        self.draw = draw
        self.schedule = RefreshSchedule(interval_s=INTERVAL_S, random=lambda: self.draw)

    def wait_s(self) -> float:
        return self.schedule.wait_s(self.now_s)

    def fetch(self, *receipts: Receipt) -> float:
        """Go to where a fetch is due; fail with each receipt, then succeed. Return when to put the last in force."""
        for receipt in receipts:
            self.now_s += self.wait_s()
            self.schedule.begin(self.now_s)
            self.schedule.failed(self.now_s, receipt)
        self.now_s += self.wait_s()
        in_force_s = self.schedule.begin(self.now_s)
        self.schedule.settled(self.now_s)
        return in_force_s


def test_first_fetch_is_at_once_and_in_force_at_once() -> None:
    """An environment begins with what is in force now."""
    world = World()

    assert world.wait_s() == 0.0
    assert world.fetch() == 0.0


@given(draw=st.floats(0.0, 0.999999), start_s=st.floats(0.0, 299.0))
def test_refresh_is_fetched_in_the_interval_before_its_multiple(
    draw: float, start_s: float
) -> None:
    """Wherever the draw falls, and whenever the environment began; the multiples follow one another."""
    world = World(draw)
    world.now_s = NOON_S + start_s
    world.fetch()

    multiples = []
    for _ in range(3):
        multiple_s = world.fetch()
        assert multiple_s - INTERVAL_S <= world.now_s < multiple_s
        multiples.append(multiple_s)

    first_s = multiples[0] - NOON_S
    assert first_s in (INTERVAL_S, 2 * INTERVAL_S)
    assert multiples == [multiples[0] + number * INTERVAL_S for number in range(3)]


def test_environments_that_begin_together_spread_their_refreshes() -> None:
    """A fleet that scales up just before a multiple must not ask again in the seconds that are left."""
    drawn = random.Random(1)
    moments = []
    for _ in range(1000):
        schedule = RefreshSchedule(interval_s=INTERVAL_S, random=drawn.random)
        now_s = NOON_S + INTERVAL_S - 1.0
        schedule.begin(now_s)
        schedule.settled(now_s)
        moments.append(schedule.wait_s(now_s))

    by_minute = [sum(at // 60 == minute for at in moments) for minute in range(5)]
    assert min(by_minute) > 150
    assert max(by_minute) < 250


def test_fetch_behind_the_drawn_moment_serves_that_multiple() -> None:
    """What the first fetch brought is as new as what others have for the next multiple."""
    early, late = World(draw=0.01), World(draw=0.9)

    early.fetch()
    late.fetch()

    assert early.wait_s() == pytest.approx(INTERVAL_S * 1.01 - 17.0)
    assert late.wait_s() == pytest.approx(INTERVAL_S * 0.9 - 17.0)


def test_multiple_that_passed_in_a_freeze_is_fetched_at_once() -> None:
    """And put in force when it is there; the next refresh is the next multiple's."""
    world = World()
    world.fetch()
    world.now_s = NOON_S + 10 * INTERVAL_S + 3.0

    assert world.wait_s() == 0.0
    assert world.fetch() == 0.0
    assert world.fetch() == NOON_S + 11 * INTERVAL_S


def test_freeze_from_before_the_moment_to_before_the_multiple_changes_nothing() -> None:
    """The environment fetches when it thaws, and applies with the others."""
    world = World()
    world.fetch()
    world.now_s = NOON_S + INTERVAL_S - 1.0

    assert world.fetch() == NOON_S + INTERVAL_S


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_pauses_of_the_first_fetch_grow_to_a_bound(draw: float) -> None:
    """Fully random: from nothing to twice as much each time."""
    world = World(draw)
    pauses = []
    for _ in range(40):
        world.schedule.begin(world.now_s)
        world.schedule.failed(world.now_s, DOWN)
        pauses.append(world.wait_s())
        world.now_s += pauses[-1]

    expected = [draw * min(FIRST_CAP_S, FIRST_BASE_S * 2**number) for number in range(40)]
    assert pauses == pytest.approx(expected, abs=1e-5)


def test_pauses_of_a_refresh_grow_to_the_interval() -> None:
    """Nobody waits for it."""
    world = World(draw=0.9)
    world.fetch()
    pauses = []
    for _ in range(12):
        world.now_s += world.wait_s()
        world.schedule.begin(world.now_s)
        world.schedule.failed(world.now_s, DOWN)
        pauses.append(world.wait_s())

    expected = [0.9 * min(INTERVAL_S, REFRESH_BASE_S * 2**number) for number in range(12)]
    assert pauses == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("asked_s", "pause_s"), [(20.0, 30.0), (0.1, 0.25), (1e9, 90.0)])
def test_asked_pause_is_obeyed_with_jitter(asked_s: float, pause_s: float) -> None:
    """All who are told the same must not come back together. The bound holds for what is asked too."""
    world = World()
    world.schedule.begin(world.now_s)

    world.schedule.failed(world.now_s, DOWN._replace(retry_after_s=asked_s))

    assert world.wait_s() == pytest.approx(pause_s)


def test_refresh_that_is_not_fetched_goes_over_to_the_next_multiple() -> None:
    """It stays one refresh: the next multiple has no other beside it."""
    world = World()
    world.fetch()
    world.now_s += world.wait_s()
    world.schedule.begin(world.now_s)
    world.schedule.failed(world.now_s, DOWN._replace(retry_after_s=200.0))

    assert world.fetch() == NOON_S + 2 * INTERVAL_S
    assert NOON_S + INTERVAL_S < world.now_s < NOON_S + 2 * INTERVAL_S
    assert world.fetch() == NOON_S + 3 * INTERVAL_S


def test_refresh_that_failed_before_a_freeze_is_put_in_force_at_once() -> None:
    """Others have had newer values for long."""
    world = World()
    world.fetch()
    world.now_s += world.wait_s()
    world.schedule.begin(world.now_s)
    world.schedule.failed(world.now_s, DOWN)
    world.now_s += 10 * INTERVAL_S

    assert world.fetch() == 0.0


def test_throttled_environment_leaves_out_multiples() -> None:
    """Every second one, then every fourth, and no fewer."""
    world = World(draw=0.999)
    world.fetch()
    strides = []
    for _ in range(4):
        world.fetch(THROTTLED, THROTTLED)
        strides.append(world.schedule.stride)

    first_s = world.fetch()
    second_s = world.fetch()

    assert strides == [2, 4, MAX_STRIDE, MAX_STRIDE]
    assert second_s - first_s == MAX_STRIDE * INTERVAL_S
    assert second_s - INTERVAL_S <= world.now_s < second_s


def test_environments_throttled_together_leave_out_different_multiples() -> None:
    """Otherwise they would be throttled together again."""
    drawn = random.Random(1)
    multiples = []
    for _ in range(1000):
        schedule = RefreshSchedule(interval_s=INTERVAL_S, random=drawn.random)
        now_s = NOON_S + 17.0
        schedule.begin(now_s)
        schedule.settled(now_s)
        now_s += schedule.wait_s(now_s)
        throttled_s = schedule.begin(now_s)
        schedule.failed(now_s, THROTTLED._replace(retry_after_s=0.0))
        schedule.settled(now_s)
        now_s += schedule.wait_s(now_s)
        multiples.append(int((schedule.begin(now_s) - throttled_s) / INTERVAL_S))

    assert 400 < multiples.count(1) < 600
    assert multiples.count(1) + multiples.count(2) == 1000


def test_calm_brings_every_multiple_back_step_by_step() -> None:
    """Without throttling an environment asks twice as often after so many refreshes. An outage is no throttling."""
    world = World()
    world.fetch()
    world.fetch(THROTTLED)
    world.fetch(THROTTLED)
    strides = []
    for _ in range(2 * CALM_REFRESHES):
        strides.append(world.schedule.stride)
        world.fetch(DOWN)

    assert strides == [4] * CALM_REFRESHES + [2] * CALM_REFRESHES
    assert world.schedule.stride == 1


def test_throttled_first_fetch_leaves_out_nothing() -> None:
    """A function that scales up from nothing is no steady load."""
    world = World()

    world.fetch(THROTTLED, THROTTLED)

    assert world.schedule.stride == 1


@pytest.mark.parametrize("back_s", [1.0, INTERVAL_S, 86_400.0])
def test_clock_that_is_set_back_delays_no_refresh_by_more_than_the_multiples_left_out(
    back_s: float,
) -> None:
    """Whatever the clock does, the wait is bounded."""
    world = World()
    world.fetch()
    world.now_s -= back_s

    assert world.wait_s() <= 2 * INTERVAL_S
    assert world.fetch() <= world.now_s + 2 * INTERVAL_S


def test_copy_of_a_snapshot_begins_anew() -> None:
    """The snapshot may be months old, or of a moment ago."""
    world = World()
    world.fetch()

    world.schedule.restart()

    assert world.wait_s() == 0.0
    assert world.fetch() == 0.0


def test_interval_that_changes_counts_from_then_on() -> None:
    """REFRESH_INTERVAL may be a reference too. The pause of a fetch that failed stays as it is."""
    world = World()
    world.fetch()
    world.schedule.change_interval(60.0, world.now_s)
    first_s = world.fetch()
    world.now_s += world.wait_s()
    world.schedule.begin(world.now_s)
    world.schedule.failed(world.now_s, DOWN)
    before_s = world.wait_s()

    world.schedule.change_interval(600.0, world.now_s)

    assert first_s == NOON_S + 60.0
    assert world.wait_s() == before_s
