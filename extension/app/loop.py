"""The main loop: what Lambda says, what is owed, and when to say "done".

One thread owns all state; the delivery thread is reached through :mod:`extension.delivery.worker`. The loop waits for the
Extensions API, the listener's connections and the worker at once, and every wait but the one for the next event has
a deadline taken from the invocation. Assumes: calling ``/event/next`` tells Lambda that the environment may be frozen
(AWS: Lambda Extensions API), so whatever should not wait for the next thaw has to be done before.
"""

import json
import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.app.flush_control import FlushControl, Hold
from extension.config.settings import Settings
from extension.delivery.delivery import Delivery
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.lambda_api import MAX_PAUSE_S, REGISTER_PAUSE_S, ExtensionsApi
from extension.lambda_api.listener import Listener
from extension.model.timestamps import epoch_ns
from extension.parsing.failures import failure_by_shutdown
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler

if TYPE_CHECKING:
    from extension.app.metrics_reporter import MetricsReporter
    from extension.app.settings_refresh import SettingsRefresh

DEADLINE_MARGIN_S = 0.1
"""Before an invocation's deadline Next is called in any case: a function must not time out on our account."""

MAX_INVOCATION_S = 900.0
"""Lambda's longest function timeout; a deadline further off is a clock that jumped."""

SHUTDOWN_S = 2.0
"""What Lambda gives at SHUTDOWN when it does not say (AWS: Lambda execution environment, shutdown phase)."""

SHUTDOWN_RESERVE_S = 0.2
"""Of it, for the account and for the process to end; SIGKILL comes at the deadline."""

DRAIN_S = 0.3
"""At SHUTDOWN, the most to wait for telemetry that is still on its way, as others do (Datadog's extension)."""

DRAIN_QUIET_S = 0.04
"""Telemetry comes at the latest 25 ms (the subscribed timeoutMs) after it was written."""

MAX_FAILURES_IN_A_ROW = 10
"""Of our own, before recording stops for good: something is broken that will not mend."""


class Loop:
    """Drives one environment from the first Next to SHUTDOWN.

    Attributes:
        reporting: writes metrics, where METRICS is set.
    """

    def __init__(  # noqa: PLR0913 - the wiring is __main__'s, and this is where it comes together
        self,
        *,
        settings: Settings,
        api: ExtensionsApi,
        listener: Listener | None,
        poll: "select.poll",
        recorder: Recorder,
        sampler: TailSampler,
        delivery: Delivery,
        flush_control: FlushControl | None = None,
        renewal: "SettingsRefresh | None" = None,
        account: Account,
        log: OwnLog,
        renew_identity: Callable[[], None] | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Takes everything it drives.

        Args:
            settings: the effective settings.
            api: with the first Next asked for already.
            listener: None where nothing will ever be delivered, so that there is nothing to hold for.
            poll: the object that ``listener`` registers its connections with.
            recorder: whose line it is.
            sampler: what becomes of it.
            delivery: takes what is owed to the sinks.
            flush_control: whether to hold Next, for each INVOKE; FLUSH decides, unless given.
            renewal: fetches settings that are references, and applies them.
            account: the counters.
            log: the extension's own log.
            renew_identity: called at the first INVOKE, for environments that are clones of a snapshot.
            monotonic_s: a clock that does not jump, in seconds.
            wall_s: the time of day, in seconds since 1970, to read ``deadlineMs`` by.
        """
        self._settings = settings
        self._api = api
        self._listener = listener
        self._poll = poll
        self._recorder = recorder
        self._sampler = sampler
        self._delivery = delivery
        self._renewal = renewal
        self._account = account
        self._log = log
        self._renew_identity = renew_identity
        self._monotonic_s = monotonic_s
        self._wall_s = wall_s
        self._flush_control = flush_control or FlushControl(settings.flush)
        self.reporting: MetricsReporter | None = None
        self._hold: Hold | None = None
        self._missed: Hold | None = None
        self._next_descriptor = -1
        self._ask_at_s: float | None = None
        self._pause_s = REGISTER_PAUSE_S
        self._last_batch_s = 0.0
        self._over = False
        for descriptor in delivery.descriptors:
            poll.register(descriptor, select.POLLIN)
        if renewal is not None:
            poll.register(renewal.descriptor, select.POLLIN)

    def apply(self, settings: Settings) -> None:
        """Takes settings that have changed. What is being held goes on as it began."""
        self._settings = settings
        self._flush_control.flush = settings.flush

    def run(self) -> None:
        """Runs until SHUTDOWN has been handled.

        Raises:
            Exception: our own errors, once there were too many in a row for it to be worth going on.
        """
        self._watch_next()
        failures = 0
        while not self._over:
            try:
                self._step()
                failures = 0
            except Exception as error:  # noqa: PERF203 - not where time goes
                failures += 1
                self._log.once(
                    "internal error; this one batch or event is lost", error=type(error).__name__
                )
                if failures >= MAX_FAILURES_IN_A_ROW:
                    raise
                if not (self._api.awaiting or self._hold or self._ask_at_s):
                    self._ask_later("internal error")

    def _step(self) -> None:
        ready = self._poll.poll(self._timeout_ms(self._monotonic_s()))
        descriptors = [descriptor for descriptor, _ in ready]
        # INVOKE first: it brings the trace id and the deadline of what the batches beside it tell of.
        if self._next_descriptor in descriptors:
            self._read_event()
        for descriptor in descriptors:
            self._attend(descriptor)
        now_s = self._monotonic_s()
        if self._ask_at_s is not None and now_s >= self._ask_at_s:
            self._ask_next()
        if self._renewal is not None:
            self._renewal.check()
        if self.reporting is not None:
            self.reporting.check()
        self._delivery.deliver(now_s)
        self._release(now_s)

    def _attend(self, descriptor: int) -> None:
        listener = self._listener
        if self._delivery.collect(descriptor):
            return
        if self._renewal is not None and self._renewal.attend(descriptor):
            return
        if listener is not None and listener.owns(descriptor):
            for body in listener.read(descriptor):
                self._last_batch_s = self._monotonic_s()
                self._recorder.receive(body)
        elif listener is not None and descriptor == listener.descriptor:
            listener.accept()

    def _timeout_ms(self, now_s: float) -> int | None:
        waits = [self._ask_at_s - now_s] if self._ask_at_s is not None else []
        deliver_s = self._delivery.wait_s(now_s)
        if deliver_s is not None:
            waits.append(deliver_s)
        if self._renewal is not None:
            waits.append(self._renewal.wait_s())
        if self._hold is not None:
            waits.append((self._hold.flush_until_s or self._hold.deadline_s) - now_s)
        return max(0, int(min(waits) * 1000) + 1) if waits else None

    # Next -------------------------------------------------------------------------------------------------------

    def _ask_next(self) -> None:
        self._ask_at_s = None
        try:
            self._api.ask_next()
        except OSError as error:
            self._ask_later(f"{type(error).__name__}")
            return
        self._watch_next()

    def _watch_next(self) -> None:
        descriptor = self._api.descriptor
        if descriptor >= 0:
            self._next_descriptor = descriptor
            self._poll.register(descriptor, select.POLLIN)

    def _ask_later(self, problem: str) -> None:
        self._log.once("Lambda did not answer Next as it should; asking again", problem=problem)
        self._ask_at_s = self._monotonic_s() + self._pause_s
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)

    def _read_event(self) -> None:
        descriptor = self._next_descriptor
        problem = ""
        answer = None
        try:
            answer = self._api.read_next()
            if answer is None:
                return
        except OSError as error:
            problem = type(error).__name__
        self._poll.unregister(descriptor)
        self._next_descriptor = -1
        event = _event_in(answer.body) if answer is not None and answer.status == 200 else None  # noqa: PLR2004
        if event is None:
            self._ask_later(problem or f"status {answer.status if answer is not None else 0}")
            return
        self._pause_s = REGISTER_PAUSE_S
        kind = event.get("eventType")
        if kind == "INVOKE":
            self._on_invoke(event)
        elif kind == "SHUTDOWN":
            self._on_shutdown(event)
        else:
            self._ask_later(f"unknown event type {str(kind)[:32]}")

    def _on_invoke(self, event: dict[str, object]) -> None:
        if self._renew_identity is not None:
            self._renew_identity()
            self._renew_identity = None
        request_id = event.get("requestId")
        deadline_ms = event.get("deadlineMs")
        tracing = event.get("tracing")
        header = tracing.get("value") if isinstance(tracing, dict) else ""
        self._look_for_missed_end()
        deadline_ms = int(deadline_ms) if isinstance(deadline_ms, (int, float)) else 0
        holds = self._flush_control.holds(deadline_ms=deadline_ms) and self._listener is not None
        if not holds:
            self._ask_next()
        if not isinstance(request_id, str):
            if holds:
                self._ask_next()
            return
        arn = event.get("invokedFunctionArn")
        invocation = self._recorder.invoked(
            request_id,
            trace_header=header if isinstance(header, str) else "",
            arn=arn if isinstance(arn, str) else "",
        )
        if holds:
            self._hold = Hold(request_id, deadline_s=self._deadline_s(deadline_ms))
            self._hold.invocation = invocation

    def _look_for_missed_end(self) -> None:
        """Gives up holding if an end was waited for in vain up to the deadline, and has not come since either."""
        missed, self._missed = self._missed, None
        if missed is None:
            return
        invocation = missed.invocation or self._recorder.expected(missed.request_id)
        if invocation is None or not invocation.ended:
            self._flush_control.give_up()
            self._log.once("Lambda does not tell when invocations end; not waiting for it any more")

    def _deadline_s(self, deadline_ms: int) -> float:
        left_s = deadline_ms / 1000 - self._wall_s() - DEADLINE_MARGIN_S
        return self._monotonic_s() + min(max(left_s, 0.0), MAX_INVOCATION_S)

    def _release(self, now_s: float) -> None:
        """Calls Next for the invocation that is held, once nothing speaks against it."""
        hold = self._hold
        if hold is None:
            return
        invocation = hold.invocation
        if invocation is None:
            invocation = hold.invocation = self._recorder.expected(hold.request_id)
        if invocation is None or not invocation.ended:
            if now_s < hold.deadline_s:
                return
            self._missed = hold
        else:
            if not hold.flush_until_s:
                hold.ended_s = now_s
                self._account.held_ms["outcome"] += self._since_ms(invocation.last_time)
                hold.flush_until_s = min(
                    now_s + self._settings.flush_timeout_ms / 1000, hold.deadline_s
                )
            if self._delivery.is_awaited:
                if now_s < hold.flush_until_s:
                    return
                self._delivery.overdue()
                self._log.once(
                    "the sink took longer than a flush may hold an invocation; delivering in the background",
                    variable=f"{PREFIX}FLUSH_TIMEOUT",
                )
            self._account.held_ms["delivery"] += (now_s - hold.ended_s) * 1000
        self._hold = None
        self._ask_next()

    def _since_ms(self, time: str) -> float:
        """Gives how long ago that was which Lambda told of with this time; its clock and ours are the machine's."""
        then_ns = epoch_ns(time)
        since_ms = 0.0 if then_ns is None else self._wall_s() * 1000 - then_ns / 1_000_000
        return min(max(since_ms, 0.0), MAX_INVOCATION_S * 1000)

    # SHUTDOWN ---------------------------------------------------------------------------------------------------

    def _on_shutdown(self, event: dict[str, object]) -> None:
        """Decides what is undecided, delivers what is owed, and says the account, all before the deadline."""
        self._over = True
        self._hold = None
        now_s = self._monotonic_s()
        deadline_ms = event.get("deadlineMs")
        left_s = (
            deadline_ms / 1000 - self._wall_s()
            if isinstance(deadline_ms, (int, float))
            else SHUTDOWN_S
        )
        until_s = now_s + min(max(left_s, 0.0), SHUTDOWN_S) - SHUTDOWN_RESERVE_S
        reason = event.get("shutdownReason")
        try:
            self._drain(now_s, min(until_s, now_s + DRAIN_S))
            self._sampler.shut_down(failure_by_shutdown(reason if isinstance(reason, str) else ""))
        finally:
            try:
                self._delivery.finish(until_s, wait=self._wait)
            finally:
                if self._listener is not None:
                    self._account.unreadable_bytes += self._listener.discarded_bytes
                self._account.buffered = self._sampler.buffered_lines
                try:
                    if self.reporting is not None:
                        self.reporting.finish(until_s, wait=self._wait)
                finally:
                    self._log.account(**self._account.summary())

    def _drain(self, begin_s: float, until_s: float) -> None:
        """Takes what Lambda still has to deliver: until it has been quiet, and no invocation is left open."""
        self._last_batch_s = begin_s
        while self._listener is not None:
            now_s = self._monotonic_s()
            quiet_s = self._last_batch_s + DRAIN_QUIET_S
            if now_s >= until_s or (now_s >= quiet_s and self._recorder.complete):
                return
            wait_s = until_s - now_s if now_s >= quiet_s else min(until_s, quiet_s) - now_s
            self._wait(wait_s)
            self._delivery.deliver(self._monotonic_s())

    def _wait(self, wait_s: float) -> None:
        for descriptor, _ in self._poll.poll(max(0, int(wait_s * 1000) + 1)):
            self._attend(descriptor)


def _event_in(body: bytes) -> dict[str, object] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
