"""Make Lambda's events and batches: the one maker for all tests, in the shapes of the Logs and the Telemetry API.

It doubles what Lambda posts to a subscriber, and what it answers to Next, in the words of AWS's schema references: ids,
times and figures are made up. It makes single events, and no order among them: the emulator is what behaves like Lambda.
"""

import json
from collections.abc import Iterable

FIRST = "459921b5-681c-4a96-beb0-81e0aa586026"
SECOND = "6f7f0961-f834-4211-8a7a-f6fe80b88d56"
THIRD = "11111111-2222-4333-8444-555555555555"
TIME = "2026-10-12T00:01:15.123Z"
TRACE = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"

Event = dict[str, object]


def event(kind: str, record: object, *, time: str = TIME) -> Event:
    """Make one element of a batch."""
    return {"time": time, "type": kind, "record": record}


def line(record: object, *, time: str = TIME) -> Event:
    """Make a ``function`` event: text, or with the JSON format an object."""
    return event("function", record, time=time)


def tracing(trace: str) -> Event:
    """Make the part of an event that names the trace."""
    return {"type": "X-Amzn-Trace-Id", "value": trace}


def start(
    request_id: str = FIRST, *, version: str = "$LATEST", time: str = TIME, trace: str = ""
) -> Event:
    """Make ``platform.start``; the Telemetry API adds the trace."""
    record: Event = {"requestId": request_id, "version": version}
    if trace:
        record["tracing"] = tracing(trace)
    return event("platform.start", record, time=time)


def done(
    request_id: str = FIRST, *, status: str = "success", time: str = TIME, **more: object
) -> Event:
    """Make ``platform.runtimeDone`` as the Logs API has it."""
    return event(
        "platform.runtimeDone", {"requestId": request_id, "status": status, **more}, time=time
    )


def runtime_done(request_id: str = FIRST, *, status: str = "success") -> Event:
    """Make ``platform.runtimeDone`` as the Telemetry API has it: with metrics."""
    return done(request_id, status=status, metrics={"durationMs": 12.5})


def report(request_id: str = FIRST, *, time: str = TIME, **more: object) -> Event:
    """Make ``platform.report``; the Telemetry API adds ``status``, and ``metrics`` may be others."""
    metrics = {"durationMs": 2.5, "billedDurationMs": 3, "memorySizeMB": 128, "maxMemoryUsedMB": 40}
    return event(
        "platform.report", {"requestId": request_id, "metrics": metrics, **more}, time=time
    )


def compact(value: object) -> bytes:
    """Encode JSON as Go's encoder does: no blanks, other letters than ASCII as they are."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def batch(events: Iterable[object]) -> bytes:
    """Encode a batch."""
    return compact(list(events))


def lines(*records: object) -> bytes:
    """Encode ``function`` events as they stand between a batch's brackets."""
    return b",".join(compact(line(record)) for record in records)


def invoke(request_id: str, *, deadline_ms: int, arn: str = ARN, trace: str = "") -> Event:
    """Make Next's answer INVOKE."""
    made: Event = {
        "eventType": "INVOKE",
        "requestId": request_id,
        "deadlineMs": deadline_ms,
        "invokedFunctionArn": arn,
    }
    return {**made, "tracing": tracing(trace)} if trace else made


def shutdown(reason: str = "spindown", *, deadline_ms: int) -> Event:
    """Make Next's answer SHUTDOWN."""
    return {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}


def python_line(message: str, *, level: str = "INFO", request_id: str = FIRST) -> str:
    """Write a logging call's line as Python's runtime client does in text format."""
    return f"[{level}]\t{TIME}\t{request_id}\t{message}\n"


def node_line(message: str, *, level: str = "INFO", request_id: str = FIRST) -> str:
    """Write a console call's line as Node.js's runtime client does in text format."""
    return f"{TIME}\t{request_id}\t{level}\t{message}\n"
