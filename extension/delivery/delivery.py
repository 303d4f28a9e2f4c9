"""Delivery: send the queues to the sinks, and save or count chunks that no sink takes.

Promises: the main loop waits here at SHUTDOWN only, and then to a deadline. What SINK refuses goes to FALLBACK_SINK.
So does what waits while SINK is down; SINK is tried with a batch now and then, and gets everything again once it has
taken one. Without FALLBACK_SINK, lines of failed invocations go to standard output, the last resort, and so does what
is left of them at SHUTDOWN. Lambda sends standard output to CloudWatch, if the function's role allows it. Every line is
counted.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.delivery.exporter import Exporter
from extension.delivery.standard_output import LAST_RESORT_S, STDOUT, write_out
from extension.delivery.worker import Rewrite
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

if TYPE_CHECKING:
    from extension.delivery.own_metrics import OwnMetrics

ATTEMPT_TIMEOUT_S = 10.0
"""For one attempt at a delivery. No invocation waits for it: FLUSH_TIMEOUT bounds that."""

SHUTDOWN_PAUSE_S = 0.1
"""Between attempts at SHUTDOWN: long enough for a sink that refused a connection to accept one again."""

FALLBACK_SHARE = 0.5
"""Of the time at SHUTDOWN, the share for FALLBACK_SINK if SINK does not answer: each needs a connection and a request."""

OVERTIME_S = 0.1
"""Beyond that time, to write to standard output if a sink did not fail but did not answer either."""


class Delivery:
    """Deliver the queues of one environment.

    Attributes:
        exporters: one for each sink, SINK's first.
        is_ready: whether deliveries may start: false while a setting that names a sink is being fetched.
    """

    def __init__(
        self,
        exporters: list[Exporter],
        *,
        account: Account,
        log: OwnLog,
        last_resort: int | None = STDOUT,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with workers that run. ``last_resort`` is a descriptor; None where standard output is SINK already."""
        self.exporters = exporters
        self._account = account
        self._log = log
        self._last_resort = last_resort
        self._monotonic_s = monotonic_s
        by_variable = {one.variable: one for one in exporters}
        self._primary = exporters[0]
        self._fallback = by_variable.get("FALLBACK_SINK")
        self._archive = by_variable.get("ARCHIVE_SINK")
        self._awaited = [one.queue for one in exporters if one is not self._archive]
        self._by_descriptor = {one.worker.descriptor: one for one in exporters}
        self._own_metrics: OwnMetrics | None = None
        self._rewrite: Rewrite | None = None
        self._until_s: float | None = None
        self.is_ready = True

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that become readable when there is something to :meth:`collect`."""
        return list(self._by_descriptor)

    @property
    def is_awaited(self) -> bool:
        """Whether an invocation may be held for lines on their way to SINK or FALLBACK_SINK, unless the sink fails."""
        return any(not one.empty and not one.backoff.is_failing for one in self._awaited)

    def start_metrics(self, *, descriptor: int = STDOUT) -> "OwnMetrics":
        """Deliver the extension's own metrics beside the lines. The descriptor is that of standard output."""
        # Imported here: METRICS is off by default.
        from extension.delivery.own_metrics import OwnMetrics

        self._own_metrics = OwnMetrics(
            self.exporters,
            is_ready=lambda: self.is_ready,
            log=self._log,
            descriptor=descriptor,
            monotonic_s=self._monotonic_s,
        )
        return self._own_metrics

    def rewrite(self, make: Callable[[], Rewrite] | None) -> None:
        """Rewrite each batch before it leaves, with a rewriter for each thread, since it has a state; None for none."""
        self._rewrite = make() if make is not None else None
        for exporter in self.exporters:
            exporter.worker.rewrite = make() if make is not None else None

    def overdue(self) -> None:
        """Note that an invocation was held for as long as it may be."""
        for queue in self._awaited:
            queue.backoff.is_late |= not queue.empty

    def deliver(self, now_s: float, *, at_once: bool = False) -> float | None:
        """Start what is due, or everything if ``at_once``, and abort what takes much too long.

        Return the seconds until there is something to do again; None if there is nothing.
        """
        if not self.is_ready:
            return None
        queue, fallback = self._primary.queue, self._fallback
        is_pausing = queue.backoff.is_down and now_s < queue.backoff.try_at_s
        if fallback is not None and is_pausing and not self._primary.is_sending:
            self._move(queue.take_waiting(), fallback)
        attempt_s = ATTEMPT_TIMEOUT_S if self._until_s is None else self._until_s - now_s
        waits = [
            exporter.deliver(now_s, attempt_s=attempt_s, at_once=at_once)
            for exporter in self.exporters
        ]
        return min([wait_s for wait_s in waits if wait_s is not None], default=None)

    def collect(self, descriptor: int) -> bool:
        """Apply a sink's answer; return whether ``descriptor`` belongs to one of the workers."""
        exporter = self._by_descriptor.get(descriptor)
        if exporter is None:
            return False
        account = self._account
        before = sum(account.kept.values())
        outcome = exporter.collect(self._monotonic_s())
        if outcome is None:
            return True
        if exporter is self._fallback:
            account.fallback += sum(account.kept.values()) - before
        if self._own_metrics is not None:
            self._own_metrics.answered(exporter, outcome.took_ms)
            self._own_metrics.write([line for _, line in outcome.metrics_given_back])
        reasons = {reason for reason, _ in (*outcome.given_back, *outcome.metrics_given_back)}
        self._tell(exporter, outcome.receipt, reasons)
        for reason, chunk in outcome.given_back:
            self._pass_on(exporter, reason, chunk)
        return True

    # What a sink will not take ----------------------------------------------------------------------------------

    def _move(self, chunks: list[Chunk], fallback: Exporter) -> None:
        for chunk in chunks:
            fallback.queue.put(chunk)
        if self._own_metrics is not None:
            self._own_metrics.move(self._primary, fallback)

    def _pass_on(self, exporter: Exporter, reason: str, chunk: Chunk) -> None:
        if exporter is self._archive:
            self._account.archive.lose(reason, chunk.lines)
        elif exporter is self._primary and self._fallback is not None:
            self._fallback.queue.put(chunk)
        elif not self._write_out(chunk, self._monotonic_s() + LAST_RESORT_S):
            self._account.lose(reason, chunk.lines)

    def _tell(self, exporter: Exporter, receipt: Receipt, reasons: set[str]) -> None:
        once = partial(self._log.once, problem=receipt.detail)
        variable = f"{PREFIX}{exporter.variable}"
        if receipt.answer is Answer.DENIED:
            once(
                "the sink denied access; kept lines stay in the buffer and are retried until the permission or token is fixed",
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

    # SHUTDOWN ---------------------------------------------------------------------------------------------------

    def finish(self, until_s: float, *, wait: Callable[[float], object]) -> None:
        """Deliver what is left until ``until_s``; write the rest out, or count it as lost.

        ``wait`` waits for so many seconds at most, and handles what comes meanwhile.
        """
        try:
            self._deliver_all(until_s, wait)
        finally:
            self._abandon(max(until_s, self._monotonic_s()) + OVERTIME_S)

    def _deliver_all(self, until_s: float, wait: Callable[[float], object]) -> None:
        primary = self._primary
        now_s = self._monotonic_s()
        switch_s = now_s + (until_s - now_s) * (1 - FALLBACK_SHARE)
        attempt_at_s = 0.0
        while self.is_ready and not all(one.is_empty for one in self.exporters):
            now_s = self._monotonic_s()
            limit_s = until_s - (LAST_RESORT_S if self._is_failing else 0.0)
            if now_s >= limit_s:
                return
            self._until_s = until_s
            if self._fallback is not None and not primary.is_empty:
                if now_s >= switch_s or primary.queue.backoff.is_failing:
                    self._move(primary.queue.take_all(), self._fallback)
                else:
                    self._until_s = limit_s = switch_s
            if now_s >= attempt_at_s:
                self.deliver(now_s, at_once=True)
                attempt_at_s = now_s + SHUTDOWN_PAUSE_S
            is_sending = any(one.is_sending for one in self.exporters if not one.is_empty)
            wait((limit_s if is_sending else min(limit_s, attempt_at_s)) - now_s)
            if not self._is_failing:
                attempt_at_s = 0.0

    @property
    def _is_failing(self) -> bool:
        return any(one.queue.backoff.is_failing for one in self.exporters if not one.is_empty)

    def _abandon(self, until_s: float) -> None:
        lost = rescued = 0
        for exporter in self.exporters:
            for chunk in exporter.queue.take_all():
                lost += chunk.lines
                if exporter is self._archive:
                    self._account.archive.lose("shutdown", chunk.lines)
                elif self._write_out(chunk, until_s):
                    rescued += chunk.lines
                else:
                    self._account.lose("shutdown", chunk.lines)
        if self._own_metrics is not None:
            self._own_metrics.abandon()
        if lost:
            self._log.once(
                "the environment ended before all kept lines were delivered; those of failed invocations went to standard output",
                lines=lost,
                written_to_stdout=rescued,
                variable=f"{PREFIX}SINK",
            )

    def _write_out(self, chunk: Chunk, until_s: float) -> bool:
        """Write a failed invocation's chunk to standard output, the last resort; return whether that worked."""
        if self._last_resort is None or not chunk.metadata.failed:
            return False
        from extension.model.ndjson import encode

        chunks = [chunk] if self._rewrite is None else self._rewrite([chunk])
        is_written = write_out(self._last_resort, encode(chunks), until_s, self._monotonic_s)
        if is_written:
            self._account.keep(chunk.metadata.reason, chunk.lines)
            self._account.last_resort += chunk.lines
        return is_written
