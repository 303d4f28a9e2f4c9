"""Finish: deliver what is left at SHUTDOWN, or write it out. Loaded when SHUTDOWN comes.

Promises: lines of failed invocations come before all others. Sinks have the time that is not needed to write those lines
to standard output, which a small function does slowly. A sink that was failing before gets one attempt more; one that says
that too many requests come is there, and gets more of them. Every line is counted.
"""

from collections.abc import Callable

from extension import PREFIX
from extension.delivery.delivery import Delivery
from extension.delivery.exporter import Exporter
from extension.delivery.queue import MAX_BATCH_BYTES
from extension.delivery.standard_output import LAST_RESORT_S

SHUTDOWN_PAUSE_S = 0.1
"""Between attempts at SHUTDOWN, on average: long enough for a sink that refused a connection to accept one again."""

SHUTDOWN_JITTER = 0.5
"""Shortens or lengthens that pause by up to this share: a thousand environments may end at the same moment."""

FALLBACK_SHARE = 0.5
"""Of the time at SHUTDOWN, the share for FALLBACK_SINK if SINK does not answer: each needs a connection and a request."""

RESERVE_SHARE = 0.65
"""Of the time at SHUTDOWN, the most that is kept free to write lines out if a sink has been well so far."""

UNPROVEN_RESERVE_SHARE = 0.95
"""The same for sinks that are failing, or have taken nothing yet: the rest is enough for one that is there."""

REPORTS_WAIT_SHARE, REPORTS_SPREAD_SHARE = 0.6, 0.2
"""Of the time at SHUTDOWN, how long a report waits whose lines are delivered, and how much of it is drawn, if the sink has
throttled in this environment: then many environments end at once, and lines of the others come first."""

REWRITE_BYTES_PER_S = 8 * 1024 * 1024
"""Of events that a whole processor masks with all presets, where few lines hold a secret (measured: 20 MiB where none does, 2
where each does)."""

WRITE_BYTES_PER_S = 16 * 1024 * 1024
"""Of events that a whole processor encodes and writes to a pipe (measured: 20 to 40 MiB)."""

LEVELS_BYTES_PER_S = 16 * 1024 * 1024
"""Of events whose level a whole processor reads (measured: 23 MiB). If the time is too short for that, records have none."""

LEAST_S = 0.1
"""To write lines out, also behind a deadline that has passed: it may be a clock that is wrong."""

SHUTDOWN_BATCH_BYTES = 128 * 1024
"""In a small function, one batch at SHUTDOWN: what a sink takes is safe, so little at a time is at stake."""


class Finish:
    """Deliver the queues of a delivery for the last time."""

    def __init__(
        self,
        delivery: Delivery,
        until_s: float,
        *,
        wait: Callable[[float], object],
        monotonic_s: Callable[[], float],
    ) -> None:
        """Take the time until which all is done. ``wait`` waits for so many seconds at most, and handles what comes."""
        self._delivery = delivery
        self._until_s = max(until_s, monotonic_s() + LEAST_S)
        self._wait = wait
        self._monotonic_s = monotonic_s
        self._begin_s = monotonic_s()
        self._exporters = delivery.exporters
        self._before = {
            one: (one.queue.backoff.failures, one.queue.backoff.is_late, one.queue.backoff.is_down)
            for one in delivery.exporters
        }
        """Of each sink, how often in a row it had failed before, and whether it was late, or down."""
        self._throttled_before = {one: one.queue.tally.throttled for one in delivery.exporters}

    def run(self) -> None:
        """Deliver lines of failed invocations, write out what no sink took of them, and then deliver the others."""
        is_small = self._delivery.processor_share < 1.0
        for exporter in self._exporters:
            exporter.queue.put_failed_first(
                max_batch_bytes=SHUTDOWN_BATCH_BYTES if is_small else MAX_BATCH_BYTES
            )
        lost = written = 0
        try:
            if self._delivery.has_last_resort:
                self._deliver(
                    lambda one: bool(one.failed_chunks()) and not self._is_failing_still(one)
                )
                lost, written = self._write_out()
            self._deliver(lambda one: not (one.is_empty or self._is_down_still(one)))
        finally:
            lost += self._give_up()
            if lost or written:
                self._delivery.log.once(
                    "the environment ended before all kept lines were delivered; those of failed invocations went to standard output, where a Deny on the function's own log group loses them",
                    lines=lost + written,
                    written_to_stdout=written,
                    variable=f"{PREFIX}FALLBACK_SINK",
                )

    def _is_failing_still(self, exporter: Exporter) -> bool:
        """Tell whether a sink denies access, or was failing before and has failed once more.

        A sink that throttles has not failed: when a thousand environments crash at once, its first answers say no more.
        """
        failures, was_late, _ = self._before[exporter]
        throttled = exporter.queue.tally.throttled - self._throttled_before[exporter]
        is_worse = exporter.queue.backoff.failures > failures + throttled
        return is_worse and (failures > 0 or was_late or exporter.queue.backoff.is_denied)

    def _is_down_still(self, exporter: Exporter) -> bool:
        """Tell whether a sink denies access, or was down before and has failed once more."""
        failures, _, was_down = self._before[exporter]
        is_worse = exporter.queue.backoff.failures > failures
        return is_worse and (was_down or exporter.queue.backoff.is_denied)

    def _deliver(self, is_due: Callable[[Exporter], bool]) -> None:
        """Deliver to the sinks for which ``is_due`` holds, until it holds for none, or the time is up."""
        delivery = self._delivery
        primary, fallback = delivery.primary, delivery.fallback
        begin_s = now_s = self._monotonic_s()
        attempt_at_s = not_before_s = self._not_before_s(is_due)
        while delivery.is_ready:
            due = [one for one in self._exporters if is_due(one)]
            limit_s = self._until_s - self._reserve_s(due)
            if not due or now_s >= limit_s:
                return
            if fallback is not None and not primary.is_empty:
                switch_s = begin_s + (limit_s - begin_s) * (1 - FALLBACK_SHARE)
                if now_s >= switch_s or primary.queue.backoff.is_failing:
                    delivery.fail_over(primary.take_all())
                    now_s = self._monotonic_s()
                    continue
                limit_s = switch_s
            if now_s >= attempt_at_s:
                for exporter in due:
                    exporter.deliver(now_s, attempt_s=limit_s - now_s, at_once=True)
                attempt_at_s = now_s + self._pause_s()
            is_sending = any(one.is_sending for one in due)
            self._wait((limit_s if is_sending else min(limit_s, attempt_at_s)) - now_s)
            if not any(one.queue.backoff.is_failing for one in due):
                # Lines that were under way when this began may be out by now, and nothing but reports left.
                not_before_s = not_before_s or self._not_before_s(is_due)
                attempt_at_s = not_before_s
            now_s = self._monotonic_s()

    def _not_before_s(self, is_due: Callable[[Exporter], bool]) -> float:
        """Return when to begin: at once, unless nothing but reports is left and the sink has throttled."""
        account = self._delivery.account
        is_throttled = account.throttled or account.refused_streams
        # What waits for half of the time goes to FALLBACK_SINK, and the lines of the report are at SINK.
        if not is_throttled or self._delivery.fallback is not None:
            return 0.0
        failed = [one.failed_chunks() for one in self._exporters if is_due(one)]
        chunks = [chunk for several in failed for chunk in several]
        if not chunks or any(chunk.lines for chunk in chunks):
            return 0.0
        share = REPORTS_WAIT_SHARE + REPORTS_SPREAD_SHARE * self._random()
        return self._monotonic_s() + (self._until_s - self._monotonic_s()) * share

    def _random(self) -> float:
        return self._delivery.primary.queue.backoff.random()

    def _pause_s(self) -> float:
        random = self._random()
        return SHUTDOWN_PAUSE_S * (1.0 + SHUTDOWN_JITTER * (2.0 * random - 1.0))

    def _reserve_s(self, exporters: list[Exporter]) -> float:
        """Return the time for the lines of failed invocations that wait for these sinks, if they have to be written out."""
        cost_s = self._cost_s(exporters)
        if not cost_s or not self._delivery.has_last_resort:
            return 0.0
        is_well = any(one.queue.has_taken and not one.queue.backoff.is_failing for one in exporters)
        share = RESERVE_SHARE if is_well else UNPROVEN_RESERVE_SHARE
        most_s = (self._until_s - self._begin_s) * share
        return min(LAST_RESORT_S + cost_s, most_s)

    def _cost_s(self, exporters: list[Exporter], *, with_levels: bool = False) -> float:
        """Estimate how long it takes to write out the lines of failed invocations that wait for these sinks."""
        cost_s = 0.0
        for chunk in [chunk for one in exporters for chunk in one.failed_chunks()]:
            cost_s += chunk.held_bytes / WRITE_BYTES_PER_S
            if with_levels:
                cost_s += chunk.held_bytes / LEVELS_BYTES_PER_S
            if self._delivery.rewrites and chunk.rewritten_by is None:
                cost_s += chunk.held_bytes / REWRITE_BYTES_PER_S
        return cost_s / self._delivery.processor_share

    def _write_out(self) -> tuple[int, int]:
        """Write lines of failed invocations to standard output; return how many were lost, and how many written."""
        lost = written = 0
        left_s = self._until_s - self._monotonic_s()
        with_levels = self._cost_s(self._exporters, with_levels=True) < left_s
        for exporter in self._exporters:
            for chunk in exporter.take_all() if exporter.failed_chunks() else []:
                if not chunk.metadata.failed:
                    exporter.queue.put(chunk)
                    continue
                out = self._delivery.write_out(chunk, self._until_s, with_levels=with_levels)
                self._delivery.lose(exporter, "shutdown", chunk.lines - out)
                lost += chunk.lines - out
                written += out
        return lost, written

    def _give_up(self) -> int:
        """Count what is left as lost, and return how many lines that is."""
        lost = 0
        for exporter in self._exporters:
            for chunk in exporter.take_all():
                self._delivery.lose(exporter, "shutdown", chunk.lines)
                lost += chunk.lines
        if self._delivery.own_metrics is not None:
            self._delivery.own_metrics.abandon()
        return lost
