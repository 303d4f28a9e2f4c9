"""Delivery: send the queues to the sinks, and save or count chunks that no sink takes.

Promises: the main loop waits here at SHUTDOWN only, and then to a deadline. What SINK refuses goes to FALLBACK_SINK.
So does what waits while SINK is down; SINK is tried with a batch now and then, and gets everything again once it has
taken one. Without FALLBACK_SINK, lines of failed invocations go to standard output, the last resort, and so does what
is left of them at SHUTDOWN (see :mod:`extension.delivery.finish`). Lambda sends standard output to CloudWatch, if the
function's role allows it. Every line is counted.
"""

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.delivery.exporter import Exporter
from extension.delivery.standard_output import LAST_RESORT_S, STDOUT
from extension.delivery.worker import Rewrite
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

if TYPE_CHECKING:
    from extension.delivery.own_metrics import OwnMetrics

ATTEMPT_TIMEOUT_S = 10.0
"""For one attempt at a delivery. No invocation waits for it: FLUSH_TIMEOUT bounds that."""


class Delivery:
    """Deliver the queues of one environment.

    Attributes:
        exporters: one for each sink, SINK's first.
        primary: SINK's.
        fallback: FALLBACK_SINK's; None where it is not set, or no longer.
        account: counts every line.
        log: tells what went wrong.
        has_last_resort: whether standard output can be written to: not where it is SINK already.
        processor_share: what the environment has of a processor, 1.0 for a whole one or more.
        own_metrics: the extension's own metrics; None where METRICS is off.
        is_ready: whether deliveries may start: false while a setting that names a sink is being fetched.
    """

    def __init__(
        self,
        exporters: list[Exporter],
        *,
        account: Account,
        log: OwnLog,
        last_resort: int | None = STDOUT,
        processor_share: float = 1.0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with workers that run. ``last_resort`` is a descriptor; None where standard output is SINK already."""
        self.exporters = exporters
        self.account = account
        self.log = log
        self._last_resort = last_resort
        self.has_last_resort = last_resort is not None
        self.processor_share = processor_share
        self._monotonic_s = monotonic_s
        by_variable = {one.variable: one for one in exporters}
        self.primary = exporters[0]
        self.fallback = self._fallback = by_variable.get("FALLBACK_SINK")
        self._archive = by_variable.get("ARCHIVE_SINK")
        self._awaited = [one.queue for one in exporters if one is not self._archive]
        self._by_descriptor = {one.worker.descriptor: one for one in exporters}
        self.own_metrics: OwnMetrics | None = None
        self._rewrite: Rewrite | None = None
        self.is_ready = True

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that become readable when there is something to :meth:`collect`."""
        return list(self._by_descriptor)

    def is_awaited(self, now_s: float) -> bool:
        """Whether an invocation may be held for lines on their way to SINK or FALLBACK_SINK, unless the sink fails."""
        return any(one.is_awaited(now_s) and not one.backoff.is_failing for one in self._awaited)

    def flush(self) -> bool:
        """Let lines of failed invocations that linger leave for SINK and FALLBACK_SINK now; tell whether there are any."""
        changed = [queue.linger.flush() for queue in self._awaited]
        return any(changed)

    def use(self, variables: Collection[str]) -> None:
        """Let nothing more wait for sinks but these. What waits for another one already still goes there."""
        for exporter in self.exporters:
            exporter.queue.is_in_use = exporter.variable in variables
        fallback = self._fallback
        self.fallback = fallback if fallback is not None and fallback.queue.is_in_use else None

    def forget(self, variable: str) -> None:
        """Drop what waits for a sink that has never been named. These are copies for ARCHIVE_SINK, which nobody misses."""
        for exporter in self.exporters:
            if exporter.variable == variable:
                exporter.take_all()

    def start_metrics(self, *, descriptor: int = STDOUT) -> "OwnMetrics":
        """Deliver the extension's own metrics beside the lines. The descriptor is that of standard output."""
        # Imported here: METRICS is off by default.
        from extension.delivery.own_metrics import OwnMetrics

        self.own_metrics = OwnMetrics(
            self.exporters,
            is_ready=lambda: self.is_ready,
            log=self.log,
            descriptor=descriptor,
            monotonic_s=self._monotonic_s,
        )
        return self.own_metrics

    def rewrite(self, rewrite: Rewrite | None) -> None:
        """Rewrite each batch before it leaves, to mask secrets; None for no rewriting. All threads call ``rewrite``."""
        self._rewrite = rewrite
        for exporter in self.exporters:
            exporter.worker.rewrite = rewrite

    def overdue(self) -> None:
        """Note that an invocation was held for as long as it may be."""
        for queue in self._awaited:
            queue.backoff.is_late |= not queue.empty

    @property
    def rewrites(self) -> bool:
        """Whether batches are rewritten before they leave."""
        return self._rewrite is not None

    def deliver(self, now_s: float) -> float | None:
        """Start what is due, and abort what takes much too long.

        Return the seconds until there is something to do again; None if there is nothing.
        """
        if not self.is_ready:
            return None
        queue = self.primary.queue
        is_pausing = queue.backoff.is_down and now_s < queue.backoff.try_at_s
        if self.fallback is not None and is_pausing and not self.primary.is_sending:
            self.fail_over(queue.take_waiting())
        waits = [
            exporter.deliver(now_s, attempt_s=ATTEMPT_TIMEOUT_S, at_once=False)
            for exporter in self.exporters
        ]
        return min([wait_s for wait_s in waits if wait_s is not None], default=None)

    def collect(self, descriptor: int) -> bool:
        """Apply a sink's answer; return whether ``descriptor`` belongs to one of the workers."""
        exporter = self._by_descriptor.get(descriptor)
        if exporter is None:
            return False
        account = self.account
        before = sum(account.kept.values())
        outcome = exporter.collect(self._monotonic_s())
        if outcome is None:
            return True
        if exporter is self._fallback:
            account.fallback += sum(account.kept.values()) - before
        if self.own_metrics is not None:
            self.own_metrics.answered(exporter, outcome.took_ms)
            self.own_metrics.write([line for _, line in outcome.metrics_given_back])
        reasons = {reason for reason, _ in (*outcome.given_back, *outcome.metrics_given_back)}
        self._tell(exporter, outcome.receipt, reasons)
        for reason, chunk in outcome.given_back:
            self._pass_on(exporter, reason, chunk)
        return True

    # What a sink will not take ----------------------------------------------------------------------------------

    def fail_over(self, chunks: list[Chunk]) -> None:
        """Let chunks that waited for SINK wait for FALLBACK_SINK, which is set, and the extension's own metrics too."""
        assert self.fallback is not None  # noqa: S101 - the caller has asked
        for chunk in chunks:
            self.fallback.queue.put(chunk)
        if self.own_metrics is not None:
            self.own_metrics.move(self.primary, self.fallback)

    def _pass_on(self, exporter: Exporter, reason: str, chunk: Chunk) -> None:
        if exporter is self.primary and self.fallback is not None:
            self.fallback.queue.put(chunk)
        elif exporter is self._archive:
            self.lose(exporter, reason, chunk.lines)
        else:
            written = self.write_out(chunk, self._monotonic_s() + LAST_RESORT_S)
            self.lose(exporter, reason, chunk.lines - written)

    def write_out(self, chunk: Chunk, until_s: float, *, with_levels: bool = True) -> int:
        """Write a failed invocation's chunk to standard output; count the lines that were written, and return how many."""
        if self._last_resort is None or not chunk.metadata.failed:
            return 0
        # Imported here: most environments lose no sink.
        from extension.delivery.last_resort import write_chunk

        written = write_chunk(
            chunk,
            self._last_resort,
            until_s,
            rewrite=self._rewrite,
            with_levels=with_levels,
            monotonic_s=self._monotonic_s,
        )
        self.account.handed_to_stdout += written
        return written

    def lose(self, exporter: Exporter, reason: str, lines: int) -> None:
        """Count lines that a sink did not take as lost; the archive's are copies."""
        tally = self.account.archive if exporter is self._archive else self.account
        if lines:
            tally.lose(reason, lines)

    def _tell(self, exporter: Exporter, receipt: Receipt, reasons: set[str]) -> None:
        once = partial(self.log.once, problem=receipt.detail)
        variable = f"{PREFIX}{exporter.variable}"
        if receipt.answer is Answer.DENIED:
            once(
                "the sink denied access or can take nothing; kept lines stay in the buffer and are retried until its permission, token or settings are fixed",
                variable=variable,
            )
        elif receipt.answer is Answer.UNAVAILABLE and exporter.queue.backoff.failures > 1:
            # The first failure is often that of a connection that died while the environment was frozen.
            once(
                "the sink cannot be reached; kept lines stay in the buffer and are retried",
                variable=variable,
            )
        if reasons:
            once(
                "the sink refused some of the kept lines; they go to FALLBACK_SINK, or those of failed invocations to standard output",
                reasons=sorted(reasons),
                variable=variable,
            )
        if receipt.rejected_lines:
            once(
                "the sink rejected some of the kept lines without saying which; they are lost, and counted",
                variable=variable,
            )
