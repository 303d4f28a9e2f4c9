"""The extension's own metrics: how lines of them get to CloudWatch. Loaded only where METRICS is set.

Promises: a line of metrics goes with SINK's next batch where SINK is CloudWatch Logs and takes records, else to
standard output. No invocation waits for metrics, they are no lines of the account, and none is there twice unless a
sink is uncertain. What no sink takes is written to standard output, which Lambda sends to CloudWatch if it may.
"""

import json
import time
from collections.abc import Callable, Mapping

from extension import PREFIX
from extension.delivery.delivery import LAST_RESORT_S, STDOUT, Delivery, write_out
from extension.delivery.exporter import Exporter
from extension.delivery.queue import MAX_ATTEMPTS
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

WRITE_S = 0.05
"""The most that a line may wait while Lambda does not read standard output; then it is tried again later."""

MAX_WAITING = 8
"""Lines that may wait for one sink. A sink that fails gets no further ones, so more than two are never there."""

CLOUDWATCH = "cloudwatch"
STANDARD_OUTPUT = "stdout"
"""Schemes of the sinks from which metrics get to CloudWatch."""


class MetricsQueue:
    """Hold lines of metrics that go to one sink.

    Attributes:
        waiting: lines, oldest first.
    """

    __slots__ = ("_attempts", "_exporter", "_is_alone", "_own", "_under_way", "waiting")

    def __init__(self, own: "OwnMetrics", exporter: Exporter) -> None:
        self._own = own
        self._exporter = exporter
        self._under_way: list[Chunk] = []
        self._is_alone = False
        self._attempts = 0
        self.waiting: list[Chunk] = []

    @property
    def is_busy(self) -> bool:
        """Whether lines are under way."""
        return bool(self._under_way)

    @property
    def is_empty(self) -> bool:
        """Whether no line waits or is under way."""
        return not self.waiting and not self._under_way

    def join(self, batch: list[Chunk] | None, now_s: float, *, at_once: bool) -> list[Chunk] | None:
        """Add the lines that wait to a batch, or make a batch of them if it is time for one.

        Where the sink is standard output, write them there: its worker is idle when this is called.

        Returns:
            The batch with the lines; None if there is nothing to send now.
        """
        if not self.waiting:
            return batch
        if self._own.scheme_of(self._exporter) == STANDARD_OUTPUT:
            self._own.write_for(self._exporter, self.take_all())
            return batch
        if not batch and not at_once and self._exporter.queue.backoff.wait_s(now_s):
            return None
        self._under_way, self.waiting = self.waiting, []
        self._is_alone = not batch
        self._attempts += 1
        return [*(batch or ()), *self._under_way]

    def settle(self, receipt: Receipt, now_s: float) -> set[str]:
        """Apply the sink's answer to the lines under way; write out those that it will not take.

        Returns:
            Why it will not take them.
        """
        lines, self._under_way = self._under_way, []
        if not lines:
            return set()
        if self._is_alone:
            queue = self._exporter.queue
            queue.tally.count_delivery(receipt.answer.value, sent_bytes=receipt.sent_bytes)
            # Lines of metrics may freeze on their way, so their first failure says nothing about the sink. If it
            # counted, the lines of an invocation that fails next would not be waited for.
            queue.backoff.answered(receipt, now_s, is_excused=self._attempts == 1)
        reasons = set()
        for line in lines:
            number = line.segments[0].first_number
            if number in receipt.refused:
                reasons.add(receipt.refused[number])
                self._own.write(line)
            elif receipt.answer is not Answer.TAKEN and number not in receipt.taken:
                if self._is_worth_another(receipt.answer):
                    self.waiting.append(line)
                else:
                    reasons.add(receipt.answer.value)
                    self._own.write(line)
        if not self.waiting:
            self._attempts = 0
        return reasons

    def _is_worth_another(self, answer: Answer) -> bool:
        if answer in (Answer.TOO_LARGE, Answer.UNREADABLE):
            return not self._is_alone
        return answer is not Answer.REFUSED and self._attempts < MAX_ATTEMPTS

    def take_all(self) -> list[Chunk]:
        """Remove and return all lines, those under way as well; the answer to them is then ignored."""
        lines = [*self._under_way, *self.waiting]
        self._under_way, self.waiting, self._attempts = [], [], 0
        return lines


class OwnMetrics:
    """Choose where each line of metrics goes. Used by the main loop.

    Attributes:
        on_answer: called with the milliseconds that SINK or FALLBACK_SINK took to answer, each time.
    """

    def __init__(
        self,
        delivery: Delivery,
        *,
        log: OwnLog,
        descriptor: int = STDOUT,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let metrics go with the batches of a delivery.

        Args:
            delivery: of the environment's lines.
            log: the extension's own log.
            descriptor: of standard output.
            monotonic_s: a clock that does not jump, in seconds.
        """
        self._delivery = delivery
        self._log = log
        self._schemes: Mapping[str, str] = {}
        self._descriptor = descriptor
        self._monotonic_s = monotonic_s
        self.on_answer: Callable[[float], None] | None = None
        self._queues: dict[str, MetricsQueue] = {}
        for exporter in delivery.exporters:
            exporter.metrics = MetricsQueue(self, exporter)
            self._queues[exporter.variable] = exporter.metrics
        delivery.join(self)

    def apply(self, schemes: Mapping[str, str]) -> None:
        """Apply the schemes of the sinks, by variable: write out what waits for a sink from which metrics do not get to CloudWatch."""
        self._schemes = schemes
        for variable, queue in self._queues.items():
            if schemes.get(variable) not in (CLOUDWATCH, STANDARD_OUTPUT):
                waiting, queue.waiting = queue.waiting, []
                for line in waiting:
                    self.write(line)

    def scheme_of(self, exporter: Exporter) -> str:
        """Return the scheme of an exporter's sink."""
        return self._schemes.get(exporter.variable, "")

    def answered(self, took_ms: float) -> None:
        """Report how long SINK or FALLBACK_SINK took to answer."""
        if self.on_answer is not None:
            self.on_answer(took_ms)

    def report(self, line: Chunk) -> bool:
        """Hand a line of metrics on; tell whether that worked. If not, the caller has to report again later."""
        if not self._delivery.is_ready:
            return False
        queue = self._queue()
        if queue is None:
            return self._print(line, self._monotonic_s() + WRITE_S)
        if len(queue.waiting) >= MAX_WAITING:
            return False
        queue.waiting.append(line)
        return True

    def report_last(self, line: Chunk, until_s: float, *, wait: Callable[[float], object]) -> None:
        """Deliver the last line of metrics after everything else, or write it out if no sink takes it in time.

        Args:
            line: the line.
            until_s: as for :meth:`extension.delivery.delivery.Delivery.finish`.
            wait: as for :meth:`extension.delivery.delivery.Delivery.finish`.
        """
        queue = self._queue() if self._delivery.is_ready else None
        if queue is None or self._monotonic_s() >= until_s - LAST_RESORT_S:
            self._print_or_lose(line)
            return
        queue.waiting.append(line)
        self._delivery.finish(until_s, wait=wait)

    def move(self, source: Exporter, target: Exporter) -> None:
        """Move lines that wait for a sink which is down to FALLBACK_SINK, or write them out."""
        for line in self._queues[source.variable].take_all():
            if self.scheme_of(target) == CLOUDWATCH:
                self._queues[target.variable].waiting.append(line)
            else:
                self.write(line)

    def abandon(self) -> None:
        """Write out what no sink has taken, at SHUTDOWN."""
        for queue in self._queues.values():
            for line in queue.take_all():
                self._print_or_lose(line)

    def write(self, line: Chunk) -> None:
        """Write a line to standard output that a sink will not take."""
        exporter = self._to_stdout()
        if exporter is not None:
            self._queues[exporter.variable].waiting.append(line)
        else:
            self._print_or_lose(line)

    def write_for(self, exporter: Exporter, lines: list[Chunk]) -> None:
        """Write lines for a sink that is standard output, and count them as its deliveries."""
        for line in lines:
            begin_s = self._monotonic_s()
            if self._print_or_lose(line):
                sent_bytes = len(text_of(line))
                exporter.queue.tally.count_delivery(Answer.TAKEN.value, sent_bytes=sent_bytes)
                if exporter.variable != "ARCHIVE_SINK":
                    self.answered((self._monotonic_s() - begin_s) * 1000)

    def _queue(self) -> MetricsQueue | None:
        """Return the queue of SINK where that is CloudWatch Logs and takes records, else of a sink on standard output.

        Two who write to standard output at once would mix their lines.
        """
        primary = self._delivery.exporters[0]
        backoff = primary.queue.backoff
        queue = self._queues[primary.variable]
        # The answer to a batch that was taken out meanwhile would be mistaken for the answer to the metrics.
        is_stuck = primary.is_sending and not (primary.queue.busy or queue.is_busy)
        is_well = not (backoff.is_failing or backoff.is_down or is_stuck)
        if self.scheme_of(primary) == CLOUDWATCH and is_well:
            return queue
        exporter = self._to_stdout()
        return None if exporter is None else self._queues[exporter.variable]

    def _to_stdout(self) -> Exporter | None:
        exporters = self._delivery.exporters
        return next((one for one in exporters if self.scheme_of(one) == STANDARD_OUTPUT), None)

    def _print_or_lose(self, line: Chunk) -> bool:
        is_written = self._print(line, self._monotonic_s() + LAST_RESORT_S)
        if not is_written:
            self._log.once(
                "could not deliver the extension's own metrics or write them to standard output; one line of them is lost",
                variable=f"{PREFIX}METRICS",
            )
        return is_written

    def _print(self, line: Chunk, until_s: float) -> bool:
        try:
            return write_out(self._descriptor, text_of(line), until_s, self._monotonic_s)
        except OSError:
            return False


def text_of(line: Chunk) -> bytes:
    """Return a line of metrics with nothing around it but a newline, as CloudWatch wants the embedded metric format."""
    record = json.loads(line.segments[0].raw)["record"]
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"
