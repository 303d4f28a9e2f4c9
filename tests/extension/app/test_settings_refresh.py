"""When settings that are references are fetched, and how the result reaches the main loop."""

import os
import select
import threading
from collections.abc import Callable, Iterator

import pytest

from extension.app.settings_refresh import SettingsRefresh
from extension.config.references import Fetched, References

NOON_S = 1_800_000_000.0
INTERVAL_S = 300.0
WAIT_S = 10.0


class ScriptedReferences(References):
    """Counts fetches; each waits until the test releases it."""

    def __init__(self) -> None:
        super().__init__({"FLIGHT_RECORDER_A": "ssm:/a"}, fetch=lambda *_, **__: ({}, {}))
        self.starts = 0
        self.released = threading.Semaphore(0)
        self.result: Callable[[], Fetched] = lambda: Fetched({"V": str(self.starts)}, [])

    def fetch(self, *, timeout_s: float = 1.0) -> Fetched:
        self.starts += 1
        assert self.released.acquire(timeout=WAIT_S)
        return self.result()


class World:
    """A refresh whose clock the test sets."""

    def __init__(self) -> None:
        self.now_s = NOON_S + 17.0
        self.references = ScriptedReferences()
        self.applied: list[Fetched] = []
        self.refresh = SettingsRefresh(
            self.references,
            interval_s=INTERVAL_S,
            apply=self.applied.append,
            wall_s=lambda: self.now_s,
        )

    def collect(self) -> None:
        """Wait for the end of the fetch that is under way, and apply it."""
        self.references.released.release()
        select.select([self.refresh.descriptor], [], [], WAIT_S)
        assert self.refresh.attend(self.refresh.descriptor)

    def fetch(self) -> None:
        self.refresh.check()
        self.collect()


def test_age_is_that_of_the_last_whole_fetch(world: World) -> None:
    """None before there was one; a fetch with a problem does not make settings new."""
    before = world.refresh.age_s()
    world.fetch()
    world.now_s += INTERVAL_S
    old_s = world.refresh.age_s()
    world.references.result = lambda: Fetched({}, [("FLIGHT_RECORDER_A", "denied")])
    world.fetch()
    failed_s = world.refresh.age_s()
    world.references.result = lambda: Fetched({"V": "2"}, [])
    world.now_s += INTERVAL_S
    world.fetch()

    assert before is None
    assert (old_s, failed_s, world.refresh.age_s()) == (INTERVAL_S, INTERVAL_S, 0.0)


def threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "references"]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.references.released.release()
    for thread in threads():
        thread.join(WAIT_S)
    assert not threads()


def test_refresh_fetches_at_once(world: World) -> None:
    """An environment begins with the values in force now, and applies them when they have come."""
    assert world.refresh.wait_s() == 0.0

    world.fetch()

    assert [one.values for one in world.applied] == [{"V": "1"}]


def test_refresh_fetches_again_at_a_multiple_of_the_interval(world: World) -> None:
    """All environments change together, whenever they began."""
    world.fetch()

    assert world.refresh.wait_s() == INTERVAL_S - 17.0
    world.now_s = NOON_S + INTERVAL_S - 0.1
    world.refresh.check()
    before = world.references.starts
    world.now_s = NOON_S + INTERVAL_S
    world.fetch()

    assert (before, world.references.starts) == (1, 2)


def test_refresh_runs_one_fetch_at_a_time(world: World) -> None:
    """A fetch that takes longer than an interval is waited for, and the main loop goes on meanwhile."""
    world.refresh.check()
    world.now_s += 2 * INTERVAL_S
    world.refresh.check()
    early = world.refresh.attend(world.refresh.descriptor)
    applied = list(world.applied)
    world.collect()

    assert (early, applied, len(world.applied)) == (True, [], 1)
    assert world.references.starts == 1
    assert world.refresh.attend(world.refresh.descriptor)
    assert len(world.applied) == 1


def test_refresh_fetches_anew_when_told(world: World) -> None:
    """A copy of a snapshot may begin months after the values were fetched, or within the interval."""
    world.fetch()

    world.refresh.fetch_anew()
    world.fetch()

    assert [one.values for one in world.applied] == [{"V": "1"}, {"V": "2"}]


def test_refresh_ignores_a_fetch_from_before_it_was_told(world: World) -> None:
    """The snapshot was taken amid a fetch: its answer is the snapshot's, and the next one is today's."""
    world.refresh.check()

    world.refresh.fetch_anew()
    world.collect()
    before = list(world.applied)
    world.fetch()

    assert before == []
    assert [one.values for one in world.applied] == [{"V": "2"}]


def test_refresh_fetches_once_after_a_long_freeze(world: World) -> None:
    """Fetches that an environment missed while it was frozen are not made up for."""
    world.fetch()
    world.now_s += 3600.0

    world.fetch()
    world.refresh.check()

    assert world.references.starts == 2


def test_refresh_survives_a_clock_that_is_set_back(world: World) -> None:
    """At most one interval lies between two fetches, whatever the clock does."""
    world.fetch()
    world.now_s -= 86_400.0

    world.fetch()

    assert world.references.starts == 2
    assert world.refresh.wait_s() <= INTERVAL_S


def test_refresh_ignores_other_descriptors(world: World) -> None:
    """The main loop polls several."""
    other, end = os.pipe()

    assert not world.refresh.attend(other)
    os.close(other)
    os.close(end)


def test_refresh_reports_an_error_of_our_own_by_its_type(world: World) -> None:
    """The settings stay, and the words of the error, which may hold a secret, are not told."""

    def broken() -> Fetched:
        raise ZeroDivisionError("very secret")

    world.references.result = broken

    world.fetch()

    problem = ("FLIGHT_RECORDER_A", "internal error: ZeroDivisionError")
    assert world.applied == [Fetched({}, [problem])]


def test_refresh_reports_that_no_thread_can_be_started(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment whose threads are all in use keeps its settings, and tries again later."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        world.fetch()
    world.now_s += INTERVAL_S
    world.fetch()

    problem = ("FLIGHT_RECORDER_A", "no thread can be started")
    assert world.applied == [Fetched({}, [problem]), Fetched({"V": "1"}, [])]
