"""The extension's own metrics, on their way to CloudWatch."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from extension.delivery.own_metrics import MAX_WAITING_BYTES, text_of
from extension.delivery.queue import MAX_ATTEMPTS
from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.deliveries import DOWN, TAKEN, WAIT_S, Deliveries, said

Make = Callable[..., Deliveries]

CLOUDWATCH = {"SINK": "cloudwatch", "FALLBACK_SINK": "https", "ARCHIVE_SINK": "s3"}


BOUNDED_S = 5.0
"""Far above any bound here, for a busy machine; without its bound, a wait would last for ever."""


@pytest.fixture
def world(make: Make) -> Deliveries:
    """Metrics go to CloudWatch with the lines."""
    one = make()
    one.own_metrics(CLOUDWATCH)
    return one


@pytest.mark.parametrize(
    ("schemes", "taken", "printed", "answers"),
    [
        (CLOUDWATCH, ["a", "m"], [], 1),
        ({"SINK": "https"}, ["a"], [{"m": "m"}], 1),
        ({"SINK": "s3"}, ["a"], [{"m": "m"}], 1),
        ({"SINK": "file"}, ["a"], [{"m": "m"}], 1),
        ({"SINK": "otlp+https"}, ["a"], [{"m": "m"}], 1),
        ({"SINK": "stdout"}, ["a"], [{"m": "m"}], 2),
        ({"SINK": "https", "FALLBACK_SINK": "stdout"}, ["a"], [{"m": "m"}], 2),
    ],
)
def test_schemes_decide_where_metrics_go(
    make: Make, schemes: dict[str, str], taken: list[str], printed: list[object], answers: int
) -> None:
    """CloudWatch gets them with the lines that wait, in one request; they are no line of the account."""
    world = make(fallback=True)
    world.own_metrics(schemes)
    world.put("a")
    went = world.report("m")

    world.attempt()

    assert went
    assert (world.sink.taken, world.written()) == (taken, printed)
    assert (world.sink.attempts, world.account.kept) == (1, {"crash": 1})
    assert world.account.deliveries == {"taken": answers}
    assert world.account.delivered_bytes == 10 + (answers - 1) * len('{"m":"m"}\n')
    assert world.adds_up


@pytest.mark.parametrize(
    ("answer", "scheme", "taken", "printed"),
    [
        (Answer.REFUSED, "https", ["a"], [{"m": "m"}]),
        (Answer.DENIED, "https", ["a"], [{"m": "m"}]),
        (Answer.DENIED, "cloudwatch", ["a", "m"], []),
    ],
)
def test_metrics_follow_lines_only_to_another_log_group(
    make: Make, answer: Answer, scheme: str, taken: list[str], printed: list[object]
) -> None:
    """A fallback elsewhere makes no metrics of them, so they are printed."""
    world = make(fallback=True)
    world.own_metrics(CLOUDWATCH | {"FALLBACK_SINK": scheme})
    world.sink.answer = lambda _: Receipt(answer)
    world.put("a")
    world.report("m")

    world.attempt()
    world.attempt(skip_s=0.01)
    world.attempt(skip_s=0.01)

    assert (world.fallback.taken, world.written()) == (taken, printed)


@pytest.mark.parametrize("fallback", [False, True])
@pytest.mark.parametrize(
    ("answer", "stalls", "lines", "taken", "printed"),
    [
        (TAKEN, False, True, ["a", "m"], []),
        (DOWN, False, True, [], [{"m": "m"}]),
        (DOWN, True, True, [], [{"m": "m"}]),
        (DOWN, True, False, [], [{"m": "m"}]),
    ],
    ids=["taken", "down", "silent", "silent, nothing else"],
)
def test_the_last_metrics_come_after_everything_else(
    make: Make,
    fallback: bool,
    answer: Receipt,
    stalls: bool,
    lines: bool,
    taken: list[str],
    printed: list[object],
) -> None:
    """They tell what has become of it; if CloudWatch does not take them in time, they are printed, once."""
    world = make(fallback=fallback)
    world.own_metrics(CLOUDWATCH)
    world.sink.answer = lambda _: answer
    if stalls:
        world.sink.release.clear()
    until_s = world.now_s() + 0.8
    if lines:
        world.put("a", failed=False)
        world.finish(until_s=until_s)

    if world.own.report_last(world.metrics("m"), until_s):
        world.finish(until_s=until_s)

    assert (world.sink.taken, world.written()) == (taken, printed)
    assert world.now_s() < until_s + BOUNDED_S
    assert world.adds_up


@pytest.mark.parametrize("is_broken", [False, True], ids=["nobody reads", "broken"])
def test_metrics_that_cannot_be_written_are_reported_again_or_said_to_be_lost(
    make: Make, capsys: pytest.CaptureFixture[str], is_broken: bool
) -> None:
    """An invocation is not held up for that, and it is no secret."""
    world = make()
    world.fill_stdout()
    with Path("/dev/full").open("wb", buffering=0) as full:
        own = world.own_metrics({"SINK": "https"}, descriptor=full.fileno() if is_broken else None)
        began_s = time.monotonic()
        went = world.report("m")
        took_s = time.monotonic() - began_s

        own.report_last(world.metrics("m"), world.now_s())

    assert not went
    assert took_s < BOUNDED_S
    assert [one["variable"] for one in said(capsys)] == ["FLIGHT_RECORDER_METRICS"]


def test_metrics_hold_no_invocation(world: Deliveries) -> None:
    """They may be on their way while an invocation ends; a line beside them is waited for as ever."""
    world.sink.release.clear()
    world.report("m")
    waiting = world.delivery.is_awaited(world.now_s())
    world.delivery.deliver(world.now_s())
    under_way = world.delivery.is_awaited(world.now_s())
    world.put("a")

    assert (waiting, under_way, world.delivery.is_awaited(world.now_s())) == (False, False, True)


def test_metrics_are_printed_while_cloudwatch_is_down(world: Deliveries) -> None:
    """One line waits with what waits; those that come after it is known are printed, and nothing is there twice."""
    world.sink.answer = lambda _: DOWN
    world.report("m")
    world.attempt()
    world.attempt()
    world.report("mm")
    printed = world.written()
    world.sink.answer = lambda _: TAKEN
    world.attempt()
    world.report("mmm")
    world.attempt()

    assert printed == [{"m": "mm"}]
    assert world.sink.taken == ["m", "mmm"]
    assert world.written() == []


def test_metrics_wait_until_it_is_known_where_to(world: Deliveries) -> None:
    """While SINK is a reference that is being fetched, nothing is handed on, so it is told again later."""
    world.delivery.is_ready = False

    assert not world.report("m")
    assert world.written() == []
    assert world.delivery.exporters[0].is_empty


def test_metrics_that_wait_are_printed_when_the_sink_becomes_another(world: Deliveries) -> None:
    """SINK may be a reference whose value changes."""
    world.put("a")
    world.report("m")

    world.own.apply({"SINK": "https"})
    world.attempt()

    assert world.written() == [{"m": "m"}]
    assert world.sink.taken == ["a"]
    assert world.queues.held_bytes == 0


def test_exporters_report_how_long_a_sink_took(make: Make) -> None:
    """Of SINK and FALLBACK_SINK, and not of the archive, which nobody waits for."""
    world = make(fallback=True, archive=True)
    took_ms: list[float] = []
    world.own_metrics(CLOUDWATCH).on_answer = took_ms.append
    archive = world.queues.archive
    world.put("a")
    world.put("bb", to=world.queues.fallback)
    world.put("ccc", to=archive)

    world.attempt()

    assert len(took_ms) == 2
    assert all(0 <= one < WAIT_S * 1000 for one in took_ms)


@pytest.mark.parametrize(
    ("receipt", "printed", "waits"),
    [
        (TAKEN, [], False),
        (Receipt(Answer.REFUSED), [{"m": "m"}], False),
        (Receipt(Answer.TAKEN, refused={101: "too-old"}), [{"m": "m"}], False),
        (DOWN, [], True),
        (Receipt(Answer.DENIED), [], True),
        (Receipt(Answer.UNAVAILABLE, taken=frozenset({101})), [], False),
        (Receipt(Answer.TOO_LARGE), [{"m": "m"}], False),
        (Receipt(Answer.UNREADABLE), [{"m": "m"}], False),
    ],
)
def test_an_answer_decides_about_metrics_that_went_alone(
    world: Deliveries, receipt: Receipt, printed: list[object], waits: bool
) -> None:
    """What CloudWatch will never take is printed; the rest waits for the next attempt."""
    world.sink.answer = lambda _: receipt
    world.report("m")

    world.attempt()

    assert world.written() == printed
    assert world.delivery.exporters[0].is_empty != waits
    assert world.account.deliveries == {receipt.answer.value: 1}


def test_metrics_are_not_blamed_for_the_lines_beside_them(world: Deliveries) -> None:
    """A sink that has taken nothing yet gets them apart once it has refused them together."""
    world.sink.answer = lambda names: Receipt(Answer.UNREADABLE) if "a" in names else TAKEN
    world.report("m")
    world.put("a")

    for _ in range(4):
        world.attempt()
        world.put("bb")

    assert {*world.sink.taken} == {"m", "bb"}


@pytest.mark.parametrize("answer", [Answer.TOO_LARGE, Answer.UNREADABLE])
def test_metrics_survive_a_batch_that_is_cut(world: Deliveries, answer: Answer) -> None:
    """The lines beside them are to blame, so they go with the next batch."""
    world.sink.answer = lambda names: Receipt(answer) if len(names) > 2 else TAKEN
    world.put("a")
    world.put("bb")
    world.report("m")

    world.attempt()
    world.attempt()
    world.attempt()

    assert sorted(world.sink.taken) == ["a", "bb", "m"]
    assert world.written() == []


def test_the_first_failure_of_metrics_is_none_of_the_sinks(world: Deliveries) -> None:
    """They may have been frozen on their way: lines are waited for all the same, and a second failure counts."""
    world.sink.answer = lambda _: DOWN
    world.report("m")
    failing = []
    for _ in range(2):
        world.attempt()
        failing.append(world.queues.primary.backoff.is_failing)

    assert failing == [False, True]


def test_metrics_pause_after_a_failure(world: Deliveries) -> None:
    """They wake nobody before the pause ends."""
    world.sink.answer = lambda _: DOWN
    world.report("m")
    world.attempt()

    wait_s = world.delivery.deliver(world.now_s())

    assert world.sink.attempts == 1
    assert wait_s is not None
    assert 0.0 < wait_s <= 0.1


def test_metrics_that_nobody_takes_are_printed_in_the_end(world: Deliveries) -> None:
    """After as many attempts as a batch of lines has."""
    world.sink.answer = lambda _: DOWN
    world.report("m")

    for _ in range(MAX_ATTEMPTS):
        world.attempt()

    assert world.written() == [{"m": "m"}]
    assert world.delivery.exporters[0].is_empty


def test_lines_that_wait_are_bounded(world: Deliveries) -> None:
    """What they would have told comes with a later one."""
    went = [world.own.report(world.metrics("m" * (MAX_WAITING_BYTES // 2))) for _ in range(3)]

    assert went == [True, True, False]


def test_metrics_wait_while_a_sink_writes_to_standard_output(make: Make) -> None:
    """Two that write there at once would mix their lines."""
    world = make()
    world.own_metrics({"SINK": "stdout"})
    world.sink.release.clear()
    world.put("a")
    world.delivery.deliver(world.now_s())
    meanwhile = (world.report("m"), world.written())
    world.sink.release.set()
    world.wait(WAIT_S)
    went = world.report("mm")

    assert meanwhile == (False, [])
    assert went
    assert world.written() == [{"m": "mm"}]


def test_refused_metrics_wait_while_a_sink_writes_to_standard_output(make: Make) -> None:
    """They are written with the next line, once the sink is idle."""
    world = make(archive=True)
    world.own_metrics({"SINK": "cloudwatch", "ARCHIVE_SINK": "stdout"})
    world.sink.answer = lambda _: Receipt(Answer.REFUSED)
    world.archive.release.clear()
    world.archived("a")
    world.report("m")
    world.delivery.deliver(world.now_s())
    world.wait(WAIT_S)
    meanwhile = world.written()
    world.archive.release.set()
    world.wait(WAIT_S)
    world.sink.answer = lambda _: TAKEN
    world.report("mm")
    world.attempt()

    assert meanwhile == []
    assert world.written() == [{"m": "m"}]
    assert world.sink.taken == ["mm"]


def test_an_archive_on_standard_output_has_metrics_on_its_own_account(make: Make) -> None:
    """Its answers are nobody's time."""
    world = make(archive=True)
    world.own_metrics({"SINK": "https", "ARCHIVE_SINK": "stdout"})
    took_ms: list[float] = []
    world.own.on_answer = took_ms.append

    world.report("m")
    world.attempt()

    assert world.written() == [{"m": "m"}]
    assert (world.account.deliveries, world.account.archive.deliveries) == ({}, {"taken": 1})
    assert took_ms == []


def test_text_is_the_bare_object(make: Make) -> None:
    """CloudWatch reads metrics from such lines only; half a surrogate pair is no UTF-8."""
    world = make()
    line = world.metrics("\ud800\u00e4")

    assert text_of(line) == '{"m":"?\u00e4"}\n'.encode()
