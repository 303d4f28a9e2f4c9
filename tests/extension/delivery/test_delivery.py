"""Lanes to sinks: real threads and pipes, sinks that answer as told."""

import contextlib
import json
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extension.delivery import delivery as delivery_module
from extension.delivery.delivery import PATIENCE_ATTEMPTS, Delivery
from extension.delivery.queue import Queues, SendingQueue
from extension.delivery.worker import SinkWorker
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.model.chunk import OWN_METRICS, Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.record import METRICS_TYPE
from extension.model.segment import Kind, Segment

WAIT_S = 10.0
TAKEN = Receipt(Answer.TAKEN, sent_bytes=10)
DOWN = Receipt(Answer.UNAVAILABLE, "status 503")


class ScriptedSink:
    """Answers as told; remembers whose records it took."""

    def __init__(self) -> None:
        self.answer: Callable[[list[str]], Receipt] = lambda _: TAKEN
        self.taken: list[str] = []
        self.attempts = 0
        self.stalled = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self.closed = False

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        self.attempts += 1
        names = [chunk.metadata.request_id for chunk in chunks]
        if not self.release.is_set():
            self.stalled.set()
            self.release.wait(WAIT_S)
        receipt = self.answer(names)
        if receipt.answer is Answer.TAKEN:
            self.taken += names
        return receipt

    def abort(self) -> None:
        self.release.set()

    def close(self) -> None:
        self.closed = True


class World:
    """A delivery with up to three sinks, a clock that is set by hand, and a pipe as standard output."""

    def __init__(self, *, fallback: bool, archive: bool, last_resort: bool) -> None:
        self.account = Account()
        self.sink, self.fallback, self.archive = ScriptedSink(), ScriptedSink(), ScriptedSink()
        self.workers: list[SinkWorker] = []
        self.skipped_s = 0.0
        self.stdout, self._write_end = os.pipe()
        self.log = OwnLog("info")
        self.queues = Queues(
            self._queue(),
            fallback=self._queue() if fallback else None,
            archive=SendingQueue(self.account.archive, random=lambda: 0.0) if archive else None,
        )
        self.delivery = Delivery(
            self.queues,
            primary=self._worker(self.sink),
            fallback=self._worker(self.fallback) if fallback else None,
            archive=self._worker(self.archive) if archive else None,
            account=self.account,
            log=self.log,
            last_resort=self._write_end if last_resort else None,
            metrics_out=self._write_end,
            monotonic_s=self.now_s,
        )
        self.poll = select.poll()
        for descriptor in self.delivery.descriptors:
            self.poll.register(descriptor, select.POLLIN)

    def _queue(self) -> SendingQueue:
        return SendingQueue(self.account, random=lambda: 0.0)

    def _worker(self, sink: ScriptedSink) -> SinkWorker:
        worker = SinkWorker(lambda: sink)
        worker.start()
        self.workers.append(worker)
        return worker

    def now_s(self) -> float:
        return time.monotonic() + self.skipped_s

    def put(
        self, name: str, *, failed: bool = True, text: str = "line", to: SendingQueue | None = None
    ) -> None:
        reason = "crash" if failed else "sampled"
        metadata = Metadata(name, "", "f", "1", "e", reason, 1.0, failed=failed)
        event = {"time": "2026-01-02T03:04:05.678Z", "type": "function", "record": text}
        raw = json.dumps(event, separators=(",", ":")).encode()
        self.account.receive(lines=1, size_bytes=len(raw))
        chunk = Chunk(metadata, [Segment(raw, count=1, first_number=len(name))])
        (to or self.queues.primary).put(chunk)

    def metrics(self, name: str) -> Chunk:
        """A line of metrics, known by its name."""
        metadata = Metadata(name, "", "f", "1", "e", OWN_METRICS, 1.0, failed=False)
        event = {"time": "2026-01-02T03:04:05.678Z", "type": METRICS_TYPE, "record": {"m": name}}
        raw = json.dumps(event, separators=(",", ":")).encode()
        return Chunk(metadata, [Segment(raw, count=1, first_number=len(name), kind=Kind.EVENT)])

    def wait(self, wait_s: float) -> None:
        for descriptor, _ in self.poll.poll(max(0, int(wait_s * 1000) + 1)):
            assert self.delivery.collect(descriptor)

    def attempt(self, *, skip_s: float = 60.0) -> None:
        """Lets the time of a pause pass, starts what is due, and waits until all of it is answered."""
        self.skipped_s += skip_s
        self.delivery.deliver(self.now_s())
        until_s = time.monotonic() + WAIT_S
        while any(queue.busy for queue in self.queues.queues):
            assert time.monotonic() < until_s
            self.wait(0.05)

    def finish(self, *, within_s: float = 0.8) -> float:
        began_s = time.monotonic()
        self.delivery.finish(self.now_s() + within_s, wait=self.wait)
        return time.monotonic() - began_s

    def fill_stdout(self) -> None:
        os.set_blocking(self._write_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._write_end, b"x" * 65_536)

    def written(self) -> list[dict[str, Any]]:
        os.set_blocking(self.stdout, False)
        try:
            return [json.loads(line) for line in os.read(self.stdout, 1 << 20).splitlines()]
        except BlockingIOError:
            return []

    @property
    def adds_up(self) -> bool:
        waiting = self.queues.primary.lines
        waiting += self.queues.fallback.lines if self.queues.fallback is not None else 0
        return self.account.received == self.account.settled() + waiting

    def close(self) -> None:
        for sink in (self.sink, self.fallback, self.archive):
            sink.release.set()
        for worker in self.workers:
            worker.stop(timeout_s=WAIT_S)
        os.close(self.stdout)
        os.close(self._write_end)


Make = Callable[..., World]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[World] = []

    def one(*, fallback: bool = False, archive: bool = False, last_resort: bool = True) -> World:
        made.append(World(fallback=fallback, archive=archive, last_resort=last_resort))
        return made[-1]

    yield one
    for world in made:
        world.close()


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_what_waits_is_delivered_and_nothing_is_said(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ordinary case."""
    world = make()
    world.put("a")

    awaited = world.delivery.is_awaited
    world.attempt()

    assert awaited
    assert not world.delivery.is_awaited
    assert world.sink.taken == ["a"]
    assert world.account.deliveries == {"taken": 1}
    assert world.adds_up
    assert said(capsys) == []


def test_one_failure_is_retried_in_silence_and_a_second_is_told(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that died in the freezer is no news; a sink that is down is, once."""
    world = make()
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


def test_what_the_sink_refuses_goes_to_the_fallback(make: Make) -> None:
    """A refused record is kept by the fallback, and counted as such."""
    world = make(fallback=True)
    world.sink.answer = lambda _: Receipt(Answer.REFUSED, "status 405")
    world.put("a")
    world.put("b", failed=False)

    world.attempt()
    world.attempt()

    assert world.fallback.taken == ["a", "b"]
    assert (world.account.fallback, world.account.lost) == (2, {})
    assert world.adds_up
    assert world.written() == []


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


def test_without_a_fallback_what_failed_and_is_refused_is_written_out(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that explains a failure is lost while there is standard output; healthy lines are, and counted."""
    world = make()
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
    metadata = Metadata("a", "", "f", "1", "e", "archive", 1.0, failed=False)
    world.queues.store(metadata, Segment(b"{}", count=1, first_number=0))

    awaited = world.delivery.is_awaited
    world.attempt()

    assert not awaited
    assert world.account.archive.lost == {"refused": 1}
    assert world.account.settled() == 0


def test_nothing_is_sent_until_it_is_known_where_to(make: Make) -> None:
    """While the settings that name the sinks are being fetched, what is owed waits."""
    world = make()
    world.delivery.make_ready(ready=False)
    world.put("a")
    world.attempt()
    waits = (world.delivery.wait_s(world.now_s()), world.sink.attempts)
    world.delivery.make_ready(ready=True)
    world.attempt()

    assert waits == (None, 0)
    assert world.sink.taken == ["a"]


def test_a_delivery_that_outlasts_its_time_is_broken_off(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink is told to stop a while after the time it was given, and not before."""
    monkeypatch.setattr(delivery_module, "ATTEMPT_TIMEOUT_S", 5.0)
    world = make()
    world.sink.release.clear()
    world.put("a")
    world.delivery.deliver(world.now_s())
    assert world.sink.stalled.wait(WAIT_S)

    world.delivery.deliver(world.now_s() + 5.5)
    still = world.sink.release.is_set()
    world.delivery.deliver(world.now_s() + 6.5)

    assert not still
    assert world.sink.release.is_set()


def test_at_the_end_everything_is_delivered(make: Make) -> None:
    """What waits in any lane goes, without its pauses."""
    world = make(fallback=True, archive=True)
    world.put("a")
    world.put("bb", to=world.queues.fallback)
    metadata = Metadata("a", "", "f", "1", "e", "archive", 1.0, failed=False)
    world.queues.store(metadata, Segment(b"{}", count=1, first_number=0))

    took_s = world.finish()

    assert (world.sink.taken, world.fallback.taken, world.archive.taken) == (["a"], ["bb"], ["a"])
    assert took_s < 0.8
    assert world.adds_up


def test_at_the_end_a_sink_that_stalls_leaves_time_for_the_fallback(make: Make) -> None:
    """Half of the last moments are the fallback's; what the sink has under way goes there as well."""
    world = make(fallback=True)
    world.sink.release.clear()
    world.put("a")

    took_s = world.finish()

    assert world.fallback.taken == ["a"]
    assert took_s < 0.8
    assert world.account.kept == {"crash": 1}
    assert world.adds_up


@pytest.mark.parametrize("stalls", [True, False], ids=["a sink that stalls", "a sink that fails"])
@pytest.mark.parametrize("fallback", [True, False], ids=["with a fallback", "alone"])
def test_at_the_end_what_failed_is_written_out_if_no_sink_takes_it(
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

    assert took_s < 0.8 + 0.15
    assert [one["record"][:5] for one in world.written()] == ["first", "last"]
    assert (world.account.last_resort, world.account.lost) == (2, {"shutdown": 1})
    assert world.adds_up
    (end,) = [one for one in said(capsys) if "ended before" in one["event"]]
    assert (end["lines"], end["written_to_stdout"]) == (3, 2)


def test_a_standard_output_that_nobody_reads_does_not_hold_the_end_up(make: Make) -> None:
    """A full pipe costs the time there is, no more, and what did not fit is lost."""
    world = make()
    world.sink.answer = lambda _: DOWN
    world.put("a", text="x" * 200_000)

    took_s = world.finish(within_s=0.4)

    assert took_s < 0.4 + 0.15
    assert world.account.lost == {"shutdown": 1}
    assert world.adds_up


def test_where_standard_output_is_the_sink_there_is_no_last_resort(make: Make) -> None:
    """What standard output would not take is not written there again."""
    world = make(last_resort=False)
    world.sink.answer = lambda _: DOWN
    world.put("a")

    world.finish(within_s=0.3)

    assert world.written() == []
    assert world.account.lost == {"shutdown": 1}


# The extension's own metrics -------------------------------------------------------------------------------------------

CLOUDWATCH = {"SINK": "cloudwatch", "FALLBACK_SINK": "https", "ARCHIVE_SINK": "s3"}


def test_metrics_go_to_cloudwatch_with_what_else_waits(make: Make) -> None:
    """No request of their own, and no line in the account."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.put("a")
    went = world.delivery.report(world.metrics("m"))

    world.attempt()

    assert went
    assert world.sink.taken == ["a", "m"]
    assert (world.sink.attempts, world.account.kept) == (1, {"crash": 1})
    assert world.written() == []
    assert world.adds_up


def test_nobody_waits_for_metrics(make: Make) -> None:
    """They may be on their way while an invocation ends; a line beside them is waited for as ever."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.sink.release.clear()
    world.delivery.report(world.metrics("m"))
    waiting = world.delivery.is_awaited
    world.delivery.deliver(world.now_s())
    under_way = world.delivery.is_awaited
    world.put("a")

    assert (waiting, under_way, world.delivery.is_awaited) == (False, False, True)


@pytest.mark.parametrize("scheme", ["https", "s3", "file", "otlp+https"])
def test_metrics_are_printed_where_the_sink_is_no_cloudwatch(make: Make, scheme: str) -> None:
    """Nobody would make metrics of them there."""
    world = make()
    world.delivery.lead_metrics({"SINK": scheme})

    went = world.delivery.report(world.metrics("m"))

    assert went
    assert world.written() == [{"m": "m"}]
    assert world.queues.primary.empty


@pytest.mark.parametrize("lane", ["SINK", "FALLBACK_SINK"])
def test_metrics_go_through_what_prints_in_any_case(make: Make, lane: str) -> None:
    """Two that write to standard output at the same time would write into each other's lines."""
    world = make(fallback=True)
    world.delivery.lead_metrics({"SINK": "https", "FALLBACK_SINK": "https", lane: "stdout"})

    world.delivery.report(world.metrics("m"))
    world.attempt()

    assert (world.sink if lane == "SINK" else world.fallback).taken == ["m"]
    assert world.written() == []


def test_metrics_are_printed_while_cloudwatch_is_down(make: Make) -> None:
    """One line waits with what waits; those that come after it is known are printed, and nothing is there twice."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.sink.answer = lambda _: DOWN
    world.delivery.report(world.metrics("m"))
    world.attempt()
    world.attempt()
    world.delivery.report(world.metrics("mm"))
    printed = world.written()
    world.sink.answer = lambda _: TAKEN
    world.attempt()
    world.delivery.report(world.metrics("mmm"))
    world.attempt()

    assert printed == [{"m": "mm"}]
    assert world.sink.taken == ["m", "mmm"]
    assert world.written() == []


def test_metrics_wait_until_it_is_known_where_to(make: Make) -> None:
    """While SINK is a reference that is being fetched, nothing is handed on, so it is told again later."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.delivery.make_ready(ready=False)

    assert not world.delivery.report(world.metrics("m"))
    assert world.written() == []
    assert world.queues.primary.empty


def test_metrics_that_wait_are_printed_when_the_sink_becomes_another(make: Make) -> None:
    """SINK may be a reference whose value changes."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.put("a")
    world.delivery.report(world.metrics("m"))

    world.delivery.lead_metrics({"SINK": "https"})
    world.attempt()

    assert world.written() == [{"m": "m"}]
    assert world.sink.taken == ["a"]
    assert world.queues.held_bytes == 0


def test_metrics_that_are_refused_are_printed(make: Make) -> None:
    """They do not go to the fallback, which makes no metrics of them."""
    world = make(fallback=True)
    world.delivery.lead_metrics(CLOUDWATCH)
    world.sink.answer = lambda _: Receipt(Answer.REFUSED, "status 405")
    world.put("a")
    world.delivery.report(world.metrics("m"))

    world.attempt()
    world.attempt()

    assert world.written() == [{"m": "m"}]
    assert world.fallback.taken == ["a"]


@pytest.mark.parametrize(
    ("scheme", "taken", "printed"),
    [("https", ["a"], [{"m": "m"}]), ("cloudwatch", ["a", "m"], [])],
)
def test_metrics_that_are_moved_go_to_a_fallback_that_takes_them(
    make: Make, scheme: str, taken: list[str], printed: list[object]
) -> None:
    """Another log group does; anything else does not."""
    world = make(fallback=True)
    world.delivery.lead_metrics(CLOUDWATCH | {"FALLBACK_SINK": scheme})
    world.sink.answer = lambda _: Receipt(Answer.DENIED)
    world.put("a")
    world.delivery.report(world.metrics("m"))

    world.attempt()
    world.attempt(skip_s=0.01)
    world.attempt(skip_s=0.01)

    assert world.fallback.taken == taken
    assert world.written() == printed


def test_the_last_metrics_go_to_cloudwatch_after_everything_else(make: Make) -> None:
    """They tell what has become of it."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.put("a")
    world.finish()

    world.delivery.report_last(world.metrics("m"), world.now_s() + 0.8, wait=world.wait)

    assert world.sink.taken == ["a", "m"]
    assert world.written() == []


@pytest.mark.parametrize("fallback", [False, True])
@pytest.mark.parametrize("stalls", [False, True])
def test_the_last_metrics_are_printed_once_if_cloudwatch_does_not_take_them(
    make: Make, fallback: bool, stalls: bool
) -> None:
    """Down, or silent: they are on standard output in time."""
    world = make(fallback=fallback)
    world.delivery.lead_metrics(CLOUDWATCH)
    world.sink.answer = lambda _: DOWN
    if stalls:
        world.sink.release.clear()
    world.put("a", failed=False)
    until_s = world.now_s() + 0.8
    world.delivery.finish(until_s, wait=world.wait)

    world.delivery.report_last(world.metrics("m"), until_s, wait=world.wait)

    assert world.written() == [{"m": "m"}]
    assert world.now_s() < until_s + 0.5
    assert world.adds_up


def test_the_last_metrics_are_printed_if_there_was_nothing_else_and_cloudwatch_stalls(
    make: Make,
) -> None:
    """Nothing failed before; they are given the time there is, and are printed then."""
    world = make()
    world.delivery.lead_metrics(CLOUDWATCH)
    world.sink.release.clear()

    world.delivery.report_last(world.metrics("m"), world.now_s() + 0.5, wait=world.wait)

    assert world.written() == [{"m": "m"}]


def test_metrics_that_cannot_be_written_are_told_again_or_said_to_be_lost(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody reads standard output: an invocation is not held up for that, and it is no secret."""
    world = make()
    world.delivery.lead_metrics({"SINK": "https"})
    world.fill_stdout()
    began_s = time.monotonic()
    went = world.delivery.report(world.metrics("m"))
    took_s = time.monotonic() - began_s

    world.delivery.report_last(world.metrics("m"), world.now_s(), wait=world.wait)

    assert not went
    assert took_s < 0.3
    assert [one["variable"] for one in said(capsys)] == ["FLIGHT_RECORDER_METRICS"]


def test_times_to_an_answer_are_told(make: Make) -> None:
    """Of SINK and FALLBACK_SINK, and not of the archive, which nobody waits for."""
    world = make(fallback=True, archive=True)
    took_ms: list[float] = []
    world.delivery.on_answer = took_ms.append
    archive = world.queues.archive
    world.put("a")
    world.put("bb", to=world.queues.fallback)
    world.put("ccc", to=archive)

    world.attempt()

    assert len(took_ms) == 2
    assert all(0 <= one < WAIT_S * 1000 for one in took_ms)


def test_a_standard_output_that_is_broken_is_no_end(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be written is told again later, and said to be lost at the end."""
    world = make()
    world.delivery.lead_metrics({"SINK": "https"})
    with Path("/dev/full").open("wb", buffering=0) as full:
        world.delivery._metrics_out = full.fileno()
        went = world.delivery.report(world.metrics("m"))
        world.delivery.report_last(world.metrics("m"), world.now_s(), wait=world.wait)

    assert not went
    assert [one["variable"] for one in said(capsys)] == ["FLIGHT_RECORDER_METRICS"]
