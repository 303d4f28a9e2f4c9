"""From the queues to the sinks, and what becomes of lines that no sink takes."""

from collections.abc import Callable

import pytest

from extension.delivery.delivery import ATTEMPT_TIMEOUT_S
from extension.delivery.pacing import PATIENCE_ATTEMPTS, SLOW_START_PAUSE_S
from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.deliveries import DOWN, TAKEN, Deliveries, said

Make = Callable[..., Deliveries]


BOUNDED_S = 5.0
"""Far above any bound here, for a busy machine; without its bound, a wait would last for ever."""


def test_delivery_sends_what_waits_and_logs_nothing(
    world: Deliveries, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ordinary case."""
    world.put("a")

    awaited = world.delivery.is_awaited(world.now_s())
    world.attempt()

    assert awaited
    assert not world.delivery.is_awaited(world.now_s())
    assert world.sink.taken == ["a"]
    assert world.account.deliveries == {"taken": 1}
    assert world.adds_up
    assert said(capsys) == []


def test_delivery_logs_the_second_failure_not_the_first(
    world: Deliveries, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that died in the freezer is no news; a sink that is down is, once."""
    world.sink.answer = lambda _: DOWN
    world.put("a")

    world.attempt()
    first = said(capsys)
    for _ in range(3):
        world.attempt()
    more = said(capsys)
    world.sink.answer = lambda _: TAKEN
    world.attempt()

    assert first == []
    assert [(one["problem"], one["variable"]) for one in more] == [
        ("status 503", "FLIGHT_RECORDER_SINK")
    ]
    assert world.sink.taken == ["a"]
    assert world.adds_up


def test_refused_lines_of_failed_invocations_are_written_out_without_a_fallback(
    world: Deliveries, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that explains a failure is lost while there is standard output; healthy lines are, and counted."""
    world.sink.answer = lambda _: Receipt(Answer.REFUSED, "status 405")
    world.put("a", text="why it failed")
    world.put("bb", failed=False)

    world.attempt()

    (record,) = world.written()
    assert (record["record"], record["id"], record["reason"]) == ("why it failed", "e-1", "crash")
    assert (world.account.handed_to_stdout, world.account.lost) == (1, {"refused": 1})
    assert world.adds_up
    (problem,) = said(capsys)
    assert problem["reasons"] == ["refused"]


def test_the_archive_holds_nobody_and_its_losses_are_its_own(make: Make) -> None:
    """An archive that is slow, or refuses, is no reason to hold an invocation, nor part of the account's sum."""
    world = make(archive=True)
    world.archive.answer = lambda _: Receipt(Answer.REFUSED, "status 405")
    world.archived("a")

    awaited = world.delivery.is_awaited(world.now_s())
    world.attempt()

    assert not awaited
    assert world.account.archive.lost == {"refused": 1}
    assert settled(world.account) == 0


def test_delivery_waits_until_the_sinks_are_known(world: Deliveries) -> None:
    """While the settings that name the sinks are being fetched, what is owed waits."""
    world.delivery.is_ready = False
    world.put("a")
    waits = (world.delivery.deliver(world.now_s()), world.sink.attempts)
    world.delivery.is_ready = True
    world.attempt()

    assert waits == (None, 0)
    assert world.sink.taken == ["a"]


@pytest.mark.parametrize(
    ("receipt", "attempts"), [(DOWN, PATIENCE_ATTEMPTS), (Receipt(Answer.DENIED), 1)]
)
def test_a_sink_that_is_down_gives_way_to_the_fallback_until_it_is_back(
    make: Make, receipt: Receipt, attempts: int
) -> None:
    """After a few failures, or one denial, what waits goes to the fallback; now and then the sink is tried."""
    world = make(fallback=True)
    world.sink.answer = lambda _: receipt
    world.put("a")
    for _ in range(attempts):
        world.attempt()
    before = list(world.fallback.taken)
    world.attempt(skip_s=0.01)
    world.put("bb")
    world.attempt(skip_s=0.01)
    during = list(world.fallback.taken)
    world.put("ccc")
    world.attempt()
    world.attempt(skip_s=0.01)
    tried = world.sink.attempts
    world.sink.answer = lambda _: TAKEN
    world.put("dddd")
    world.attempt()
    world.put("eeeee")
    world.attempt(skip_s=SLOW_START_PAUSE_S)

    assert before == []
    assert during == ["a", "bb"]
    assert world.fallback.taken == ["a", "bb", "ccc"]
    assert world.sink.taken == ["dddd", "eeeee"]
    assert tried == attempts + 1
    assert world.adds_up


@pytest.mark.parametrize("named", [False, True])
def test_rejected_lines_are_written_out_where_it_is_known_which(
    world: Deliveries, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    """OTLP tells a number alone; where it is that of all records, those of a failed invocation are saved."""
    known = {"refused": {1: "rejected"}} if named else {"rejected_lines": 1}
    world.sink.answer = lambda _: Receipt(Answer.TAKEN, "1 of 1 rejected")._replace(**known)
    world.put("a")

    world.attempt()

    assert world.account.handed_to_stdout == named
    assert world.account.lost == ({} if named else {"rejected": 1})
    (told,) = said(capsys)
    assert ("without saying which" in told["event"]) == (not named)
    assert world.adds_up


def test_a_sink_that_fails_slowly_gives_way_at_its_second_failure(make: Make) -> None:
    """Each attempt takes its whole time-out where the DNS does not answer."""
    world = make(fallback=True)
    world.sink.answer = lambda _: DOWN
    world.put("a")

    world.attempt()
    before = list(world.fallback.taken)
    world.attempt(skip_s=ATTEMPT_TIMEOUT_S)
    world.attempt(skip_s=0.01)

    assert before == []
    assert world.sink.attempts == 2
    assert world.fallback.taken == ["a"]


def test_a_late_sink_is_failing_and_an_idle_one_is_not(make: Make) -> None:
    """The next invocation is not held for a sink that kept the last one waiting."""
    world = make(fallback=True)
    assert world.queues.fallback is not None
    world.put("a")

    world.delivery.overdue()

    assert not world.delivery.is_awaited(world.now_s())
    assert world.queues.primary.backoff.is_failing
    assert not world.queues.fallback.backoff.is_failing


def test_fallback_that_is_not_in_use_gets_nothing(make: Make) -> None:
    """A document of settings may no longer name it: what SINK refuses is written out, as without it."""
    world = make(fallback=True, archive=True)
    world.delivery.use({"SINK", "ARCHIVE_SINK"})
    world.sink.answer = lambda _: Receipt(Answer.REFUSED, "status 405")
    world.put("a")

    world.attempt()
    world.delivery.use({"SINK", "FALLBACK_SINK", "ARCHIVE_SINK"})
    world.put("bb")
    world.attempt()
    world.attempt()

    assert [record["id"] for record in world.written()] == ["e-1"]
    assert (world.fallback.taken, world.account.handed_to_stdout) == (["bb"], 1)
    assert world.adds_up


def test_what_waits_for_a_sink_still_goes_there_when_it_is_no_longer_in_use(make: Make) -> None:
    """It was meant to; it counts as before."""
    world = make(fallback=True, archive=True)
    world.put("a", to=world.queues.fallback)
    world.archived("b")

    world.delivery.use({"SINK"})
    world.archived("c")
    world.attempt()

    assert (world.fallback.taken, world.archive.taken) == (["a"], ["b"])
    assert (world.account.fallback, sum(world.account.archive.kept.values())) == (1, 1)
    assert world.adds_up


def test_copies_for_an_archive_that_was_never_named_are_no_loss(make: Make) -> None:
    """It was to come by a document of settings, which does not name one."""
    world = make(archive=True)
    world.archived("a")

    world.delivery.use({"SINK"})
    world.delivery.forget("ARCHIVE_SINK")
    world.attempt()

    assert world.queues.held_bytes == 0
    assert (world.archive.attempts, world.account.archive.lost) == (0, {})
