"""The delivery thread: takes one batch at a time to the sink, and never anything else.

Promises: the main loop never waits for the sink; an exception in a sink is an answer, not the end of the thread; the
result is announced through a descriptor that the main loop polls.
"""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import Sink

Rewrite = Callable[[list[Chunk]], list[Chunk]]
"""What is done to a batch before it leaves. It may keep a state, so each thread has one of its own."""


class Job(NamedTuple):
    """A batch to deliver, and the most seconds that may take."""

    chunks: list[Chunk]
    timeout_s: float


class SinkWorker:
    """One thread, and the two ends by which the main loop reaches it.

    Attributes:
        descriptor: becomes readable when a receipt can be collected.
        rewrite: what is done to each batch before it leaves, such as to mask secrets; None for nothing.
    """

    def __init__(
        self, open_sink: Callable[[], Sink], *, prepare: Callable[[], None] | None = None
    ) -> None:
        """Takes what opens the sink (in the thread, since that imports), and what else to load there first."""
        self._open_sink = open_sink
        self._prepare = prepare
        self._sink: Sink | None = None
        self._stale = False
        self.rewrite: Rewrite | None = None
        self._errands: SimpleQueue[Job | None] = SimpleQueue()
        self._receipts: SimpleQueue[Receipt] = SimpleQueue()
        self.descriptor, self._announce = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def change(self, open_sink: Callable[[], Sink]) -> None:
        """Takes what opens another sink, which the next batch goes to."""
        self._open_sink = open_sink
        self._stale = True

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> None:
        """Hands over a batch. Only one may be under way; its receipt will come in any case."""
        self._errands.put(Job(chunks, timeout_s))

    def collect(self) -> Receipt | None:
        """Gives the receipt of the batch under way, once it is there."""
        try:
            os.read(self.descriptor, 64)
        except BlockingIOError:
            return None
        return self._receipts.get()

    def abort(self) -> None:
        """Ends, if the sink can, a delivery that takes much longer than it was given."""
        sink = self._sink
        if sink is not None:
            sink.abort()

    def stop(self, *, timeout_s: float) -> None:
        """Ends the thread, or leaves it behind after ``timeout_s``: the process is about to end."""
        self._errands.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            if self._prepare is not None:
                self._prepare()
            self._sink = self._open_sink()
        except Exception:  # noqa: BLE001, S110 - tried again, and told of, with the first batch
            pass
        while (job := self._errands.get()) is not None:
            try:
                rewrite = self.rewrite
                chunks = job.chunks if rewrite is None else rewrite(job.chunks)
                receipt = self._opened().send(chunks, timeout_s=job.timeout_s)
            except Exception as error:  # noqa: BLE001 - the batch waits; what broke is said by its type alone
                receipt = Receipt(Answer.UNAVAILABLE, f"internal error: {type(error).__name__}")
            self._receipts.put(receipt)
            os.write(self._announce, b"!")
        if self._sink is not None:
            self._sink.close()

    def _opened(self) -> Sink:
        if self._stale:
            self._stale = False
            last, self._sink = self._sink, None
            if last is not None:
                last.close()
        if self._sink is None:
            self._sink = self._open_sink()
        return self._sink
