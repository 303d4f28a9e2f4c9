"""Exporter: one destination with its queue and its worker.

Promises: one batch at a time is with the worker. A batch that outlasts its time by far is aborted.
"""

from typing import TYPE_CHECKING, NamedTuple

from extension.delivery.queue import SendingQueue
from extension.delivery.worker import SinkWorker
from extension.model.chunk import Chunk
from extension.model.receipt import Receipt

if TYPE_CHECKING:
    from extension.delivery.own_metrics import MetricsQueue

MIN_ATTEMPT_S = 0.05
"""The least that an attempt is given, however little is left: a local receiver answers within it."""

ABORT_GRACE_S = 1.0
"""Beyond the time that an attempt was given, before its connection is aborted."""


class Outcome(NamedTuple):
    """What became of one batch.

    Attributes:
        receipt: the sink's answer.
        given_back: chunks that the sink will not take, each with the reason.
        reasons: why the sink refused records, metrics included.
        took_ms: from handing the batch over to the answer.
    """

    receipt: Receipt
    given_back: list[tuple[str, Chunk]]
    reasons: set[str]
    took_ms: float


class Exporter:
    """Deliver one queue to one sink.

    Attributes:
        metrics: the extension's own metrics that go to this sink; None where METRICS is off.
        queue: what waits for the sink.
        variable: names the sink in our log, such as ``FALLBACK_SINK``.
        worker: the sink's thread.
    """

    __slots__ = ("_abort_at_s", "_sent_at_s", "metrics", "queue", "variable", "worker")

    def __init__(self, variable: str, queue: SendingQueue, worker: SinkWorker) -> None:
        self.variable = variable
        self.queue = queue
        self.worker = worker
        self.metrics: MetricsQueue | None = None
        self._sent_at_s: float | None = None
        self._abort_at_s = 0.0

    @property
    def is_sending(self) -> bool:
        """Whether the worker has a batch that it has not answered yet."""
        return self._sent_at_s is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return self.queue.empty and (self.metrics is None or self.metrics.is_empty)

    @property
    def is_awaited(self) -> bool:
        """Whether an invocation may be held for what waits: not while the sink fails."""
        return not self.queue.empty and not self.queue.backoff.is_failing

    def deliver(self, now_s: float, *, attempt_s: float, at_once: bool) -> float | None:
        """Start what is due, or abort what takes much too long.

        Args:
            now_s: the time, by a clock that does not jump.
            attempt_s: the most that an attempt may take.
            at_once: whether to ignore the pause after a failure, and not to wait for more to come.

        Returns:
            The seconds until there is something to do again; None if there is nothing.
        """
        if self._sent_at_s is not None:
            if now_s >= self._abort_at_s:
                self._abort_at_s = now_s + ABORT_GRACE_S
                self.worker.abort()
            return self._abort_at_s - now_s
        chunks = self.queue.begin(now_s, at_once=at_once)
        if self.metrics is not None:
            chunks = self.metrics.join(chunks, now_s, at_once=at_once)
        if not chunks:
            return self._wait_s(now_s)
        timeout_s = max(attempt_s, MIN_ATTEMPT_S)
        self._abort_at_s = now_s + timeout_s + ABORT_GRACE_S
        self._sent_at_s = now_s
        self.worker.send(chunks, timeout_s=timeout_s)
        return self._abort_at_s - now_s

    def _wait_s(self, now_s: float) -> float | None:
        wait_s = self.queue.wait_s(now_s)
        if self.metrics is None or self.metrics.is_empty:
            return wait_s
        metrics_s = self.queue.backoff.wait_s(now_s)
        return metrics_s if wait_s is None else min(wait_s, metrics_s)

    def collect(self, now_s: float) -> Outcome | None:
        """Apply the sink's answer, once it is there.

        Returns:
            What became of the batch; None if there is no answer, or if the batch was taken out meanwhile.
        """
        receipt = self.worker.collect()
        if receipt is None:
            return None
        sent_at_s, self._sent_at_s = self._sent_at_s, None
        metrics = self.metrics
        if not (self.queue.busy or (metrics is not None and metrics.is_busy)):
            return None
        given_back = self.queue.settle(receipt, now_s)
        reasons = {reason for reason, _ in given_back}
        if metrics is not None:
            reasons |= metrics.settle(receipt, now_s)
        took_s = now_s - (sent_at_s or now_s)
        return Outcome(receipt, given_back, reasons, took_s * 1000)
