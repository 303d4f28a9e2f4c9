"""Follow one invocation: its identity, its times, its end, and the records about it.

Record shapes: AWS "Lambda Telemetry API Event schema reference" and "Lambda Logs API".
"""

import asyncio
import json
import math
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import EmulatorError
from emulator.model.events import iso_time
from emulator.model.function import Function


def new_trace_id() -> str:
    """Make an X-Ray header as Lambda does for an untraced caller, unsampled."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """The result of an invocation; README.md describes the fields."""

    request_id: str
    trace_id: str
    status: str
    runtime_done_status: str | None
    payload: Any
    function_error: str | None
    error_type: str | None
    response_ms: float | None
    duration_ms: float | None
    held_ms: float | None
    init_ms: float | None
    report: dict[str, Any]

    def raise_for_status(self) -> "InvokeResult":
        """Return the result itself.

        Raises:
            EmulatorError: The invocation did not succeed.
        """
        if self.status != "success":
            raise EmulatorError(
                f"invocation {self.request_id} ended with {self.status} ({self.error_type}): {self.payload}"
            )
        return self


@dataclass(frozen=True, slots=True)
class Posted:
    """The answer to the caller: a response, or an error (``error_type`` set)."""

    body: bytes
    error_type: str | None = None
    function_error: str | None = None
    at_ns: int = field(default_factory=time.monotonic_ns)

    def decoded(self) -> Any:
        """Return the decoded body, or the bytes where they are not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body


@dataclass(slots=True, eq=False)
class Invocation:
    """An invocation under way.

    Attributes:
        response: Resolved when the caller has an answer.
        done: Resolved when the runtime has asked for its next event (or, on Managed Instances, answered).
        problem: The error type of a crash, or None.
        runtime_error_type: The type of the error that the runtime posted, if it posted one.
        span_id: The span in the records' tracing; empty on Managed Instances, as with AWS's agent.
        tenant_id: Of the tenant that it serves, where the function isolates tenants.
        cold: Whether an init phase of its own came before it. A restarted init is part of the invocation instead,
            and the report then leaves its duration out.
    """

    function: Function
    request_id: str
    trace_id: str
    payload: bytes
    response: asyncio.Future[Posted]
    done: asyncio.Future[None]
    traced: bool = True
    init_ms: float | None = None
    cold: bool = False
    started_ns: int = 0
    started_wall_ns: int = 0
    deadline_epoch_ms: int = 0
    runtime_done_ns: int | None = None
    runtime_done_status: str | None = None
    last_next_ns: int | None = None
    ended_ns: int = 0
    status: str = "success"
    problem: str | None = None
    runtime_error_type: str | None = None
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tenant_id: str | None = None
    report_metrics: dict[str, Any] = field(default_factory=dict)

    def begin(self, timeout_ms: float) -> None:
        """Start the invocation now, and set its deadline."""
        self.started_ns = time.monotonic_ns()
        self.started_wall_ns = time.time_ns()
        self.deadline_epoch_ms = int(self.started_wall_ns / 1e6 + timeout_ms)

    def answer(self, posted: Posted) -> None:
        """Answer the caller; the first answer counts."""
        if not self.response.done():
            self.response.set_result(posted)

    def elapsed_ms(self, until_ns: int) -> float:
        """Return the milliseconds from the start."""
        return round((until_ns - self.started_ns) / 1e6, 3)

    def _wall(self, at_ns: int, *, microseconds: bool) -> str:
        moment = self.started_wall_ns + at_ns - self.started_ns
        return iso_time(moment, microseconds=microseconds)

    @property
    def posted(self) -> Posted | None:
        """The answer to the caller, if there is one yet."""
        return self.response.result() if self.response.done() else None

    def tracing(self) -> dict[str, Any]:
        """Return the ``tracing`` member of records; empty if the invocation is not traced."""
        if not self.traced:
            return {}
        value = {"type": "X-Amzn-Trace-Id", "value": self.trace_id}
        if self.span_id:
            value = {"spanId": self.span_id, **value}
        return {"tracing": value}

    def start_record(self) -> dict[str, Any]:
        """Make platform.start's record."""
        return {
            "requestId": self.request_id,
            "version": self.function.version,
            "functionArn": self.function.arn,
            **self.tenant(),
            **self.tracing(),
        }

    def tenant(self) -> dict[str, str]:
        """Make the part of a record that names the tenant (AWS: tenant isolation)."""
        return {} if self.tenant_id is None else {"tenantId": self.tenant_id}

    def spans(self, *, microseconds: bool, overhead: bool = True) -> list[dict[str, Any]]:
        """Make the spans of runtimeDone (and of the Managed Instances' report)."""
        posted = self.posted
        if posted is None:
            return []
        times = [
            ("responseLatency", self.started_ns, posted.at_ns),
            ("responseDuration", posted.at_ns, posted.at_ns),
        ]
        if overhead and self.runtime_done_ns is not None:
            times.append(("runtimeOverhead", posted.at_ns, self.runtime_done_ns))
        return [
            {
                "name": name,
                "start": self._wall(begun, microseconds=microseconds),
                "durationMs": round(max(0, ended - begun) / 1e6, 3),
            }
            for name, begun, ended in times
        ]

    def runtime_done_record(self, *, microseconds: bool) -> dict[str, Any]:
        """Make platform.runtimeDone's record."""
        at_ns = self.runtime_done_ns or time.monotonic_ns()
        posted = self.posted
        produced = len(posted.body) if posted and posted.error_type is None else 0
        record: dict[str, Any] = {"requestId": self.request_id, "status": self.runtime_done_status}
        if self.problem is not None and self.runtime_done_status != "timeout":
            record["errorType"] = self.problem
        spans = self.spans(microseconds=microseconds)
        if self.runtime_done_status != "success":
            spans = []
        record |= self.tenant() | self.tracing()
        if spans:
            record["spans"] = spans
        record["metrics"] = {"durationMs": self.elapsed_ms(at_ns), "producedBytes": produced}
        return record

    def report_record(
        self, *, status: str | None, max_memory_mb: int, microseconds: bool
    ) -> dict[str, Any]:
        """Make platform.report's record, and store its metrics for ``report_text`` and ``result``."""
        duration_ms = self.elapsed_ms(self.ended_ns)
        if self.status == "timeout":
            duration_ms = float(self.function.timeout_ms)
        metrics: dict[str, Any] = {
            "durationMs": duration_ms,
            "billedDurationMs": math.ceil(
                duration_ms + (self.init_ms if self.cold and self.init_ms else 0.0)
            ),
            "memorySizeMB": self.function.memory_mb,
            "maxMemoryUsedMB": max_memory_mb,
        }
        if self.cold and self.init_ms is not None:
            metrics["initDurationMs"] = self.init_ms
        self.report_metrics = metrics
        record: dict[str, Any] = {"requestId": self.request_id}
        if status is not None:
            record["status"] = status
        if self.problem is not None and self.status == "error":
            record["errorType"] = self.problem
        record["metrics"] = metrics
        record |= self.tenant() | self.tracing()
        if self.runtime_done_ns is not None and self.last_next_ns is not None:
            held_ms = max(0, self.last_next_ns - self.runtime_done_ns) / 1e6
            start = self._wall(self.runtime_done_ns, microseconds=microseconds)
            record["spans"] = [
                {"name": "extensionOverhead", "start": start, "durationMs": round(held_ms, 3)}
            ]
        return record

    def report_text(self) -> str:
        """Make the REPORT line that CloudWatch gets with the Text format."""
        m = self.report_metrics
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {m['durationMs']:.2f} ms",
            f"Billed Duration: {m['billedDurationMs']} ms",
            f"Memory Size: {m['memorySizeMB']} MB",
            f"Max Memory Used: {m['maxMemoryUsedMB']} MB",
        ]
        if "initDurationMs" in m:
            parts.append(f"Init Duration: {m['initDurationMs']:.2f} ms")
        if self.status == "timeout" or self.problem is not None:
            parts.append(f"Status: {self.status}")
        if self.problem is not None and self.status == "error":
            parts.append(f"Error Type: {self.problem}")
        return "\t".join(parts) + "\n"

    def result(self) -> InvokeResult:
        """Return the result for the caller of the Python API."""
        posted = self.posted
        done, last = self.runtime_done_ns, self.last_next_ns
        status = self.status
        if status == "success" and posted is not None and posted.error_type is not None:
            status = "error"
        return InvokeResult(
            request_id=self.request_id,
            trace_id=self.trace_id,
            status=status,
            runtime_done_status=self.runtime_done_status,
            payload=posted.decoded() if posted else None,
            function_error=posted.function_error if posted else "Unhandled",
            error_type=(posted.error_type if posted else None) or self.problem,
            response_ms=self.elapsed_ms(posted.at_ns) if posted and self.started_ns else None,
            duration_ms=None if done is None else self.elapsed_ms(done),
            held_ms=None if done is None or last is None else max(0, last - done) / 1e6,
            init_ms=self.init_ms,
            report=self.report_metrics,
        )
