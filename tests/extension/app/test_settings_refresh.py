"""How fetches of settings run, and how their results reach the main loop; the moments are the schedule's."""

import os
import select
import threading
from collections.abc import Callable, Iterator

import pytest

from extension.app.settings_refresh import SettingsRefresh
from extension.config.references import Fetched, References
from extension.config.refresh_schedule import FIRST_BASE_S, REFRESH_BASE_S
from extension.model.receipt import Answer, Receipt

NOON_S = 1_800_000_000.0
INTERVAL_S = 300.0
WAIT_S = 10.0


DOWN = Receipt(Answer.UNAVAILABLE, "status 503")
PROBLEM = ("FLIGHT_RECORDER_A", "why")


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
    """A refresh whose clock the test sets, and whose draws fall in the middle."""

    def __init__(self) -> None:
        self.now_s = NOON_S + 17.0
        self.references = ScriptedReferences()
        self.applied: list[Fetched] = []
        self.refresh = SettingsRefresh(
            self.references,
            interval_s=INTERVAL_S,
            apply=self.applied.append,
            random=lambda: 0.5,
            wall_s=lambda: self.now_s,
        )

    @property
    def values(self) -> list[str]:
        return [one.values["V"] for one in self.applied]

    def collect(self) -> None:
        """Wait for the end of the fetch that is under way, and take its result."""
        self.references.released.release()
        select.select([self.refresh.descriptor], [], [], WAIT_S)
        assert self.refresh.attend(self.refresh.descriptor)

    def fetch(self) -> None:
        self.refresh.check()
        self.collect()

    def go_on(self) -> None:
        """Let the time pass that the main loop would wait."""
        self.now_s += self.refresh.wait_s()


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

    assert world.values == ["1"]


def test_refresh_fetches_before_a_multiple_and_applies_at_it(world: World) -> None:
    """All environments change together, whenever each has fetched."""
    world.fetch()

    world.go_on()
    fetched_s = world.now_s
    world.fetch()
    world.refresh.check()
    before = list(world.values)
    world.go_on()
    applied_s = world.now_s
    world.refresh.check()

    assert (fetched_s, applied_s) == (NOON_S + INTERVAL_S / 2, NOON_S + INTERVAL_S)
    assert (before, world.values) == (["1"], ["1", "2"])
    assert world.refresh.wait_s() == INTERVAL_S / 2
    assert world.references.starts == 2


def test_fetch_that_ends_behind_its_multiple_is_applied_when_it_ends(world: World) -> None:
    """It began before, and the environment may have been frozen meanwhile."""
    world.fetch()
    world.go_on()
    world.refresh.check()
    world.now_s = NOON_S + INTERVAL_S + 2.0
    world.collect()

    assert world.values == ["1", "2"]


def test_refresh_is_tried_again_until_it_is_fetched(world: World) -> None:
    """What an attempt has brought replaces what the one before it has; at the multiple the last one counts."""
    world.fetch()
    world.go_on()
    world.references.result = lambda: Fetched({"V": "partly"}, [PROBLEM], again=DOWN)
    world.fetch()
    pauses = [world.refresh.wait_s()]
    world.go_on()
    world.fetch()
    pauses.append(world.refresh.wait_s())
    world.go_on()
    world.references.result = lambda: Fetched({"V": "whole"}, [])
    world.fetch()
    world.go_on()
    world.refresh.check()

    assert pauses == [REFRESH_BASE_S / 2, REFRESH_BASE_S]
    assert world.now_s == NOON_S + INTERVAL_S
    assert world.values == ["1", "whole"]


def test_refresh_that_is_not_fetched_in_time_applies_what_it_has_at_the_multiple(
    world: World,
) -> None:
    """The rest goes over to the next one, and not before the pause is over."""
    world.fetch()
    world.go_on()
    asked = DOWN._replace(retry_after_s=200.0)
    world.references.result = lambda: Fetched({"V": "partly"}, [PROBLEM], again=asked)
    world.fetch()
    world.go_on()
    world.refresh.check()
    at_multiple = (world.now_s, list(world.values), world.references.starts)
    world.references.result = lambda: Fetched({"V": "whole"}, [])
    world.go_on()
    world.fetch()
    world.go_on()
    world.refresh.check()

    assert at_multiple == (NOON_S + INTERVAL_S, ["1", "partly"], 2)
    assert (world.now_s, world.values[2:]) == (NOON_S + 2 * INTERVAL_S, ["whole"])


def test_first_fetch_is_tried_again_soon_and_applies_what_it_has(world: World) -> None:
    """Deliveries may wait for the rest."""
    world.references.result = lambda: Fetched({"V": "partly"}, [PROBLEM], again=DOWN)

    world.fetch()

    assert world.values == ["partly"]
    assert world.refresh.wait_s() == FIRST_BASE_S / 2


def test_denial_is_not_repeated_before_the_next_multiple(world: World) -> None:
    """Somebody has to change something first."""
    world.references.result = lambda: Fetched({"V": "1"}, [PROBLEM])

    world.fetch()

    assert world.refresh.wait_s() == INTERVAL_S / 2 - 17.0


def test_refresh_runs_one_fetch_at_a_time(world: World) -> None:
    """A fetch that takes longer than an interval is waited for, and the main loop goes on meanwhile."""
    world.refresh.check()
    world.now_s += 2 * INTERVAL_S
    world.refresh.check()
    wait_s = world.refresh.wait_s()
    early = world.refresh.attend(world.refresh.descriptor)
    applied = list(world.applied)
    world.collect()

    assert (early, applied, len(world.applied)) == (True, [], 1)
    assert (world.references.starts, wait_s) == (1, INTERVAL_S)
    assert world.refresh.attend(world.refresh.descriptor)
    assert len(world.applied) == 1


def test_refresh_fetches_anew_when_told(world: World) -> None:
    """A copy of a snapshot may begin months after the values were fetched, or within the interval."""
    world.fetch()

    world.refresh.fetch_anew()
    world.fetch()

    assert world.values == ["1", "2"]


def test_refresh_ignores_what_was_fetched_before_it_was_told(world: World) -> None:
    """The snapshot was taken between a fetch and its multiple: its values are the snapshot's."""
    world.fetch()
    world.go_on()
    world.fetch()
    world.refresh.fetch_anew()
    world.now_s += INTERVAL_S

    world.fetch()

    assert world.values == ["1", "3"]


def test_refresh_ignores_a_fetch_from_before_it_was_told(world: World) -> None:
    """The snapshot was taken amid a fetch: its answer is the snapshot's, and the next one is today's."""
    world.refresh.check()

    world.refresh.fetch_anew()
    world.collect()
    before = list(world.applied)
    world.fetch()

    assert before == []
    assert world.values == ["2"]


def test_refresh_fetches_once_after_a_long_freeze(world: World) -> None:
    """Fetches that an environment missed while it was frozen are not made up for; the one is applied at once."""
    world.fetch()
    world.now_s += 3600.0

    world.fetch()
    world.refresh.check()

    assert (world.references.starts, world.values) == (2, ["1", "2"])


def test_value_waits_for_its_multiple_through_a_freeze(world: World) -> None:
    """It is applied when the environment thaws."""
    world.fetch()
    world.go_on()
    world.fetch()
    world.now_s += 3600.0

    world.refresh.check()
    world.collect()

    assert world.values == ["1", "2", "3"]


@pytest.mark.parametrize("back_s", [10.0, 86_400.0])
def test_refresh_survives_a_clock_that_is_set_back(world: World, back_s: float) -> None:
    """Neither a fetch nor a value waits for longer than the multiples in between."""
    world.fetch()
    world.go_on()
    world.fetch()
    world.now_s -= back_s

    world.refresh.check()
    if back_s > INTERVAL_S:
        world.collect()
    else:
        world.go_on()
        world.refresh.check()

    assert "2" in world.values
    assert world.refresh.wait_s() <= 2 * INTERVAL_S


def test_interval_can_change(world: World) -> None:
    """REFRESH_INTERVAL may be fetched too."""
    world.fetch()

    world.refresh.change_interval(60.0)

    assert world.refresh.wait_s() == 30.0 - 17.0


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
    """An environment whose threads are all in use keeps its settings, and tries again soon."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        world.fetch()
    world.go_on()
    world.fetch()

    problem = ("FLIGHT_RECORDER_A", "no thread can be started")
    assert [one.problems for one in world.applied] == [[problem], []]
    assert world.now_s - NOON_S - 17.0 == FIRST_BASE_S / 2


def test_age_counts_from_the_last_fetch_that_was_whole(world: World) -> None:
    """A fetch with a problem leaves the settings as old as they were."""
    before = world.refresh.age_s()
    world.fetch()
    at_first = world.refresh.age_s()
    world.references.result = lambda: Fetched({}, [PROBLEM])
    world.now_s += INTERVAL_S
    world.fetch()

    assert (before, at_first, world.refresh.age_s()) == (None, 0.0, INTERVAL_S)
