"""Exporter: one destination with its queue and its worker.

Promises: one batch at a time is with the worker. A batch that outlasts its time by far is aborted.
"""

from typing import NamedTuple

from extension.delivery.queue import SendingQueue
from extension.delivery.worker import SinkWorker
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

MIN_ATTEMPT_S = 0.05
"""The least that an attempt is given, however little is left: a local receiver answers within it."""

ABORT_GRACE_S = 1.0
"""Beyond the time that an attempt was given, before its connection is aborted."""


class Outcome(NamedTuple):
    """Hold a sink's answer, the chunks that it will not take, and how long it took."""

    receipt: Receipt
    given_back: list[tuple[str, Chunk]]
    metrics_given_back: list[tuple[str, Chunk]]
    took_ms: float


class Exporter:
    """Deliver one queue to one sink.

    Attributes:
        variable: names the sink, such as ``FALLBACK_SINK``.
        metrics: the extension's own metrics that go to this sink; None where METRICS is off.
    """

    def __init__(self, variable: str, queue: SendingQueue, worker: SinkWorker) -> None:
        self.variable = variable
        self.queue = queue
        self.worker = worker
        self.metrics: SendingQueue | None = None
        self._sent_at_s: float | None = None
        self._abort_at_s = 0.0

    @property
    def is_sending(self) -> bool:
        """Whether the worker has a batch that it has not answered yet."""
        return self._sent_at_s is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return self.queue.empty and (self.metrics is None or self.metrics.empty)

    def deliver(self, now_s: float, *, attempt_s: float, at_once: bool) -> float | None:
        """Start what is due, or abort what takes much too long; return as ``Delivery.deliver`` does."""
        if self.is_sending:
            if now_s >= self._abort_at_s:
                self._abort_at_s = now_s + ABORT_GRACE_S
                self.worker.abort()
            return self._abort_at_s - now_s
        chunks = self.queue.begin(now_s, at_once=at_once)
        # Lines that the sink may never read must not be blamed for metrics, nor the other way round.
        if self.metrics is not None and not (chunks and self.queue.is_doubted):
            metrics = self.metrics.begin(now_s, at_once=at_once or chunks is not None)
            chunks = [*(chunks or ()), *(metrics or ())]
        if not chunks:
            waits = [one.wait_s(now_s) for one in (self.queue, self.metrics) if one is not None]
            return min([wait_s for wait_s in waits if wait_s is not None], default=None)
        timeout_s = max(attempt_s, MIN_ATTEMPT_S)
        self._abort_at_s = now_s + timeout_s + ABORT_GRACE_S
        self._sent_at_s = now_s
        self.worker.send(chunks, timeout_s=timeout_s)
        return self._abort_at_s - now_s

    def collect(self, now_s: float) -> Outcome | None:
        """Apply the sink's answer; return None if there is none, or if its batch was taken out meanwhile."""
        receipt = self.worker.collect()
        if receipt is None:
            return None
        took_s = now_s - (self._sent_at_s or now_s)
        self._sent_at_s = None
        self._keep_rewritten()
        goes_alone = self.metrics is None or not self.metrics.busy
        receipt = self.queue.judged(receipt, goes_alone=goes_alone)
        of_metrics = None if self.metrics is None else self._settle_metrics(receipt, now_s)
        given_back = self.queue.settle(receipt, now_s)
        if given_back is None and of_metrics is None:
            return None
        return Outcome(receipt, given_back or [], of_metrics or [], took_s * 1000)

    def failed_chunks(self) -> list[Chunk]:
        """Return the chunks of failed invocations that wait or are under way, as they are to leave."""
        self._keep_rewritten()
        return self.queue.failed_chunks()

    def take_all(self) -> list[Chunk]:
        """Remove and return all lines. The answer to the batch under way is then ignored."""
        self._keep_rewritten()
        self.worker.cancel()
        return self.queue.take_all()

    def _keep_rewritten(self) -> None:
        """Keep a batch as it left: nobody has to rewrite it again, neither for a repetition nor for another sink."""
        self.queue.replace_under_way(list(self.worker.rewritten))

    def _settle_metrics(self, receipt: Receipt, now_s: float) -> list[tuple[str, Chunk]] | None:
        queue, metrics = self.queue, self.metrics
        if metrics is None or not metrics.busy:
            return None
        if queue.busy:
            if receipt.answer in (Answer.TOO_LARGE, Answer.UNREADABLE):
                # The lines beside them are to blame.
                receipt = Receipt(Answer.UNAVAILABLE, taken=receipt.taken, refused=receipt.refused)
            return metrics.settle(receipt, now_s)
        given_back = metrics.settle(receipt, now_s)
        queue.tally.count_delivery(receipt.answer.value, sent_bytes=receipt.sent_bytes)
        # Metrics may freeze on their way, so their first failure says nothing about the sink. If it counted, the lines
        # of an invocation that fails next would not be waited for.
        if metrics.backoff.failures != 1 or receipt.answer is Answer.DENIED:
            queue.backoff.answered(receipt, now_s)
        return given_back
