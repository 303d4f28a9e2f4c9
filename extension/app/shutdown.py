"""SHUTDOWN: decide what is undecided, deliver what is left, and log the account. Loaded when SHUTDOWN comes.

Promises: all of it ends before the deadline, since Lambda kills the process then. A step that fails stops no other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from extension import __version__
from extension.app.parts import INTERNAL_ERROR, Parts
from extension.delivery.finish import Finish
from extension.parsing.failures import failure_by_shutdown

if TYPE_CHECKING:
    from extension.app.metrics_reporter import MetricsReporter

SHUTDOWN_S = 2.0
"""What Lambda gives at SHUTDOWN when it does not say (AWS: Lambda execution environment, shutdown phase)."""

SHUTDOWN_RESERVE_S = 0.15
"""Of it, for the account and for the process to end; SIGKILL comes at the deadline."""

DRAIN_S = 0.3
"""At SHUTDOWN, the most to wait for telemetry that is still on its way, as others do (Datadog's extension)."""

DRAIN_QUIET_S = 0.04
"""Telemetry comes at the latest 25 ms (the subscribed timeoutMs) after it was written."""


class Shutdown:
    """Handle one SHUTDOWN event."""

    def __init__(
        self,
        parts: Parts,
        event: dict[str, object],
        *,
        attend: Callable[[int], bool],
        reporting: "MetricsReporter | None",
    ) -> None:
        """Read the deadline and the reason. ``attend`` handles a descriptor, and tells whether a batch has come in."""
        self._parts = parts
        self._attend = attend
        self._reporting = reporting
        left_s = SHUTDOWN_S
        deadline_ms = event.get("deadlineMs")
        if isinstance(deadline_ms, (int, float)):
            left_s = deadline_ms / 1000 - parts.wall_s()
        self._begin_s = parts.monotonic_s()
        self._until_s = self._begin_s + min(max(left_s, 0.0), SHUTDOWN_S) - SHUTDOWN_RESERVE_S
        reason = event.get("shutdownReason")
        self._failure = failure_by_shutdown(reason if isinstance(reason, str) else "")

    def run(self) -> None:
        """Take all steps, whatever becomes of each."""
        for step in (self._drain, self._decide, self._deliver, self._report, self._log_account):
            try:
                step()
            except Exception as error:  # noqa: BLE001, PERF203 - the account must be logged in any case
                self._parts.log.once(INTERNAL_ERROR, error=type(error).__name__)

    def _drain(self) -> None:
        """Receive late batches, until it has been quiet and no invocation is open."""
        parts = self._parts
        until_s = min(self._until_s, self._begin_s + DRAIN_S)
        quiet_s = self._begin_s + DRAIN_QUIET_S
        while parts.listener is not None:
            now_s = parts.monotonic_s()
            if now_s >= until_s or (now_s >= quiet_s and parts.recorder.complete):
                return
            if self._wait((until_s if now_s >= quiet_s else min(until_s, quiet_s)) - now_s):
                quiet_s = parts.monotonic_s() + DRAIN_QUIET_S
            parts.delivery.deliver(parts.monotonic_s())

    def _decide(self) -> None:
        self._parts.sampler.shut_down(self._failure)

    def _deliver(self) -> None:
        Finish(
            self._parts.delivery,
            self._until_s,
            wait=self._wait,
            monotonic_s=self._parts.monotonic_s,
        ).run()

    def _report(self) -> None:
        if self._reporting is not None and self._reporting.finish(self._until_s):
            self._deliver()

    def _log_account(self) -> None:
        parts = self._parts
        if parts.listener is not None:
            parts.account.unreadable_bytes += parts.listener.discarded_bytes
        parts.account.buffered = parts.sampler.buffered_lines
        parts.log.account(version=__version__, **parts.account.summary())

    def _wait(self, wait_s: float) -> bool:
        """Wait for something to happen, and handle it; tell whether a batch has come in."""
        ready = self._parts.poll.poll(max(0, int(wait_s * 1000) + 1))
        batches = [self._attend(descriptor) for descriptor, _ in ready]
        return any(batches)
