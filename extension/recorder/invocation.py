"""One invocation as far as it is known: its ids, its state, its recording and its verdict.

A request id does not name an invocation: a retry has the same one, and may come to the same environment (AWS: Runtime
API). So an invocation is an object, made when its first event is seen, and compared by identity.
"""

import json

from extension.model.recording import Recording
from extension.model.segment import BATCH_BEGIN, BETWEEN, Kind, Segment
from extension.model.timestamps import epoch_ns, ms_between
from extension.parsing.failures import Failure, Outcome
from extension.recorder.states import State
from extension.sampling.policies import Signs
from extension.sampling.verdict import Verdict

MAX_ERROR_LINES = 8
"""Of an invocation, that are read for the type of its error. Beyond, a function that only logs errors would pay for each."""


class Invocation:
    """Hold the facts about one invocation. Without a request id it is the environment's init.

    Attributes:
        state: where it is in its life; only the tail sampler changes it.
        started: the time of ``platform.start``, as it was written; empty until it has come.
        last_time: the time of the last platform event about it.
        is_announced: whether INVOKE has come.
        is_reported: whether its report has come, so that it has been over for good.
        trace_id: X-Ray's, see :func:`extension.parsing.trace_header.trace_id_of`; empty until known.
        tenant_id: of the tenant that it serves (AWS: tenant isolation); empty where there is none, or until known.
        span_id: of the X-Ray segment that it belongs to, 16 hex digits; empty until known.
        correlation_id: by which a JSON line names the transaction; empty until one does.
        execution_arn: of the durable execution that it is a leg of; empty for other functions, or until a line names it.
        operation_name: of the operation of that execution that a line named last; empty until one does.
        failure: the first sign that it failed.
        error_type: Lambda's own word for what went wrong; empty until it tells one.
        verdict: the decision; None before it.
        recording: its lines that are not delivered yet.
        evicted_lines: how many of its lines the memory bound cost.
        dropped_lines: how many were dropped before a late sign of failure.
        withheld_lines: how many KEEP_AT_MOST withheld; None if it goes whole.
        flood: invocations and lines withheld before it, if it is the first to go whole again.
    """

    def __init__(self, request_id: str, *, started: str = "", trace_id: str = "") -> None:
        self.request_id = request_id
        self.is_init = not request_id
        self.state = State.RUNNING
        self.started = self.last_time = started
        self.is_announced = self.is_reported = False
        self.trace_id = trace_id
        self.span_id = self.correlation_id = self.tenant_id = ""
        self.execution_arn = self.operation_name = ""
        self.signs = Signs()
        self.outcome = Outcome.UNKNOWN
        self.failure: Failure | None = None
        self.error_type = ""
        self._line_times_ns: tuple[int, ...] = ()
        self._error_events: tuple[bytes, ...] = ()
        self._error_lines_left = MAX_ERROR_LINES
        self.verdict: Verdict | None = None
        self.recording = Recording()
        self.lines = self.evicted_lines = self.evicted_bytes = self.dropped_lines = 0
        self.withheld_lines: int | None = None
        self.flood: tuple[int, int] | None = None
        self.duration_ms: float | None = None

    @property
    def ended(self) -> bool:
        """Whether its end has been seen."""
        return self.state is not State.RUNNING and self.state is not State.KEPT

    def take_over(self, init: "Invocation") -> None:
        """Take over the lines of init, and the marker that one of them may hold."""
        for segment in init.recording.take():
            self.recording.append(segment)
        self.lines += init.lines
        self.signs.is_marked = init.signs.is_marked
        init.lines, init.signs.is_marked = 0, False

    def note_error(self, event: bytes) -> None:
        """Note a line that tells of a failure. The summary quotes the first one, and the first that names an error's type."""
        if not self._error_lines_left:
            return
        # Imported here, as below: most invocations do not fail.
        from extension.model import summary

        self._error_lines_left -= 1
        has_type = summary.names_a_type(event)
        if has_type or not self._error_events:
            self._error_events += (summary.held_back(event),)
        if has_type:
            self._error_lines_left = 0

    def note_times(self, segments: list[Segment]) -> None:
        """Note the times of lines that are delivered, as far as their events stand in compact form."""
        with_lines = [segment for segment in segments if segment.lines]
        if not with_lines:
            return
        times_ns = _known_ns(_first_time(with_lines[0].raw), _last_time(with_lines[-1]))
        known_ns = (*self._line_times_ns, *times_ns)
        self._line_times_ns = (min(known_ns), max(known_ns)) if known_ns else ()

    def summary(self, number: int) -> Segment:
        """Write the record that says how the invocation ended, what went wrong, and which lines its delivery lacks."""
        duration_ms = self.duration_ms
        if duration_ms is None and self.started != self.last_time:
            # The Logs API tells it in the report alone, which comes later.
            duration_ms = ms_between(self.started, self.last_time)
        known_ns = (*self._line_times_ns, *_known_ns(self.started, self.last_time))
        told: dict[str, object] = {
            "outcome": self.outcome.value,
            "started": self.started,
            "durationMs": duration_ms,
            "firstTimestamp": min(known_ns) // 1_000_000 if known_ns else None,
            "lastTimestamp": max(known_ns) // 1_000_000 if known_ns else None,
            "lines": self.lines,
            "evictedLines": self.evicted_lines,
            "evictedBytes": self.evicted_bytes,
            "droppedLines": self.dropped_lines,
        }
        named = {"executionArn": self.execution_arn, "operationName": self.operation_name}
        told |= {name: text for name, text in named.items() if text}
        if self.withheld_lines is not None:
            told["withheldLines"] = self.withheld_lines
        if self.flood is not None:
            told["withheldBefore"] = dict(zip(("invocations", "lines"), self.flood, strict=True))
        if self.error_type and self.failure is not None:
            told["errorType"] = self.error_type
        event = {"time": self.last_time, "type": "flightRecorder.invocation", "record": told}
        if self.failure is None:
            raw = json.dumps(event, separators=(",", ":")).encode()
            return Segment(raw, count=1, first_number=number, kind=Kind.EVENT)
        from extension.model import summary

        errors, self._error_events, self._error_lines_left = self._error_events, (), 0
        raw = summary.unfinished(event, reason=self.failure.reason, error_events=errors)
        return Segment(raw, count=1, first_number=number, kind=Kind.SUMMARY)


def _first_time(raw: bytes) -> str:
    return _time_at(raw, len(BATCH_BEGIN) - 1) if raw.startswith(BATCH_BEGIN[1:]) else ""


def _last_time(segment: Segment) -> str:
    raw = segment.raw
    if segment.count == 1:
        return _first_time(raw)
    if not raw.endswith(b'"}'):
        # The data of an object may hold events of its own.
        return _first_time(segment.events()[-1])
    at = raw.rfind(BETWEEN)
    return _time_at(raw, at + len(BETWEEN)) if at >= 0 else _first_time(raw)


def _time_at(raw: bytes, begin: int) -> str:
    return raw[begin : raw.find(b'"', begin)].decode("utf-8", "replace")


def _known_ns(*times: str) -> list[int]:
    return [ns for ns in map(epoch_ns, times) if ns is not None]
