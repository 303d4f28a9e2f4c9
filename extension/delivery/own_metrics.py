"""The extension's own metrics: how lines of them get to CloudWatch. Loaded only where METRICS is set.

Promises: a line of metrics goes with SINK's next batch where SINK is CloudWatch Logs and takes records, else to
standard output, which Lambda sends to CloudWatch if it may. No invocation waits for metrics, and they are no lines of
the account. What a sink will not take is written to standard output.
"""

import json
from collections.abc import Callable, Mapping

from extension import PREFIX
from extension.delivery.exporter import Exporter
from extension.delivery.queue import SendingQueue
from extension.delivery.standard_output import LAST_RESORT_S, write_out
from extension.diagnostics.account import Tally
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk
from extension.model.receipt import Answer

WRITE_S = 0.05
"""The most that a line may wait while Lambda does not read standard output; then it is tried again later."""

MAX_WAITING_BYTES = 64 * 1024
"""Of lines that wait for one sink. A line has 2 KiB, and a sink that fails gets no further ones."""


class OwnMetrics:
    """Choose where each line of metrics goes. Used by the main loop.

    Attributes:
        on_answer: called with the milliseconds that SINK or FALLBACK_SINK took to answer, each time.
    """

    def __init__(
        self,
        exporters: list[Exporter],
        *,
        is_ready: Callable[[], bool],
        finish: Callable[..., None],
        log: OwnLog,
        descriptor: int,
        monotonic_s: Callable[[], float],
    ) -> None:
        """Give each sink a queue of metrics. The arguments are parts of a :class:`~extension.delivery.delivery.Delivery`."""
        self._exporters = exporters
        self._is_ready = is_ready
        self._finish = finish
        self._log = log
        self._descriptor = descriptor
        self._monotonic_s = monotonic_s
        self._schemes: Mapping[str, str] = {}
        self._unwritten: list[Chunk] = []
        self._queues: dict[str, SendingQueue] = {}
        self.on_answer: Callable[[float], None] | None = None
        for exporter in exporters:
            # No jitter: the pauses of the lines have it.
            exporter.metrics = SendingQueue(Tally(), random=lambda: 0.0)
            self._queues[exporter.variable] = exporter.metrics

    def apply(self, schemes: Mapping[str, str]) -> None:
        """Apply the schemes of the sinks by variable, which may have changed."""
        self._schemes = schemes
        for variable, queue in self._queues.items():
            if schemes.get(variable) != "cloudwatch":
                self.write(queue.take_waiting())

    def answered(self, exporter: Exporter, took_ms: float) -> None:
        """Report how long SINK or FALLBACK_SINK took to answer."""
        if self.on_answer is not None and exporter.variable != "ARCHIVE_SINK":
            self.on_answer(took_ms)

    def report(self, line: Chunk) -> bool:
        """Hand a line of metrics on; tell whether that worked. If not, the caller has to report again later."""
        if not self._is_ready():
            return False
        self._write_unwritten()
        queue = self._cloudwatch()
        if queue is None:
            return not self._is_writing and self._print(line, self._monotonic_s() + WRITE_S)
        if queue.held_bytes > MAX_WAITING_BYTES:
            return False
        queue.put(line)
        return True

    def report_last(self, line: Chunk, until_s: float, *, wait: Callable[[float], object]) -> None:
        """Deliver the last line in the manner of ``finish``, or write it out if no sink takes it in time."""
        queue = self._cloudwatch() if self._is_ready() else None
        if queue is None or self._monotonic_s() >= until_s - LAST_RESORT_S:
            self._print_or_lose(line)
            return
        queue.put(line)
        self._finish(until_s, wait=wait)

    def move(self, source: Exporter, target: Exporter) -> None:
        """Move the lines of a sink that is down to FALLBACK_SINK, or write them out."""
        lines = self._queues[source.variable].take_all()
        if self._schemes.get(target.variable) != "cloudwatch":
            self.write(lines)
            return
        for line in lines:
            self._queues[target.variable].put(line)

    def abandon(self) -> None:
        """Write out what no sink has taken, at SHUTDOWN."""
        for queue in self._queues.values():
            self._unwritten += queue.take_all()
        while self._unwritten:
            self._print_or_lose(self._unwritten.pop(0))

    def write(self, lines: list[Chunk]) -> None:
        """Write lines to standard output that a sink will not take."""
        self._unwritten += lines
        self._write_unwritten()

    def _write_unwritten(self) -> None:
        while self._unwritten and not self._is_writing:
            self._print_or_lose(self._unwritten.pop(0))

    def _cloudwatch(self) -> SendingQueue | None:
        """Return the queue of metrics for SINK, where that is CloudWatch Logs and takes records."""
        primary = self._exporters[0]
        backoff = primary.queue.backoff
        is_well = not (backoff.is_failing or backoff.is_down or primary.is_stuck)
        is_cloudwatch = self._schemes.get(primary.variable) == "cloudwatch"
        return self._queues[primary.variable] if is_cloudwatch and is_well else None

    def _to_stdout(self) -> Exporter | None:
        exporters = self._exporters
        return next((e for e in exporters if self._schemes.get(e.variable) == "stdout"), None)

    @property
    def _is_writing(self) -> bool:
        """Whether a sink writes to standard output just now. Two who do so at once would mix their lines."""
        exporter = self._to_stdout()
        return exporter is not None and exporter.is_sending

    def _print_or_lose(self, line: Chunk) -> None:
        if not self._print(line, self._monotonic_s() + LAST_RESORT_S):
            self._log.once(
                "could not deliver the extension's own metrics or write them to standard output; one line of them is lost",
                variable=f"{PREFIX}METRICS",
            )

    def _print(self, line: Chunk, until_s: float) -> bool:
        begin_s = self._monotonic_s()
        data = text_of(line)
        try:
            is_written = write_out(self._descriptor, data, until_s, self._monotonic_s)
        except OSError:
            return False
        exporter = self._to_stdout()
        if is_written and exporter is not None:
            exporter.queue.tally.count_delivery(Answer.TAKEN.value, sent_bytes=len(data))
            self.answered(exporter, (self._monotonic_s() - begin_s) * 1000)
        return is_written


def text_of(line: Chunk) -> bytes:
    """Return a line as one bare object and a newline, as CloudWatch requires."""
    record = json.loads(line.segments[0].raw)["record"]
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"
