"""Sink worker: the thread that takes one batch at a time to a sink.

Promises: the main loop never waits for the sink. An exception in a sink is an answer, and the thread goes on. Each
answer makes a descriptor readable that the main loop polls. A batch that nobody waits for any more soon costs no
processor time.
"""

import os
import threading
from _queue import SimpleQueue  # queue makes classes of its own beside it, for half a millisecond
from collections.abc import Callable, Iterator

from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import Sink

Rewrite = Callable[[list[Chunk]], list[Chunk]]
"""Rewrites chunks before they leave, each to one. Several threads may call it at once."""


class CancelledError(Exception):
    """Nobody waits for the answer any more."""


class UnderWay(list[Chunk]):
    """Chunks of a batch as the worker goes through them, which ends once the main loop's thread has cancelled it."""

    is_cancelled = False

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks; raise CancelledError instead of the next one once the batch is cancelled."""
        for chunk in super().__iter__():
            if self.is_cancelled:
                raise CancelledError
            yield chunk


class SinkWorker:
    """Deliver batches on a thread of its own. The main loop's thread calls all public methods.

    Attributes:
        descriptor: becomes readable when a receipt can be collected.
        rewrite: rewrites each batch before it leaves, to mask secrets; None for no rewriting.
        rewritten: the first chunks of the batch under way, as many as are rewritten already. The worker's thread appends
            to it, and the main loop's reads it.
    """

    def __init__(self, open_sink: Callable[[], Sink]) -> None:
        """Start no thread yet. It begins with the first batch and calls ``open_sink``, which imports what a delivery needs."""
        self._open_sink = open_sink
        self._is_started = False
        self._sink: Sink | None = None
        self._is_stale = False
        self.rewrite: Rewrite | None = None
        self.rewritten: list[Chunk] = []
        self._under_way = UnderWay()
        self._jobs: SimpleQueue[tuple[UnderWay, float]] = SimpleQueue()
        self._receipts: SimpleQueue[Receipt] = SimpleQueue()
        self.descriptor, self._announce = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def change(self, open_sink: Callable[[], Sink]) -> None:
        """Deliver the next batch to another sink."""
        self._open_sink = open_sink
        self._is_stale = True

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> None:
        """Hand a batch over. Only one may be under way; its receipt comes in any case."""
        self.rewritten = []
        self._under_way = UnderWay(chunks)
        if not self._is_started:
            try:
                threading.Thread(target=self._run, name="worker", daemon=True).start()
            except RuntimeError:
                # The function shares the environment's limit of 1,024 threads and processes.
                self._answer(Receipt(Answer.UNAVAILABLE, "no thread can be started"))
                return
            self._is_started = True
        self._jobs.put((self._under_way, timeout_s))

    def collect(self) -> Receipt | None:
        """Return the receipt of the batch under way; None while there is none."""
        try:
            os.read(self.descriptor, 64)
        except BlockingIOError:
            return None
        return self._receipts.get()

    def cancel(self) -> None:
        """Rewrite and encode no more of the batch under way. What is on its way to the sink is not stopped."""
        self._under_way.is_cancelled = True

    def abort(self) -> None:
        """Abort a delivery that takes much longer than it was given, if the sink can."""
        if (sink := self._sink) is not None:
            sink.abort()

    def _run(self) -> None:
        """Deliver batch after batch, until the process ends."""
        while True:
            self._answer(self._deliver(*self._jobs.get()))

    def _answer(self, receipt: Receipt) -> None:
        self._receipts.put(receipt)
        os.write(self._announce, b"!")

    def _deliver(self, chunks: UnderWay, timeout_s: float) -> Receipt:
        try:
            rewrite = self.rewrite
            if rewrite is not None:
                for number, chunk in enumerate(chunks):
                    (chunks[number],) = rewrite([chunk])
                    self.rewritten.append(chunks[number])
            return self._opened().send(chunks, timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - the batch stays queued; only the error's type is reported
            return Receipt(Answer.UNAVAILABLE, f"internal error: {type(error).__name__}")

    def _opened(self) -> Sink:
        if self._is_stale:
            self._is_stale = False
            if self._sink is not None:
                last, self._sink = self._sink, None
                last.close()
        if self._sink is None:
            self._sink = self._open_sink()
        return self._sink
