"""When settings that are references are fetched, and what comes of it."""

import os

import pytest

from extension.app.settings_refresh import Refresher, Renewal
from extension.config.references import Fetched, References

NOON_S = 1_800_000_000.0
INTERVAL_S = 300.0


class CountingRefresher(Refresher):
    """Fetches nothing; notes when it was asked to."""

    def __init__(self) -> None:
        super().__init__(References({}, random=lambda: 0.0))
        self.starts = 0

    def start_fetch(self) -> None:
        self.starts += 1
        self.busy = True

    def bring(self, fetched: Fetched) -> None:
        self._settle(fetched)


class World:
    """A renewal whose clock is set by hand."""

    def __init__(self) -> None:
        self.now_s = NOON_S + 17.0
        self.refresher = CountingRefresher()
        self.applied: list[Fetched] = []
        self.renewal = Renewal(
            self.refresher,
            interval_s=INTERVAL_S,
            apply=self.applied.append,
            wall_s=lambda: self.now_s,
        )

    def fetch(self) -> None:
        """Goes through one fetch."""
        self.renewal.check()
        self.refresher.bring(Fetched({"V": f"{self.now_s}"}, []))
        assert self.renewal.attend(self.renewal.descriptor)


@pytest.fixture
def world() -> World:
    return World()


def test_the_first_fetch_is_at_once(world: World) -> None:
    """An environment begins with what is in force now, and applies it when it has come."""
    assert world.renewal.wait_s() == 0.0

    world.fetch()

    assert [one.values for one in world.applied] == [{"V": f"{world.now_s}"}]


def test_the_next_is_at_a_multiple_of_the_interval_on_the_clock(world: World) -> None:
    """So all environments change together, whenever they began."""
    world.fetch()

    assert world.renewal.wait_s() == INTERVAL_S - 17.0
    world.now_s = NOON_S + INTERVAL_S - 0.1
    world.renewal.check()
    before = world.refresher.starts
    world.now_s = NOON_S + INTERVAL_S
    world.renewal.check()

    assert (before, world.refresher.starts) == (1, 2)


def test_one_fetch_at_a_time(world: World) -> None:
    """A fetch that takes longer than an interval is waited for."""
    world.renewal.check()
    world.now_s += 2 * INTERVAL_S
    world.renewal.check()

    assert world.refresher.starts == 1


def test_after_a_long_freeze_there_is_one_fetch(world: World) -> None:
    """What was missed meanwhile is not made up for."""
    world.fetch()
    world.now_s += 3600.0

    world.fetch()
    world.renewal.check()

    assert world.refresher.starts == 2


def test_a_clock_that_is_set_back_does_not_put_the_next_fetch_off(world: World) -> None:
    """At most one interval lies between two fetches, whatever the clock does."""
    world.fetch()
    world.now_s -= 86_400.0

    world.fetch()

    assert world.refresher.starts == 2
    assert world.renewal.wait_s() <= INTERVAL_S


def test_another_descriptor_is_none_of_its_business(world: World) -> None:
    """The main loop polls several."""
    other, end = os.pipe()

    assert not world.renewal.attend(other)
    os.close(other)
    os.close(end)


def test_an_early_wake_up_applies_nothing(world: World) -> None:
    """The descriptor is looked at, and nothing has come."""
    assert world.renewal.attend(world.renewal.descriptor)
    assert world.applied == []
