"""The last delivery of an environment: what comes first, how long a sink is waited for, and what is written out."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from extension.delivery.finish import REPORTS_WAIT_SHARE, SHUTDOWN_BATCH_BYTES, Finish
from extension.delivery.pacing import PATIENCE_ATTEMPTS
from extension.model.chunk import Chunk, Metadata, rewritten
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment
from extension.model.summary import held_back, unfinished
from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.chunks import each
from tests.doubles.extension.deliveries import DOWN, TAKEN, Deliveries, said
from tests.doubles.lambda_events import compact, event, line

Make = Callable[..., Deliveries]

BOUNDED_S = 5.0
"""Far above any bound here, for a busy machine; without its bound, a wait would last for ever."""

DENIED = Receipt(Answer.DENIED, "status 403")


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
    assert (world.account.handed_to_stdout, world.account.lost) == (2, {"shutdown": 1})
    assert world.account.kept == {}
    assert world.adds_up
    (end,) = [one for one in said(capsys) if "ended before" in one["event"]]
    assert (end["lines"], end["written_to_stdout"]) == (3, 2)
    assert "a Deny on the function's own log group loses them" in end["event"]
    assert end["variable"] == "FLIGHT_RECORDER_FALLBACK_SINK"


def test_summary_is_written_out_masked(world: Deliveries) -> None:
    """The last resort is no way past REDACT: the summary quotes the line that failed."""
    redactor = Redactor(read_patterns("passwords"))
    world.delivery.rewrite(partial(rewritten, rewrite=redactor.redact_all, by=redactor))
    world.sink.answer = lambda _: DOWN
    quoted = held_back(compact(line("[ERROR] password=hunter2 refused")))
    summary = event("flightRecorder.invocation", {"outcome": "error"})
    raw = unfinished(summary, reason="level-error", error_events=[quoted])
    metadata = Metadata("a", "", "f", "1", "e", "level-error", 1.0, failed=True)
    segment = Segment(raw, count=1, first_number=0, kind=Kind.SUMMARY)
    world.queues.primary.put(Chunk(metadata, [segment]))
    world.attempt()

    world.finish(within_s=60.0)

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


def test_lines_of_failed_invocations_come_before_all_others(make: Make) -> None:
    """Also before a batch of healthy ones that was tried already, and before the archive's copies."""
    world = make(archive=True)
    order: list[str] = []

    def answer(names: list[str]) -> Receipt:
        order.extend(names)
        return TAKEN

    world.sink.answer = lambda _: DOWN
    world.put("tried", failed=False)
    world.attempt()
    world.sink.answer = world.archive.answer = answer
    world.archived("copy")
    world.put("healthy", failed=False)
    world.put("failed")

    world.finish()

    assert order[0] == "failed"
    assert sorted(order) == ["copy", "failed", "healthy", "tried"]
    assert world.adds_up


@pytest.mark.parametrize("before", [1, PATIENCE_ATTEMPTS], ids=["failing", "down"])
def test_a_sink_that_was_failing_before_gets_one_attempt_more(make: Make, before: int) -> None:
    """Then the lines of failed invocations are written out, with all the time that is left for them."""
    world = make()
    world.sink.answer = lambda _: DOWN
    world.put("a")
    for _ in range(before):
        world.attempt()

    world.finish(within_s=60.0)

    assert world.sink.attempts == before + 1
    assert [one["record"] for one in world.written()] == ["line"]
    assert world.adds_up


@pytest.mark.parametrize("before", [1, PATIENCE_ATTEMPTS], ids=["failing", "down"])
def test_a_sink_that_throttles_is_asked_until_it_takes_them(make: Make, before: int) -> None:
    """A thousand environments that crash at once are refused at first, and the sink is well."""
    world = make()
    throttled = Receipt(Answer.UNAVAILABLE, "ThrottlingException", is_throttled=True)
    answers = [throttled] * (before + 3)
    world.sink.answer = lambda _: answers.pop() if answers else TAKEN
    world.put("a")
    for _ in range(before):
        world.attempt()

    world.finish(within_s=60.0)

    assert world.sink.taken == ["a"]
    assert world.sink.attempts == before + 4
    assert not world.written()
    assert world.adds_up


def test_a_sink_that_throttles_and_then_fails_is_given_up(make: Make) -> None:
    """The time that is left is for standard output."""
    world = make()
    throttled = Receipt(Answer.UNAVAILABLE, "ThrottlingException", is_throttled=True)
    answers = [DOWN, throttled, throttled]
    world.sink.answer = lambda _: answers.pop() if answers else DOWN
    world.put("a")
    world.attempt()

    world.finish(within_s=60.0)

    assert world.sink.attempts == 3
    assert [one["record"] for one in world.written()] == ["line"]
    assert world.adds_up


@pytest.mark.parametrize(
    ("text", "failed", "throttled", "waits"),
    [
        ("", True, "throttled", True),
        ("", True, "refused_streams", True),
        ("", True, "", False),
        ("line", True, "throttled", False),
        ("line", False, "throttled", False),
    ],
    ids=["a report", "a report whose stream was refused", "a calm sink", "lines", "healthy lines"],
)
def test_a_report_makes_way_for_lines_of_other_environments(
    make: Make, text: str, failed: bool, throttled: str, waits: bool
) -> None:
    """Where a fleet crashes at once, each environment's lines are delivered before anybody's reports."""
    world = make()
    if throttled:
        setattr(world.account, throttled, 1)
    if text:
        world.put("a", failed=failed)
    else:
        report = Metadata("a", "", "f", "1", "e", "crash", 1.0, failed=True)
        event_of = Segment(b"{}", count=1, first_number=0, kind=Kind.EVENT)
        world.queues.put(Chunk(report, [event_of]))
    began_s, sent_at_s = world.now_s(), 0.0

    def answer(_: list[str]) -> Receipt:
        nonlocal sent_at_s
        sent_at_s = world.now_s()
        return TAKEN

    def wait(wait_s: float) -> None:
        if not any(one.is_sending for one in world.delivery.exporters):
            world.skipped_s += wait_s
        world.wait(0.05)

    world.sink.answer = answer
    Finish(world.delivery, began_s + 100.0, wait=wait, monotonic_s=world.now_s).run()

    waited_share = (sent_at_s - began_s) / 100.0
    assert world.sink.taken == ["a"]
    assert (REPORTS_WAIT_SHARE <= waited_share < 0.9) is waits


def test_a_report_does_not_wait_until_the_fallback_gets_it(make: Make) -> None:
    """It belongs beside its lines, which the sink has taken."""
    world = make(fallback=True)
    world.account.throttled = 1
    report = Metadata("a", "", "f", "1", "e", "crash", 1.0, failed=True)
    world.queues.put(Chunk(report, [Segment(b"{}", count=1, first_number=0, kind=Kind.EVENT)]))

    world.finish()

    assert (world.sink.taken, world.fallback.taken) == (["a"], [])


def test_a_sink_that_denies_access_is_asked_once(make: Make) -> None:
    """Nobody will allow it within two seconds, neither for failed invocations nor for healthy ones."""
    world = make()
    world.sink.answer = lambda _: DENIED
    world.put("a")
    world.put("bb", failed=False)

    world.finish(within_s=60.0)

    assert world.sink.attempts == 1
    assert [one["record"] for one in world.written()] == ["line"]
    assert world.account.lost == {"shutdown": 1}


def test_a_late_sink_that_fails_once_more_is_not_tried_again(make: Make) -> None:
    """It has cost an invocation its time already."""
    world = make()
    world.sink.answer = lambda _: DOWN
    world.put("a")
    world.delivery.overdue()

    world.finish(within_s=60.0)

    assert world.sink.attempts == 1
    assert [one["record"] for one in world.written()] == ["line"]


def test_healthy_lines_are_delivered_after_failed_ones_were_written_out(make: Make) -> None:
    """A sink that refuses the one batch may take the other."""
    world = make()
    world.put("failed")
    world.put("healthy", failed=False)
    world.sink.answer = lambda names: DOWN if "failed" in names else TAKEN
    world.attempt()

    world.finish()

    assert [one["requestId"] for one in world.written()] == ["failed"]
    assert world.sink.taken == ["healthy"]
    assert world.adds_up


def test_a_small_function_keeps_time_free_for_what_it_would_have_to_write_out(make: Make) -> None:
    """Writing a megabyte takes a second there, so a sink that stalls is given up sooner, but not at once."""

    def waited_s(*, share: float, is_well: bool = False) -> float:
        world = make(processor_share=share)
        world.sink.release.clear()
        world.queues.primary.has_taken = is_well
        world.put("a", text="x" * 1_000_000)
        begin_s = world.skipped_s

        def wait(wait_s: float) -> None:
            world.skipped_s += wait_s

        with Path(os.devnull).open("wb", buffering=0) as nowhere:
            world.delivery._last_resort = nowhere.fileno()
            until_s = world.now_s() + 100.0
            Finish(world.delivery, until_s, wait=wait, monotonic_s=world.now_s).run()
        assert world.account.handed_to_stdout == 1
        return world.skipped_s - begin_s

    assert 99.0 < waited_s(share=1.0) < 100.0
    assert 98.0 < waited_s(share=0.0725) < 99.2
    assert 4.0 < waited_s(share=0.0001) < 6.0
    assert 34.0 < waited_s(share=0.0001, is_well=True) < 36.0


def test_lines_are_written_out_also_behind_a_deadline_that_has_passed(make: Make) -> None:
    """A clock may be wrong, and then Lambda gives the time all the same."""
    world = make()
    world.sink.answer = lambda _: DOWN
    world.put("a")

    world.finish(within_s=-3600.0)

    assert [one["record"] for one in world.written()] == ["line"]


@pytest.mark.parametrize(("share", "has_level"), [(1.0, True), (0.0001, False)])
def test_levels_are_left_out_only_where_the_time_is_too_short(
    make: Make, share: float, has_level: bool
) -> None:
    """Reading them takes longer than writing the lines."""
    world = make(processor_share=share)
    world.sink.answer = lambda _: DENIED
    world.put("a", text="[ERROR] " + "x" * 1000)

    world.finish(within_s=0.2)

    (record,) = world.written()
    assert ("level" in record) == has_level


def test_a_small_function_sends_little_at_a_time(make: Make) -> None:
    """What a sink has taken is safe when the time is up."""
    world = make(processor_share=0.0725)
    for name in "abcd":
        world.put(name, text="x" * (SHUTDOWN_BATCH_BYTES // 2))

    world.finish(within_s=60.0)

    assert world.sink.taken == list("abcd")
    assert world.sink.attempts == 4


def test_what_the_sink_was_sent_is_not_masked_again(make: Make) -> None:
    """The worker's masked batch serves the last resort, since masking takes longer than anything else."""
    world = make()
    masked: list[bytes] = []

    def mask(raw: bytes) -> bytes:
        masked.append(raw)
        return raw.replace(b"secret", b"******")

    by = object()
    world.delivery.rewrite(partial(rewritten, rewrite=each(mask), by=by))
    world.sink.answer = lambda _: DOWN
    world.put("a", text="secret")

    world.finish()

    assert world.sink.attempts > 1
    assert [one["record"] for one in world.written()] == ["******"]
    assert len(masked) == 1


def test_a_change_of_redact_masks_again_what_was_masked(make: Make) -> None:
    """A repetition is masked by the patterns that hold now."""
    world = make()
    first, second = object(), object()
    world.delivery.rewrite(
        partial(rewritten, rewrite=each(lambda raw: raw.replace(b"one", b"1")), by=first)
    )
    world.sink.answer = lambda _: DOWN
    world.put("a", text="one two")
    world.attempt()
    world.delivery.rewrite(
        partial(rewritten, rewrite=each(lambda raw: raw.replace(b"two", b"2")), by=second)
    )

    world.finish()

    assert [one["record"] for one in world.written()] == ["1 2"]


def test_lines_are_counted_once_where_standard_output_takes_a_part(make: Make) -> None:
    """A pipe that nobody reads any more has taken some lines; those are counted as handed to it, and the others are lost."""
    world = make()
    world.sink.answer = lambda _: DOWN
    for name in ("a", "bb", "ccc"):
        world.put(name, text="x" * 30_000)

    world.finish(within_s=0.6)

    assert (world.account.handed_to_stdout, world.account.lost) == (2, {"shutdown": 1})
    assert world.adds_up
