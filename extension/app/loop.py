"""The main loop: wait for events, batches and the sinks' answers, and call Next.

One thread owns all state. Every wait but the one for the next event has a deadline taken from the invocation.
Assumes: ``/event/next`` tells Lambda that it may freeze the environment (AWS: Lambda Extensions API). So whatever
should not wait for the next invocation has to be done before.
"""

import json
import select
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.app.flush_control import Hold
from extension.app.parts import INTERNAL_ERROR, Parts
from extension.lambda_api import MAX_PAUSE_S, REGISTER_PAUSE_S
from extension.model.timestamps import epoch_ns

if TYPE_CHECKING:
    from extension.app.metrics_reporter import MetricsReporter

DEADLINE_MARGIN_S = 0.1
"""Before an invocation's deadline Next is called in any case: the function must not time out because of us."""

MAX_INVOCATION_S = 900.0
"""Lambda's longest function timeout; a deadline further off is a clock that jumped."""

MAX_FAILURES_IN_A_ROW = 10
"""Of our own, before recording stops: an error that comes this often will not go away."""

LINES_WAIT_S = 1.0
"""With no batch for so long, Lambda has told all that it knows: it sends a batch 25 ms after its first event."""


class Loop:
    """Drive one environment from the first Next, which it asks for, to SHUTDOWN. ``reporting`` writes metrics, where METRICS is set."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.reporting: MetricsReporter | None = None
        self._hold: Hold | None = None
        self._missed: Hold | None = None
        self._next_descriptor = -1
        self._ask_at_s: float | None = None
        self._pause_s = REGISTER_PAUSE_S
        self._deliver_at_s: float | None = None
        self._judge_at_s: float | None = None
        self._resume_at_s: float | None = None
        self._shutdown_event: dict[str, object] | None = None
        self._is_asked_to_end = False
        self._is_waiting = False

    def ask_to_end(self, *_: object) -> None:
        """Handle a signal like SHUTDOWN, once the event or batch in hand is done. Runs on the main thread, at any place."""
        self._is_asked_to_end = True
        if self._is_waiting:
            self._is_waiting = False
            # The system call would be resumed otherwise (PEP 475).
            raise InterruptedError

    def run(self) -> None:
        """Run until SHUTDOWN has been handled; raise our own error once there were too many in a row."""
        for descriptor in self._parts.delivery.descriptors:
            self._parts.poll.register(descriptor, select.POLLIN)
        if self._parts.renewal is not None:
            self._parts.poll.register(self._parts.renewal.descriptor, select.POLLIN)
        self._ask_next()
        self._main_loop()
        self._shutdown()

    def _main_loop(self) -> None:
        failures = 0
        while self._shutdown_event is None:
            try:
                self._on_tick()
                failures = 0
            except Exception as error:  # noqa: PERF203 - not where time goes
                failures += 1
                self._free_descriptors()
                self._parts.log.once(INTERNAL_ERROR, error=type(error).__name__)
                if failures >= MAX_FAILURES_IN_A_ROW:
                    raise
                if not (self._parts.api.awaiting or self._hold or self._ask_at_s):
                    self._ask_later("internal error")

    def _on_tick(self) -> None:
        """Wait for something to happen, and handle it."""
        parts = self._parts
        descriptors = self._wait()
        # INVOKE first: it brings the trace id and the deadline of the invocation that the batches tell about.
        if self._next_descriptor in descriptors:
            self._read_event()
        if self._is_asked_to_end and self._shutdown_event is None:
            self._shutdown_event = {"shutdownReason": "spindown"}
        if self._shutdown_event is not None:
            return
        try:
            for descriptor in descriptors:
                self._attend(descriptor)
            if self._ask_at_s is not None and parts.monotonic_s() >= self._ask_at_s:
                self._ask_next()
            if self._resume_at_s is not None and parts.monotonic_s() >= self._resume_at_s:
                self._resume()
            if parts.renewal is not None:
                parts.renewal.check()
            if self.reporting is not None:
                self.reporting.check()
            if self._judge_at_s is not None and parts.monotonic_s() >= self._judge_at_s:
                self._judge_at_s = None
                parts.sampler.judge_waiting()
        finally:
            now_s = parts.monotonic_s()
            wait_s = parts.delivery.deliver(now_s)
            self._deliver_at_s = None if wait_s is None else now_s + wait_s
        self._release(now_s)

    def _wait(self) -> list[int]:
        """Return the descriptors that became readable; none if there was something else to wait for, or a signal came."""
        try:
            self._is_waiting = True
            now_s = self._parts.monotonic_s()
            ready = self._parts.poll.poll(0 if self._is_asked_to_end else self._timeout_ms(now_s))
            self._is_waiting = False
        except InterruptedError:
            return []
        return [descriptor for descriptor, _ in ready]

    def _shutdown(self) -> None:
        self._free_descriptors()
        # Imported here: the time to load it is Lambda's, and no invocation's.
        from extension.app.shutdown import Shutdown

        assert self._shutdown_event is not None  # noqa: S101 - the main loop ends with it
        Shutdown(
            self._parts, self._shutdown_event, attend=self._attend, reporting=self.reporting
        ).run()

    def _attend(self, descriptor: int) -> bool:
        """Handle one readable descriptor; tell whether a batch has come in on it."""
        parts = self._parts
        if parts.delivery.collect(descriptor):
            return False
        if parts.renewal is not None and parts.renewal.attend(descriptor):
            return False
        bodies = parts.listener.attend(descriptor) if parts.listener is not None else []
        for body in bodies:
            parts.recorder.receive(body)
        if parts.listener is not None:
            self._resume_at_s = parts.listener.resume_at_s
        if bodies and parts.sampler.waiting is not None:
            # On Managed Instances.
            self._judge_at_s = parts.monotonic_s() + LINES_WAIT_S if parts.sampler.waiting else None
        return bool(bodies)

    def _free_descriptors(self) -> None:
        """Take back what strangers hold: imports and deliveries fail where no descriptor is left."""
        if self._parts.listener is not None:
            self._parts.listener.drop_strangers()

    def _resume(self) -> None:
        self._resume_at_s = None
        if self._parts.listener is not None:
            self._parts.listener.resume()

    def _timeout_ms(self, now_s: float) -> int | None:
        times = [self._ask_at_s, self._deliver_at_s, self._judge_at_s, self._resume_at_s]
        if self._hold is not None:
            times.append(self._hold.flush_until_s or self._hold.deadline_s)
        waits = [at_s - now_s for at_s in times if at_s is not None]
        if self._parts.renewal is not None:
            waits.append(self._parts.renewal.wait_s())
        return max(0, int(min(waits) * 1000) + 1) if waits else None

    # Next -------------------------------------------------------------------------------------------------------

    def _ask_next(self) -> None:
        self._ask_at_s = None
        try:
            self._parts.api.ask_next()
        except OSError as error:
            self._ask_later(type(error).__name__)
            return
        self._watch_next()

    def _watch_next(self) -> None:
        descriptor = self._parts.api.descriptor
        if descriptor >= 0:
            self._next_descriptor = descriptor
            self._parts.poll.register(descriptor, select.POLLIN)

    def _ask_later(self, problem: str) -> None:
        self._parts.log.once(
            "Lambda did not answer Next as expected; asking again until it does", problem=problem
        )
        self._ask_at_s = self._parts.monotonic_s() + self._pause_s
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)

    def _read_event(self) -> None:
        event = None
        try:
            answer = self._parts.api.read_next()
            if answer is None:
                return
            problem = f"status {answer.status}"
            if answer.status == 200:  # noqa: PLR2004 - HTTP's own number
                event = _event_in(answer.body)
        except OSError as error:
            problem = type(error).__name__
        self._parts.poll.unregister(self._next_descriptor)
        self._next_descriptor = -1
        if event is None:
            self._ask_later(problem)
            return
        self._pause_s = REGISTER_PAUSE_S
        kind = event.get("eventType")
        if kind == "INVOKE":
            self._on_invoke(event)
        elif kind == "SHUTDOWN":
            self._shutdown_event = event
        else:
            self._ask_later(f"unknown event type {str(kind)[:32]}")

    def _on_invoke(self, event: dict[str, object]) -> None:
        parts = self._parts
        self._look_for_missed_end()
        deadline_ms = event.get("deadlineMs")
        deadline_ms = int(deadline_ms) if isinstance(deadline_ms, (int, float)) else 0
        holds = parts.flush_control.holds(deadline_ms=deadline_ms) and parts.listener is not None
        request_id = event.get("requestId")
        if not (holds and isinstance(request_id, str)):
            self._ask_next()
        if not isinstance(request_id, str):
            return
        tracing = event.get("tracing")
        header = tracing.get("value") if isinstance(tracing, dict) else ""
        arn = event.get("invokedFunctionArn")
        invocation = parts.recorder.invoked(
            request_id,
            trace_header=header if isinstance(header, str) else "",
            arn=arn if isinstance(arn, str) else "",
        )
        if holds:
            left_s = deadline_ms / 1000 - parts.wall_s() - DEADLINE_MARGIN_S
            deadline_s = parts.monotonic_s() + min(max(left_s, 0.0), MAX_INVOCATION_S)
            self._hold = Hold(request_id, invocation, deadline_s=deadline_s)

    def _look_for_missed_end(self) -> None:
        """Stop holding Next if the end of the last invocation has not come yet."""
        missed, self._missed = self._missed, None
        if missed is None:
            return
        invocation = missed.invocation or self._parts.recorder.expected(missed.request_id)
        if invocation is None or not invocation.ended:
            self._parts.flush_control.give_up()
            self._parts.log.once(
                "Lambda does not report when invocations end; Next is no longer held, so failures arrive with the next invocation",
                variable=f"{PREFIX}FLUSH",
            )

    def _release(self, now_s: float) -> None:
        """Call Next for the invocation that is held, once nothing speaks against it."""
        hold = self._hold
        if hold is None:
            return
        parts = self._parts
        hold.invocation = hold.invocation or parts.recorder.expected(hold.request_id)
        invocation = hold.invocation
        if invocation is None or not invocation.ended:
            if now_s < hold.deadline_s:
                return
            self._missed = hold
        else:
            if not hold.flush_until_s:
                hold.ended_s = now_s
                parts.account.held_ms["outcome"] += _since_ms(invocation.last_time, parts.wall_s())
                timeout_s = parts.flush_control.flush_timeout_s
                hold.flush_until_s = min(now_s + timeout_s, hold.deadline_s)
            if parts.delivery.is_awaited(now_s):
                if now_s < hold.flush_until_s:
                    if parts.delivery.flush():
                        self._deliver_at_s = now_s
                    return
                parts.delivery.overdue()
                parts.log.once(
                    "the sink took longer than a flush may hold an invocation; delivery goes on in the background",
                    variable=f"{PREFIX}FLUSH_TIMEOUT",
                )
            parts.account.held_ms["delivery"] += (now_s - hold.ended_s) * 1000
        self._hold = None
        self._ask_next()


def _since_ms(time: str, wall_s: float) -> float:
    """Return the milliseconds since a Lambda timestamp. Lambda and we read the same machine's clock."""
    then_ns = epoch_ns(time)
    since_ms = 0.0 if then_ns is None else wall_s * 1000 - then_ns / 1_000_000
    return min(max(since_ms, 0.0), MAX_INVOCATION_S * 1000)


def _event_in(body: bytes) -> dict[str, object] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
