"""Delivery: from the queues to the sinks, each with a thread of its own, and what becomes of what a sink won't take.

Promises: the main loop never waits here but at SHUTDOWN, and then to a deadline. What SINK refuses goes to
FALLBACK_SINK; so does what waits, once SINK has failed a few times in a row, until it takes something again. Without
one, what is refused of a failed invocation goes to standard output, as does whatever is left of failed ones when the
environment ends and no sink has taken it: Lambda sends that to CloudWatch, if it is allowed to. All of it is counted.
The extension's own metrics go to SINK where that is CloudWatch Logs and takes records, else to standard output.
Longer than most modules, because what becomes of what a sink won't take is best seen at one place.

Assumes: standard output is a pipe that Lambda reads (AWS: Telemetry API, type ``extension``).
"""

import os
import select
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from extension import PREFIX
from extension.delivery.queue import Queues, SendingQueue
from extension.delivery.worker import Rewrite, SinkWorker
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

ATTEMPT_TIMEOUT_S = 10.0
"""For one attempt at a delivery. It holds nobody: FLUSH_TIMEOUT bounds what an invocation waits for."""

ABORT_GRACE_S = 1.0
"""Beyond the time that an attempt was given, before its connection is broken off."""

MIN_ATTEMPT_S = 0.05
"""The least that an attempt is given, however little is left: a local receiver answers within it."""

PATIENCE_ATTEMPTS = 5
"""Failures in a row before FALLBACK_SINK steps in: three seconds of pauses, longer than a hiccup."""

SHUTDOWN_PAUSE_S = 0.1
"""Between attempts while the last moments run: long enough for a connection that is refused to be accepted again."""

FALLBACK_SHARE = 0.5
"""Of the last moments, what FALLBACK_SINK is left if SINK does not answer: a connection and a request take as long."""

LAST_RESORT_S = 0.25
"""Of the last moments, what is left for writing to standard output if the sinks fail: a megabyte takes some 10 ms."""

OVERTIME_S = 0.1
"""Beyond the last moments, for the same if a sink did not fail but did not answer either."""

STDOUT = 1

METRICS_S = 0.05
"""The most that a line of metrics may wait while Lambda does not read standard output; then it is tried again later."""

TAKES_METRICS = frozenset({"cloudwatch", "stdout"})
"""Schemes of sinks from which metrics get to CloudWatch."""


class Lane(NamedTuple):
    """One sink's queue and thread, and the variable that names the sink."""

    variable: str
    queue: SendingQueue
    worker: SinkWorker


class Delivery:
    """All lanes of one environment.

    Attributes:
        on_answer: is told of how many milliseconds SINK or FALLBACK_SINK took to answer, each time.
    """

    def __init__(  # noqa: PLR0913 - the wiring is __main__'s
        self,
        queues: Queues,
        *,
        primary: SinkWorker,
        fallback: SinkWorker | None = None,
        archive: SinkWorker | None = None,
        account: Account,
        log: OwnLog,
        last_resort: int | None = STDOUT,
        metrics_out: int = STDOUT,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the queues, and a worker, started, for each of them.

        Args:
            queues: the queues.
            primary: takes to SINK.
            fallback: takes to FALLBACK_SINK.
            archive: takes to ARCHIVE_SINK.
            account: the counters.
            log: the extension's own log.
            last_resort: the descriptor to write to; None where standard output is what SINK is already.
            metrics_out: the descriptor that metrics are written to where no sink takes them.
            monotonic_s: a clock that does not jump, in seconds.
        """
        self._account = account
        self._log = log
        self._last_resort = last_resort
        self._metrics_out = metrics_out
        self._monotonic_s = monotonic_s
        self._primary = Lane("SINK", queues.primary, primary)
        lanes = [self._primary]
        self._fallback: Lane | None = None
        if queues.fallback is not None and fallback is not None:
            self._fallback = Lane("FALLBACK_SINK", queues.fallback, fallback)
            lanes.append(self._fallback)
        self._archive: Lane | None = None
        if queues.archive is not None and archive is not None:
            self._archive = Lane("ARCHIVE_SINK", queues.archive, archive)
            lanes.append(self._archive)
        self._lanes = {lane.worker.descriptor: lane for lane in lanes}
        self._abort_at_s: dict[str, float] = {}
        self._sent_at_s: dict[str, float] = {}
        self._schemes: dict[str, str] = {}
        self.on_answer: Callable[[float], None] | None = None
        self._ready = True
        self._rewrite: Rewrite | None = None
        self._diverted = False
        self._until_s: float | None = None

    @property
    def descriptors(self) -> list[int]:
        """What becomes readable when there is something to :meth:`collect`."""
        return list(self._lanes)

    @property
    def is_awaited(self) -> bool:
        """Whether something is on its way that an invocation may be held for: not while a sink fails, nor an archive."""
        lanes = [self._primary] if self._fallback is None else [self._primary, self._fallback]
        return any(not lane.queue.failing and lane.queue.is_awaited for lane in lanes)

    def make_ready(self, *, ready: bool) -> None:
        """Begins to deliver, or waits: while what names the sinks is still being fetched."""
        self._ready = ready

    def rewrite(self, make: Callable[[], Rewrite] | None) -> None:
        """Takes what makes what is to be done to each batch before it leaves, wherever to; None for nothing."""
        self._rewrite = make() if make is not None else None
        for lane in self._lanes.values():
            lane.worker.rewrite = make() if make is not None else None

    def overdue(self) -> None:
        """Takes note that an invocation has been held for long enough."""
        for lane in (self._primary, self._fallback):
            if lane is not None and not lane.queue.empty:
                lane.queue.overdue()

    def wait_s(self, now_s: float) -> float | None:
        """Gives the seconds until there is something to do; None if there is nothing."""
        waits = []
        for lane in self._lanes.values():
            retry_s = lane.queue.wait_s(now_s) if self._ready else None
            if retry_s is not None:
                waits.append(retry_s)
            if lane.queue.busy:
                waits.append(self._abort_at_s[lane.variable] - now_s)
        return min(waits) if waits else None

    def deliver(self, now_s: float, *, at_once: bool = False) -> None:
        """Starts what is due, and breaks off what takes much too long.

        Args:
            now_s: the time, by the clock that does not jump.
            at_once: whether not to wait for a pause to end, nor for more to come.
        """
        if not self._ready:
            return
        self._divert(now_s)
        for lane in self._lanes.values():
            chunks = lane.queue.begin(now_s, at_once=at_once)
            if chunks:
                left_s = ATTEMPT_TIMEOUT_S if self._until_s is None else self._until_s - now_s
                timeout_s = max(left_s, MIN_ATTEMPT_S)
                self._abort_at_s[lane.variable] = now_s + timeout_s + ABORT_GRACE_S
                self._sent_at_s[lane.variable] = now_s
                lane.worker.send(chunks, timeout_s=timeout_s)
            elif lane.queue.busy and now_s >= self._abort_at_s[lane.variable]:
                self._abort_at_s[lane.variable] = now_s + ABORT_GRACE_S
                lane.worker.abort()

    def collect(self, descriptor: int) -> bool:
        """Takes a receipt, if ``descriptor`` is one of ours; tells whether it is."""
        lane = self._lanes.get(descriptor)
        if lane is None:
            return False
        receipt = lane.worker.collect()
        sent_at_s = self._sent_at_s.pop(lane.variable, None) if receipt is not None else None
        if receipt is not None and lane.queue.busy:
            if self.on_answer and sent_at_s is not None and lane is not self._archive:
                self.on_answer((self._monotonic_s() - sent_at_s) * 1000)
            before = sum(self._account.kept.values())
            given_back = lane.queue.settle(receipt, self._monotonic_s())
            if lane is self._fallback:
                self._account.fallback += sum(self._account.kept.values()) - before
            if lane is self._primary and receipt.answer in (Answer.TAKEN, Answer.DENIED):
                self._diverted = receipt.answer is Answer.DENIED
            self._tell(lane, receipt, given_back)
            for reason, chunk in given_back:
                self._pass_on(lane, reason, chunk)
        return True

    # What a sink would not take ---------------------------------------------------------------------------------

    def _divert(self, now_s: float) -> None:
        """Moves what waits for a sink that is down to the fallback; now and then the sink is given something to try."""
        primary, fallback = self._primary.queue, self._fallback
        if fallback is None or primary.busy:
            return
        if not self._diverted and primary.failures >= PATIENCE_ATTEMPTS:
            self._diverted = True
        if self._diverted and primary.wait_s(now_s):
            self._move(primary.take_waiting(), fallback)

    def _move(self, chunks: list[Chunk], lane: Lane) -> None:
        for chunk in chunks:
            if chunk.is_metrics and not self._takes_metrics(lane):
                self._write_metrics(chunk)
            else:
                lane.queue.put(chunk)

    def _pass_on(self, lane: Lane, reason: str, chunk: Chunk) -> None:
        if chunk.is_metrics:
            self._write_metrics(chunk)
        elif lane is self._archive:
            self._account.archive.lose(reason, chunk.lines)
        elif lane is self._primary and self._fallback is not None:
            self._fallback.queue.put(chunk)
        elif not (
            chunk.metadata.failed and self._write_out(chunk, self._monotonic_s() + LAST_RESORT_S)
        ):
            self._account.lose(reason, chunk.lines)

    def _tell(self, lane: Lane, receipt: Receipt, given_back: list[tuple[str, Chunk]]) -> None:
        variable = f"{PREFIX}{lane.variable}"
        if receipt.answer is Answer.DENIED:
            self._log.once(
                "the sink denies us what we need; what was kept waits, within the buffer, until that is put right",
                problem=receipt.detail,
                variable=variable,
            )
        elif receipt.answer is Answer.UNAVAILABLE and lane.queue.failures > 1:
            # The first failure is that of a connection that died in the freezer, as often as not.
            self._log.once(
                "the sink could not be reached; what was kept waits, within the buffer, and is tried again",
                problem=receipt.detail,
                variable=variable,
            )
        if given_back or receipt.rejected_lines:
            reasons = sorted({reason for reason, _ in given_back}) or ["rejected"]
            self._log.once(
                "the sink refused some of what was kept; it goes to FALLBACK_SINK, or to standard output if it is of a failed invocation",
                problem=receipt.detail,
                reasons=reasons,
                variable=variable,
            )

    # The extension's own metrics --------------------------------------------------------------------------------

    def lead_metrics(self, schemes: Mapping[str, str]) -> None:
        """Takes the scheme of each sink, by variable, anew if it has changed: metrics go to some of them only."""
        self._schemes = dict(schemes)
        for lane in self._lanes.values():
            if not self._takes_metrics(lane):
                for chunk in lane.queue.take_metrics():
                    self._write_metrics(chunk)

    def report(self, chunk: Chunk) -> bool:
        """Takes a line of metrics; tells whether it went, or will: if not, it is to be told again later."""
        if not self._ready:
            return False
        lane = self._metrics_lane()
        if lane is not None:
            lane.queue.put(chunk)
            return True
        return self._print_metrics(chunk, self._monotonic_s() + METRICS_S)

    def report_last(self, chunk: Chunk, until_s: float, *, wait: Callable[[float], None]) -> None:
        """Delivers the last line of metrics, after everything else; what no sink takes in time is written out.

        Args:
            chunk: the line.
            until_s: as for :meth:`finish`.
            wait: as for :meth:`finish`.
        """
        lane = self._metrics_lane() if self._ready else None
        if lane is None or self._monotonic_s() >= until_s - LAST_RESORT_S:
            self._write_metrics(chunk)
            return
        lane.queue.put(chunk)
        self.finish(until_s, wait=wait)

    def _takes_metrics(self, lane: Lane) -> bool:
        return self._schemes.get(lane.variable) in TAKES_METRICS

    def _metrics_lane(self) -> Lane | None:
        """Gives SINK where it is CloudWatch Logs and takes records; else what writes to standard output in any case.

        Two who write there at the same time would write into each other's lines.
        """
        primary = self._primary
        # What was given up on may still be under way: its receipt would be taken for that of the metrics.
        is_stuck = primary.variable in self._sent_at_s and not primary.queue.busy
        is_well = not (primary.queue.failing or self._diverted or is_stuck)
        if self._schemes.get(primary.variable) == "cloudwatch" and is_well:
            return primary
        to_stdout = (lane for lane in self._lanes.values() if self._is_stdout(lane))
        return next(to_stdout, None)

    def _is_stdout(self, lane: Lane) -> bool:
        return self._schemes.get(lane.variable) == "stdout"

    def _write_metrics(self, chunk: Chunk) -> None:
        """Writes metrics to standard output that no sink has taken."""
        if not self._print_metrics(chunk, self._monotonic_s() + LAST_RESORT_S):
            self._log.once(
                "metrics could neither be delivered nor written to standard output; they are lost",
                variable=f"{PREFIX}METRICS",
            )

    def _print_metrics(self, chunk: Chunk, until_s: float) -> bool:
        from extension.model.ndjson import encode

        try:
            return _write(self._metrics_out, encode([chunk]), until_s, self._monotonic_s)
        except OSError:
            return False

    # SHUTDOWN ---------------------------------------------------------------------------------------------------

    def finish(self, until_s: float, *, wait: Callable[[float], None]) -> None:
        """Delivers what is left, as far as there is time; what then is left is written out, or counted as lost.

        Args:
            until_s: when it has to be over, by the clock that does not jump.
            wait: waits for so many seconds at most, and attends to whatever comes meanwhile.
        """
        try:
            self._finish_lanes(until_s, wait)
        finally:
            self._abandon(max(until_s, self._monotonic_s()) + OVERTIME_S)

    def _finish_lanes(self, until_s: float, wait: Callable[[float], None]) -> None:
        begin_s = self._monotonic_s()
        self._until_s = until_s
        switch_s = begin_s + (until_s - begin_s) * (1 - FALLBACK_SHARE)
        if self._fallback is not None:
            self._until_s = switch_s
        attempt_at_s = 0.0
        while self._ready and not all(lane.queue.empty for lane in self._lanes.values()):
            now_s = self._monotonic_s()
            limit_s = until_s - (LAST_RESORT_S if self._is_failing else 0.0)
            if now_s >= limit_s:
                return
            primary = self._primary.queue
            if self._fallback is not None and not primary.empty:
                if now_s >= switch_s or primary.failing:
                    self._move(primary.take_all(), self._fallback)
                    self._until_s = until_s
                else:
                    limit_s = switch_s
            if now_s >= attempt_at_s:
                self.deliver(now_s, at_once=True)
                attempt_at_s = now_s + SHUTDOWN_PAUSE_S
            busy = any(lane.queue.busy for lane in self._lanes.values())
            wait((limit_s if busy else min(limit_s, attempt_at_s)) - now_s)
            if not self._is_failing:
                attempt_at_s = 0.0

    @property
    def _is_failing(self) -> bool:
        return any(lane.queue.failing for lane in self._lanes.values() if not lane.queue.empty)

    def _abandon(self, until_s: float) -> None:
        lost = rescued = 0
        for lane in self._lanes.values():
            for chunk in lane.queue.take_all():
                if chunk.is_metrics:
                    self._write_metrics(chunk)
                elif lane is self._archive:
                    self._account.archive.lose("shutdown", chunk.lines)
                elif chunk.metadata.failed and self._write_out(chunk, until_s):
                    rescued += chunk.lines
                else:
                    self._account.lose("shutdown", chunk.lines)
                lost += chunk.lines
        if lost:
            self._log.once(
                "the environment ended before everything kept was delivered",
                lines=lost,
                written_to_stdout=rescued,
                variable=f"{PREFIX}SINK",
            )

    def _write_out(self, chunk: Chunk, until_s: float) -> bool:
        """Writes a chunk to standard output, the last resort; tells whether it is all written."""
        if self._last_resort is None:
            return False
        from extension.model.ndjson import encode

        try:
            chunks = [chunk] if self._rewrite is None else self._rewrite([chunk])
            written = _write(self._last_resort, encode(chunks), until_s, self._monotonic_s)
        except OSError:
            written = False
        if written:
            self._account.keep(chunk.metadata.reason, chunk.lines)
            self._account.last_resort += chunk.lines
        return written


def _write(descriptor: int, data: bytes, until_s: float, monotonic_s: Callable[[], float]) -> bool:
    """Writes all of ``data``, unless nobody reads it in time.

    Raises:
        OSError: as ``os.write``.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    view = memoryview(data)
    while view:
        left_ms = int((until_s - monotonic_s()) * 1000)
        if left_ms <= 0 or not poll.poll(left_ms):
            return False
        # A pipe that is writable takes this much without blocking (POSIX), and no more than that is certain.
        view = view[os.write(descriptor, view[: select.PIPE_BUF]) :]
    return True
