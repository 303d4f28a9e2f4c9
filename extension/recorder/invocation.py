"""One invocation, as far as it is known: its ids, how it is going, what it has written and what was decided.

A request id does not name an invocation: a retry has the same one, and may come to the same environment (AWS: Runtime
API). So an invocation is an object, made when its start is seen, and compared by identity.
"""

import json

from extension.model.recording import Recording
from extension.model.segment import Kind, Segment
from extension.parsing.failures import Failure, Outcome
from extension.sampling.policies import Signs
from extension.sampling.verdict import Verdict


class Invocation:
    """What is known of one invocation; of the environment's init when it has no request id.

    Attributes:
        request_id: as Lambda gives it; empty for init.
        started: the time of ``platform.start``, as it was written; empty until it has come.
        last_time: the time of the last platform event about it.
        trace_id: X-Ray's, see :func:`extension.parsing.trace_header.trace_id_of`; empty until known.
        span_id: of the X-Ray segment that it belongs to, 16 hex digits; empty until known.
        expected: whether the INVOKE event has been seen.
        ended: whether its end has been seen.
        summarised: whether its summary has been delivered, which is done once.
        reported: whether its report has come.
        correlation_id: by which a JSON line names the transaction; empty until one does.
        signs: what else there is that rules may speak of.
        is_withheld: whether only its error lines go, because too many fail.
        withheld_lines: how many did not go for that.
        flood: invocations and lines withheld before it, if it is the first to go whole again.
        outcome: how it ended.
        failure: the first sign that it failed.
        verdict: what was decided; None while that is open.
        recording: its lines that are not delivered yet.
        lines: how many it wrote.
        evicted_lines: how many of them the memory bound cost.
        evicted_bytes: the bytes of those.
        dropped_lines: how many were let go before a late sign of failure.
        duration_ms: as Lambda measured it.
    """

    __slots__ = (
        "correlation_id",
        "dropped_lines",
        "duration_ms",
        "ended",
        "evicted_bytes",
        "evicted_lines",
        "expected",
        "failure",
        "flood",
        "is_withheld",
        "last_time",
        "lines",
        "outcome",
        "recording",
        "reported",
        "request_id",
        "signs",
        "span_id",
        "started",
        "summarised",
        "trace_id",
        "verdict",
        "withheld_lines",
    )

    def __init__(self, request_id: str, *, started: str = "", trace_id: str = "") -> None:
        self.request_id = request_id
        self.started = self.last_time = started
        self.trace_id = trace_id
        self.span_id = ""
        self.correlation_id = ""
        self.expected = self.ended = self.summarised = self.reported = self.is_withheld = False
        self.signs = Signs()
        self.flood: tuple[int, int] | None = None
        self.withheld_lines = 0
        self.outcome = Outcome.UNKNOWN
        self.failure: Failure | None = None
        self.verdict: Verdict | None = None
        self.recording = Recording()
        self.lines = self.evicted_lines = self.evicted_bytes = self.dropped_lines = 0
        self.duration_ms: float | None = None

    @property
    def is_init(self) -> bool:
        """Whether this stands for what happened before any invocation."""
        return not self.request_id

    @property
    def is_kept(self) -> bool:
        """Whether it has been decided to keep everything it wrote."""
        return self.verdict is not None and self.verdict.keep

    def summary(self, number: int) -> Segment:
        """The record that tells how the invocation ended, and what is missing from its delivery."""
        told: dict[str, object] = {
            "outcome": self.outcome.value,
            "started": self.started,
            "durationMs": self.duration_ms,
            "lines": self.lines,
            "evictedLines": self.evicted_lines,
            "evictedBytes": self.evicted_bytes,
            "droppedLines": self.dropped_lines,
        }
        if self.is_withheld:
            told["withheldLines"] = self.withheld_lines
        if self.flood is not None:
            told["withheldBefore"] = dict(zip(("invocations", "lines"), self.flood, strict=True))
        event = {"time": self.last_time, "type": "flightRecorder.invocation", "record": told}
        raw = json.dumps(event, separators=(",", ":")).encode()
        return Segment(raw, count=1, first_number=number, kind=Kind.EVENT)
