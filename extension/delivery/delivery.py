"""Delivery: send the queues to the sinks, and save or count chunks that no sink takes.

Promises: the main loop waits here at SHUTDOWN only, and then to a deadline. What SINK refuses goes to FALLBACK_SINK.
Without one, lines of failed invocations go to standard output, the last resort, and so does what is left of them at
SHUTDOWN. Lambda sends standard output to CloudWatch, if the function's role allows it. Every line is counted.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.delivery.exporter import Exporter
from extension.delivery.queue import Queues
from extension.delivery.standard_output import LAST_RESORT_S, STDOUT, write_out
from extension.delivery.worker import Rewrite, SinkWorker
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

if TYPE_CHECKING:
    from extension.delivery.failover import Failover
    from extension.delivery.own_metrics import OwnMetrics

ATTEMPT_TIMEOUT_S = 10.0
"""For one attempt at a delivery. No invocation waits for it: FLUSH_TIMEOUT bounds that."""

SHUTDOWN_PAUSE_S = 0.1
"""Between attempts at SHUTDOWN: long enough for a sink that refused a connection to accept one again."""

OVERTIME_S = 0.1
"""Beyond that time, for the same if a sink did not fail but did not answer either."""


class Delivery:
    """Deliver the queues of one environment.

    Attributes:
        exporters: one for each sink, SINK's first.
        is_ready: whether deliveries may start: false while a setting that names a sink is being fetched.
    """

    def __init__(  # noqa: PLR0913 - the parts of one environment
        self,
        queues: Queues,
        *,
        primary: SinkWorker,
        fallback: SinkWorker | None = None,
        archive: SinkWorker | None = None,
        account: Account,
        log: OwnLog,
        last_resort: int | None = STDOUT,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an exporter of each queue and its worker, which has been started.

        ``last_resort`` is the descriptor of standard output; None where that is SINK already.
        """
        self._account = account
        self._log = log
        self._last_resort = last_resort
        self._monotonic_s = monotonic_s
        self._primary = Exporter("SINK", queues.primary, primary)
        self._archive: Exporter | None = None
        self._failover: Failover | None = None
        self._own_metrics: OwnMetrics | None = None
        self._rewrite: Rewrite | None = None
        self._until_s: float | None = None
        self.exporters = [self._primary]
        self.is_ready = True
        if queues.fallback is not None and fallback is not None:
            exporter = Exporter("FALLBACK_SINK", queues.fallback, fallback)
            self._failover = _failover(self._primary, exporter)
            self.exporters.append(exporter)
        if queues.archive is not None and archive is not None:
            self._archive = Exporter("ARCHIVE_SINK", queues.archive, archive)
            self.exporters.append(self._archive)
        self._by_descriptor = {one.worker.descriptor: one for one in self.exporters}

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that become readable when there is something to :meth:`collect`."""
        return list(self._by_descriptor)

    @property
    def is_awaited(self) -> bool:
        """Whether an invocation may be held for something on its way to SINK or FALLBACK_SINK."""
        return any(one.is_awaited for one in self.exporters if one is not self._archive)

    def start_metrics(self, *, descriptor: int = STDOUT) -> "OwnMetrics":
        """Deliver the extension's own metrics beside the lines. The descriptor is that of standard output."""
        # Imported here: METRICS is off by default.
        from extension.delivery.own_metrics import OwnMetrics

        own = self._own_metrics = OwnMetrics(
            self.exporters,
            is_ready=lambda: self.is_ready,
            finish=self.finish,
            log=self._log,
            descriptor=descriptor,
            monotonic_s=self._monotonic_s,
        )
        if self._failover is not None:
            self._failover.own_metrics = own
        return own

    def rewrite(self, make: Callable[[], Rewrite] | None) -> None:
        """Rewrite each batch before it leaves, with a rewriter for each thread, since it has a state; None for none."""
        self._rewrite = make() if make is not None else None
        for exporter in self.exporters:
            exporter.worker.rewrite = make() if make is not None else None

    def overdue(self) -> None:
        """Note that an invocation was held for as long as it may be."""
        for exporter in self.exporters:
            if exporter is not self._archive and not exporter.queue.empty:
                exporter.queue.backoff.is_late = True

    def deliver(self, now_s: float, *, at_once: bool = False) -> float | None:
        """Start what is due, or everything if ``at_once``, and abort what takes much too long.

        Returns:
            The seconds until there is something to do again; None if there is nothing.
        """
        if not self.is_ready:
            return None
        if self._failover is not None:
            self._failover.divert(now_s)
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
        is_fallback = self._failover is not None and exporter is self._failover.fallback
        before = sum(account.kept.values()) if is_fallback else 0
        outcome = exporter.collect(self._monotonic_s())
        if outcome is None:
            return True
        if is_fallback:
            account.fallback += sum(account.kept.values()) - before
        if self._own_metrics is not None:
            self._own_metrics.answered(exporter, outcome.took_ms)
            self._own_metrics.write([line for _, line in outcome.metrics_given_back])
        receipt = outcome.receipt
        reasons = {reason for reason, _ in (*outcome.given_back, *outcome.metrics_given_back)}
        if receipt.answer is not Answer.TAKEN or reasons or receipt.rejected_lines:
            self._tell(exporter, receipt, reasons)
        for reason, chunk in outcome.given_back:
            self._pass_on(exporter, reason, chunk)
        return True

    # What a sink will not take ----------------------------------------------------------------------------------

    def _pass_on(self, exporter: Exporter, reason: str, chunk: Chunk) -> None:
        if exporter is self._archive:
            self._account.archive.lose(reason, chunk.lines)
        elif exporter is self._primary and self._failover is not None:
            self._failover.fallback.queue.put(chunk)
        elif not (
            chunk.metadata.failed and self._write_out(chunk, self._monotonic_s() + LAST_RESORT_S)
        ):
            self._account.lose(reason, chunk.lines)

    def _tell(self, exporter: Exporter, receipt: Receipt, reasons: set[str]) -> None:
        variable = f"{PREFIX}{exporter.variable}"
        if receipt.answer is Answer.DENIED:
            self._log.once(
                "the sink denied access; kept lines stay in the buffer and are retried until the permission or token is fixed",
                problem=receipt.detail,
                variable=variable,
            )
        elif receipt.answer is Answer.UNAVAILABLE and exporter.queue.backoff.failures > 1:
            # The first failure is often that of a connection that died while the environment was frozen.
            self._log.once(
                "the sink cannot be reached; kept lines stay in the buffer and are retried",
                problem=receipt.detail,
                variable=variable,
            )
        if reasons or receipt.rejected_lines:
            self._log.once(
                "the sink refused some of the kept lines; they go to FALLBACK_SINK, or those of failed invocations to standard output",
                problem=receipt.detail,
                reasons=sorted(reasons) or ["rejected"],
                variable=variable,
            )

    # SHUTDOWN ---------------------------------------------------------------------------------------------------

    def finish(self, until_s: float, *, wait: Callable[[float], object]) -> None:
        """Deliver what is left in time; write the rest out, or count it as lost.

        Args:
            until_s: when it has to be over, by a clock that does not jump.
            wait: waits for so many seconds at most, and handles what comes meanwhile.
        """
        try:
            self._deliver_all(until_s, wait)
        finally:
            self._abandon(max(until_s, self._monotonic_s()) + OVERTIME_S)

    def _deliver_all(self, until_s: float, wait: Callable[[float], object]) -> None:
        failover = self._failover
        self._until_s = until_s
        if failover is not None:
            failover.begin_shutdown(self._monotonic_s(), until_s)
            self._until_s = failover.switch_s
        attempt_at_s = 0.0
        while self.is_ready and not all(one.is_empty for one in self.exporters):
            now_s = self._monotonic_s()
            limit_s = until_s - (LAST_RESORT_S if self._is_failing else 0.0)
            if now_s >= limit_s:
                return
            if failover is not None:
                if failover.switch(now_s):
                    self._until_s = until_s
                else:
                    limit_s = failover.switch_s
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
                elif chunk.metadata.failed and self._write_out(chunk, until_s):
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
        """Write a chunk to standard output, the last resort; return whether that worked."""
        if self._last_resort is None:
            return False
        from extension.model.ndjson import encode

        try:
            chunks = [chunk] if self._rewrite is None else self._rewrite([chunk])
            is_written = write_out(self._last_resort, encode(chunks), until_s, self._monotonic_s)
        except OSError:
            is_written = False
        if is_written:
            self._account.keep(chunk.metadata.reason, chunk.lines)
            self._account.last_resort += chunk.lines
        return is_written


def _failover(primary: Exporter, fallback: Exporter) -> "Failover":
    # Imported here: most functions have no FALLBACK_SINK.
    from extension.delivery.failover import Failover

    return Failover(primary, fallback)
