"""From the queues to the sinks, and what becomes of lines that no sink takes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from extension.delivery.delivery import ATTEMPT_TIMEOUT_S
from extension.delivery.queue import PATIENCE_ATTEMPTS
from extension.model.chunk import Chunk, Metadata, rewritten
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment
from extension.model.summary import held_back, unfinished
from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.deliveries import DOWN, TAKEN, Deliveries, said
from tests.doubles.lambda_events import compact, event, line

Make = Callable[..., Deliveries]


BOUNDED_S = 5.0
"""Far above any bound here, for a busy machine; without its bound, a wait would last for ever."""


def test_delivery_sends_what_waits_and_logs_nothing(
    world: Deliveries, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ordinary case."""
    world.put("a")

    awaited = world.delivery.is_awaited
    world.attempt()

    assert awaited
    assert not world.delivery.is_awaited
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
    assert (world.account.last_resort, world.account.lost) == (1, {"refused": 1})
    assert world.adds_up
    (problem,) = said(capsys)
    assert problem["reasons"] == ["refused"]


def test_the_archive_holds_nobody_and_its_losses_are_its_own(make: Make) -> None:
    """An archive that is slow, or refuses, is no reason to hold an invocation, nor part of the account's sum."""
    world = make(archive=True)
    world.archive.answer = lambda _: Receipt(Answer.REFUSED, "status 405")
    world.archived("a")

    awaited = world.delivery.is_awaited
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
    world.attempt(skip_s=0.01)

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

    assert world.account.last_resort == named
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


def test_failover_leaves_the_fallback_time_when_the_sink_stalls_at_shutdown(make: Make) -> None:
    """Half of the last moments are the fallback's; what the sink has under way goes there as well."""
    world = make(fallback=True)
    world.sink.release.clear()
    world.put("a")

    took_s = world.finish()

    assert world.fallback.taken == ["a"]
    assert took_s < BOUNDED_S
    assert world.account.kept == {"crash": 1}
    assert world.adds_up


def test_shutdown_delivers_everything(make: Make) -> None:
    """What waits in any lane goes, without its pauses."""
    world = make(fallback=True, archive=True)
    world.put("a")
    world.put("bb", to=world.queues.fallback)
    world.archived("a")

    took_s = world.finish()

    assert (world.sink.taken, world.fallback.taken, world.archive.taken) == (["a"], ["bb"], ["a"])
    assert took_s < BOUNDED_S
    assert world.adds_up


@pytest.mark.parametrize("stalls", [True, False], ids=["a sink that stalls", "a sink that fails"])
@pytest.mark.parametrize("fallback", [True, False], ids=["with a fallback", "alone"])
def test_shutdown_writes_out_failed_invocations_that_no_sink_takes(
    make: Make, capsys: pytest.CaptureFixture[str], stalls: bool, fallback: bool
) -> None:
    """The last resort: failed invocations on standard output, in order; what was only sampled is lost, and counted."""
    world = make(fallback=fallback)
    for sink in (world.sink, world.fallback):
        if stalls:
            sink.release.clear()
        sink.answer = lambda _: DOWN
    world.put("a", text="first " + "x" * 9000)
    world.put("bb", failed=False)
    world.put("ccc", text="last")

    took_s = world.finish()

    assert took_s < BOUNDED_S
    assert [one["record"][:5] for one in world.written()] == ["first", "last"]
    assert (world.account.last_resort, world.account.lost) == (2, {"shutdown": 1})
    assert world.adds_up
    (end,) = [one for one in said(capsys) if "ended before" in one["event"]]
    assert (end["lines"], end["written_to_stdout"]) == (3, 2)


def test_summary_is_written_out_masked(world: Deliveries) -> None:
    """The last resort is no way past REDACT: the summary quotes the line that failed."""
    redactor = Redactor(read_patterns("passwords"))
    world.delivery.rewrite(lambda: partial(rewritten, rewrite=redactor.redact))
    world.sink.answer = lambda _: DOWN
    quoted = held_back(compact(line("[ERROR] password=hunter2 refused")))
    summary = event("flightRecorder.invocation", {"outcome": "error"})
    raw = unfinished(summary, reason="level-error", error_events=[quoted])
    metadata = Metadata("a", "", "f", "1", "e", "level-error", 1.0, failed=True)
    segment = Segment(raw, count=1, first_number=0, kind=Kind.SUMMARY)
    world.queues.primary.put(Chunk(metadata, [segment]))

    world.finish(within_s=4.0)

    (record,) = world.written()
    assert record["record"]["errorMessage"] == "password=[REDACTED:passwords] refused"


def test_a_standard_output_that_nobody_reads_does_not_hold_the_end_up(world: Deliveries) -> None:
    """A full pipe costs the time there is, no more, and what did not fit is lost."""
    world.sink.answer = lambda _: DOWN
    world.put("a", text="x" * 200_000)

    took_s = world.finish(within_s=0.4)

    assert took_s < BOUNDED_S
    assert world.account.lost == {"shutdown": 1}
    assert world.adds_up


def test_delivery_has_no_last_resort_where_standard_output_is_the_sink(make: Make) -> None:
    """What standard output would not take is not written there again."""
    world = make(last_resort=False)
    world.sink.answer = lambda _: DOWN
    world.put("a")

    world.finish(within_s=0.3)

    assert world.written() == []
    assert world.account.lost == {"shutdown": 1}


def test_an_archive_that_is_down_at_shutdown_loses_its_own_lines(make: Make) -> None:
    """They are copies, so they are neither written out nor part of the account's sum."""
    world = make(archive=True)
    world.archive.answer = lambda _: DOWN
    world.archived("a")

    world.finish(within_s=0.3)

    assert world.account.archive.lost == {"shutdown": 1}
    assert world.written() == []
    assert settled(world.account) == 0


def test_a_broken_standard_output_is_no_last_resort(world: Deliveries) -> None:
    """Lines that cannot be written there are lost, and counted."""
    world.sink.answer = lambda _: DOWN
    world.put("a")
    with Path("/dev/full").open("wb", buffering=0) as full:
        world.delivery._last_resort = full.fileno()
        world.finish(within_s=0.3)

    assert world.account.lost == {"shutdown": 1}
    assert world.adds_up


def test_a_late_sink_is_failing_and_an_idle_one_is_not(make: Make) -> None:
    """The next invocation is not held for a sink that kept the last one waiting."""
    world = make(fallback=True)
    assert world.queues.fallback is not None
    world.put("a")

    world.delivery.overdue()

    assert not world.delivery.is_awaited
    assert world.queues.primary.backoff.is_failing
    assert not world.queues.fallback.backoff.is_failing
