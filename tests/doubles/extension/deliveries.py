"""A delivery for tests: real workers and pipes, sinks that answer as told, a clock that a test moves on."""

import contextlib
import json
import os
import select
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from extension.delivery.delivery import Delivery
from extension.delivery.exporter import Exporter
from extension.delivery.finish import Finish
from extension.delivery.own_metrics import OwnMetrics
from extension.delivery.queue import Queues, SendingQueue
from extension.delivery.worker import SinkWorker
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.queues import lines_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WAIT_S = 10.0
TAKEN = Receipt(Answer.TAKEN, sent_bytes=10)
DOWN = Receipt(Answer.UNAVAILABLE, "status 503")

TIME = "2026-01-02T03:04:05.678Z"


class ScriptedSink:
    """A sink that answers as told, stalls while ``release`` is clear, and remembers whose records it took."""

    def __init__(self) -> None:
        self.answer: Callable[[list[str]], Receipt] = lambda _: TAKEN
        self.taken: list[str] = []
        self.attempts = 0
        self.stalled = threading.Event()
        self.release = threading.Event()
        self.release.set()

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
        """Have nothing open."""


class Deliveries:
    """A delivery with up to three sinks, and a pipe as standard output."""

    def __init__(
        self,
        *,
        fallback: bool = False,
        archive: bool = False,
        last_resort: bool = True,
        processor_share: float = 1.0,
    ) -> None:
        self.account = Account()
        self.sink, self.fallback, self.archive = ScriptedSink(), ScriptedSink(), ScriptedSink()
        self.skipped_s = 0.0
        self.stdout, self.stdout_end = os.pipe()
        self.log = OwnLog("info")
        self.queues = Queues(
            self._queue(),
            fallback=self._queue() if fallback else None,
            archive=SendingQueue(self.account.archive, random=lambda: 0.0) if archive else None,
        )
        names = ("SINK", "FALLBACK_SINK", "ARCHIVE_SINK")
        sinks = (self.sink, self.fallback, self.archive)
        self.delivery = Delivery(
            [
                Exporter(name, queue, _worker(sink))
                for name, queue, sink in zip(names, self.queues, sinks, strict=True)
                if queue is not None
            ],
            account=self.account,
            log=self.log,
            last_resort=self.stdout_end if last_resort else None,
            processor_share=processor_share,
            monotonic_s=self.now_s,
        )
        self.poll = select.poll()
        for descriptor in self.delivery.descriptors:
            self.poll.register(descriptor, select.POLLIN)

    def _queue(self) -> SendingQueue:
        return SendingQueue(self.account, random=lambda: 0.0)

    def own_metrics(
        self, schemes: "Mapping[str, str]", *, descriptor: int | None = None
    ) -> OwnMetrics:
        """Switch METRICS on, with sinks of these schemes by variable."""
        stdout = self.stdout_end if descriptor is None else descriptor
        self.own = self.delivery.start_metrics(descriptor=stdout)
        self.own.apply(schemes)
        return self.own

    def report(self, name: str) -> bool:
        """Hand on a line of metrics, known by its name."""
        return self.own.report(self.metrics(name))

    def now_s(self) -> float:
        return time.monotonic() + self.skipped_s

    def put(
        self, name: str, *, failed: bool = True, text: str = "line", to: SendingQueue | None = None
    ) -> None:
        reason = "crash" if failed else "sampled"
        metadata = Metadata(name, "", "f", "1", "e", reason, 1.0, failed=failed)
        raw = _event(text)
        self.account.receive(lines=1, size_bytes=len(raw))
        chunk = Chunk(metadata, [Segment(raw, count=1, first_number=len(name))])
        (to or self.queues.primary).put(chunk)

    def archived(self, name: str) -> None:
        metadata = Metadata(name, "", "f", "1", "e", "archive", 1.0, failed=False)
        self.queues.store(metadata, Segment(b"{}", count=1, first_number=0))

    def metrics(self, name: str) -> Chunk:
        """Return a line of metrics, known by its name."""
        metadata = Metadata(name, "", "f", "1", "e", "", 1.0, failed=False)
        raw = _event({"m": name})
        return Chunk(
            metadata, [Segment(raw, count=1, first_number=100 + len(name), kind=Kind.EVENT)]
        )

    def wait(self, wait_s: float) -> None:
        for descriptor, _ in self.poll.poll(max(0, int(wait_s * 1000) + 1)):
            assert self.delivery.collect(descriptor)

    def attempt(self, *, skip_s: float = 60.0) -> None:
        """Let the time of a pause pass, start what is due, and wait until all of it is answered."""
        self.skipped_s += skip_s
        self.delivery.deliver(self.now_s())
        until_s = time.monotonic() + WAIT_S
        while any(exporter.is_sending for exporter in self.delivery.exporters):
            assert time.monotonic() < until_s
            self.wait(0.05)

    def finish(self, *, within_s: float = 0.8, until_s: float | None = None) -> float:
        began_s = time.monotonic()
        until_s = self.now_s() + within_s if until_s is None else until_s
        Finish(self.delivery, until_s, wait=self.wait, monotonic_s=self.now_s).run()
        return time.monotonic() - began_s

    def fill_stdout(self) -> None:
        os.set_blocking(self.stdout_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.stdout_end, b"x" * 65_536)

    def written(self) -> list[dict[str, Any]]:
        os.set_blocking(self.stdout, False)
        try:
            return [json.loads(line) for line in os.read(self.stdout, 1 << 20).splitlines()]
        except BlockingIOError:
            return []

    @property
    def adds_up(self) -> bool:
        """Whether the account has every line that was put."""
        waiting = lines_in(self.queues.primary, self.queues.fallback)
        return self.account.received == settled(self.account) + waiting

    def close(self) -> None:
        for sink in (self.sink, self.fallback, self.archive):
            sink.release.set()
        os.close(self.stdout)
        os.close(self.stdout_end)


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what our own log has said since the last call."""
    return [json.loads(one) for one in capsys.readouterr().err.splitlines()]


def _worker(sink: ScriptedSink) -> SinkWorker:
    return SinkWorker(lambda: sink)


def _event(record: object) -> bytes:
    event = {"time": TIME, "type": "function", "record": record}
    return json.dumps(event, separators=(",", ":")).encode()
