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
"""Of lines that wait for one sink. A line has 1.4 KB, 2.7 with all that it can hold, and a sink that fails gets no further ones."""


class OwnMetrics:
    """Choose where each line of metrics goes. ``on_answer`` is called with the milliseconds of each answer."""

    def __init__(
        self,
        exporters: list[Exporter],
        *,
        is_ready: Callable[[], bool],
        log: OwnLog,
        descriptor: int,
        monotonic_s: Callable[[], float],
    ) -> None:
        """Give each sink a queue of metrics."""
        self._exporters = exporters
        self._is_ready = is_ready
        self._log = log
        self._descriptor = descriptor
        self._monotonic_s = monotonic_s
        self._schemes: Mapping[str, str] = {}
        self._to_stdout: Exporter | None = None
        self._unwritten: list[Chunk] = []
        # No jitter: the pauses of the lines have it.
        self._queues = {
            exporter.variable: SendingQueue(Tally(), random=lambda: 0.0, is_trusted=True)
            for exporter in exporters
        }
        self.on_answer: Callable[[float], None] | None = None
        for exporter in exporters:
            exporter.metrics = self._queues[exporter.variable]

    def apply(self, schemes: Mapping[str, str]) -> None:
        """Apply the schemes of the sinks by variable, which may have changed."""
        self._schemes = schemes
        exporters = self._exporters
        self._to_stdout = next((e for e in exporters if schemes.get(e.variable) == "stdout"), None)
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
        self.write([])
        queue = self._cloudwatch()
        if queue is None:
            return not self._is_writing and self._print(line, self._monotonic_s() + WRITE_S)
        if queue.held_bytes > MAX_WAITING_BYTES:
            return False
        queue.put(line)
        return True

    def report_last(self, line: Chunk, until_s: float) -> bool:
        """Queue the last line, or write it out; return whether a sink should still take it until then."""
        queue = self._cloudwatch() if self._is_ready() else None
        if queue is None or self._monotonic_s() >= until_s - LAST_RESORT_S:
            self._print_or_lose(line)
            return False
        queue.put(line)
        return True

    def move(self, source: Exporter, target: Exporter) -> None:
        """Move the lines of a sink that is down to FALLBACK_SINK, or write them out."""
        lines = self._queues[source.variable].take_all()
        if self._schemes.get(target.variable) == "cloudwatch":
            for line in lines:
                self._queues[target.variable].put(line)
        else:
            self.write(lines)

    def abandon(self) -> None:
        """Write out what no sink has taken, at SHUTDOWN."""
        for queue in self._queues.values():
            self._unwritten += queue.take_all()
        while self._unwritten:
            self._print_or_lose(self._unwritten.pop(0))

    def write(self, lines: list[Chunk]) -> None:
        """Write lines that a sink will not take to standard output, after those that could not be written before."""
        self._unwritten += lines
        while self._unwritten and not self._is_writing:
            self._print_or_lose(self._unwritten.pop(0))

    def _cloudwatch(self) -> SendingQueue | None:
        """Return the queue of metrics for SINK, where that is CloudWatch Logs and takes records."""
        primary = self._exporters[0]
        queue, backoff = self._queues[primary.variable], primary.queue.backoff
        # The batch that the worker has may have been taken out meanwhile. The answer to it is ignored.
        is_stuck = primary.is_sending and not (primary.queue.busy or queue.busy)
        is_well = not (backoff.is_failing or backoff.is_down or is_stuck)
        return queue if is_well and self._schemes.get(primary.variable) == "cloudwatch" else None

    @property
    def _is_writing(self) -> bool:
        """Whether a sink writes to standard output just now. Two who do so at once would mix their lines."""
        return self._to_stdout is not None and self._to_stdout.is_sending

    def _print_or_lose(self, line: Chunk) -> None:
        if not self._print(line, self._monotonic_s() + LAST_RESORT_S):
            self._log.once(
                "could not deliver the extension's own metrics or write them to standard output; one line of them is lost",
                variable=f"{PREFIX}METRICS",
            )

    def _print(self, line: Chunk, until_s: float) -> bool:
        begin_s = self._monotonic_s()
        data = text_of(line)
        is_written = write_out(self._descriptor, data, until_s, self._monotonic_s) == len(data)
        exporter = self._to_stdout
        if is_written and exporter is not None:
            exporter.queue.tally.count_delivery(Answer.TAKEN.value, sent_bytes=len(data))
            self.answered(exporter, (self._monotonic_s() - begin_s) * 1000)
        return is_written


def text_of(line: Chunk) -> bytes:
    """Return a line as one bare object and a newline, as CloudWatch requires."""
    record = json.loads(line.segments[0].raw)["record"]
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"
