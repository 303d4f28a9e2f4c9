"""Platform events as typed values: what Lambda reports about an environment and its invocations.

Pure. Nobody behind the parser reads a record's JSON. Fields are those of AWS's Telemetry API schema reference; the Logs
API has fewer of them, and a fault there is plain text. A field that is missing or has an unexpected type is empty, or
None for a number. ``raw`` is an event's JSON, and ``time`` is as Lambda writes it.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from extension.parsing.failures import Failure, Outcome, failure_by_fault, failure_by_status
from extension.parsing.trace_header import trace_id_of

SPAN_ID_DIGITS = 16
"""Of a span id, as X-Ray and OpenTelemetry write it (AWS: X-Ray, tracing header)."""

MAX_TENANT_CHARS = 256
"""The longest tenant id (AWS: Invoke, ``X-Amz-Tenant-Id``). Every record carries it."""

MAX_REQUEST_ID_CHARS = 64
"""Lambda's request ids are UUIDs of 36 characters (AWS: Runtime API). A longer one is not Lambda's, and must not be held."""

MAX_WORD_CHARS = 256
"""Of a time, and of an error's type. Lambda's are shorter: 27 characters, and a dotted name."""

MAX_INSTANCE_ID_CHARS = 512
"""Of an environment's id. A log stream is named by it, and has no longer name (AWS: CloudWatch Logs, CreateLogStream)."""

_IN_INSTANCE_ID = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789$*-./:[]_"
)
"""Of a UUID, and of the name of a log stream with a function's and a version's name in it (AWS: Lambda, CreateFunction)."""

MAX_NUMBER = 2**53
"""Beyond it a float no longer holds every integer (RFC 8259, section 6). Lambda's numbers are far below."""


class Started(NamedTuple):
    """``platform.start``: an invocation has begun. The span is the function's own segment, 16 hex digits.

    The tenant is there for functions with tenant isolation (AWS: "Tenant isolation", monitoring).
    """

    raw: bytes
    time: str
    request_id: str
    trace_id: str
    span_id: str
    tenant_id: str


class Ended(NamedTuple):
    """``platform.runtimeDone`` or ``platform.report``: an invocation is over. Nothing is expected after its report.

    ``memory_share`` is the most memory used, of the function's memory; 0.0 where the event does not tell. ``error_type`` is
    Lambda's word for what went wrong, such as ``Runtime.ExitError``; empty where it does not tell.
    """

    raw: bytes
    time: str
    request_id: str
    is_report: bool
    failure: Failure | None
    duration_ms: float | None
    memory_share: float
    tenant_id: str
    error_type: str = ""


class Closed(NamedTuple):
    """``platform.end``: an invocation is over, in the Logs API's first schema, which has no ``runtimeDone``."""

    raw: bytes
    time: str
    request_id: str


class Fault(NamedTuple):
    """``platform.fault``: a runtime process died or timed out."""

    raw: bytes
    time: str
    request_id: str
    failure: Failure
    error_type: str = ""


class InitEnded(NamedTuple):
    """``platform.initRuntimeDone`` or ``platform.initReport``: init is over.

    ``in_invoke`` tells whether init ran again within an invocation (AWS: suppressed init).
    """

    failure: Failure | None
    in_invoke: bool
    error_type: str = ""


class InitStarted(NamedTuple):
    """``platform.initStart``: init has begun, once more after a crash.

    ``instance_id`` names the environment, as a rule by the name of its log stream; empty where it is not told.
    ``is_durable`` tells whether invocations are legs of executions (AWS: Lambda durable functions).
    """

    instance_id: str
    is_durable: bool


class RestoreStarted(NamedTuple):
    """``platform.restoreStart``: the environment is restored from a snapshot. What it held before is the snapshot's.

    ``instance_id`` names the copy, and not the snapshot; empty where it is not told.
    """

    instance_id: str


class RestoreEnded(NamedTuple):
    """``platform.restoreRuntimeDone`` or ``platform.restoreReport``: the restore is over (AWS: SnapStart)."""

    failure: Failure | None


class LogsDropped(NamedTuple):
    """``platform.logsDropped``: Lambda dropped so many records before they reached the extension."""

    records: int


class ExtensionFailed:
    """``platform.extension`` with an error: an extension of the environment did not start, or was throttled."""


PlatformEvent = (
    Started
    | Ended
    | Closed
    | Fault
    | InitStarted
    | InitEnded
    | RestoreStarted
    | RestoreEnded
    | LogsDropped
    | ExtensionFailed
)

Fields = dict[str, object]

# The text ends in it, on a line of its own or behind "ErrorType: ". Compiled on first use.
_FAULT_TYPE = r"\b(?:Runtime|Sandbox|Extension|Function)\.\w+"

INIT_FAILED = Failure("init-error", Outcome.INIT_ERROR)
RESTORE_FAILED = Failure("restore-error", Outcome.INIT_ERROR)


def event_of(kind: str, record: object, *, time: str, raw: bytes) -> PlatformEvent | None:
    """Read a platform event, such as ``platform.start``; return None for a type that nobody needs."""
    time = time[:MAX_WORD_CHARS]
    if kind == "platform.fault":
        text = record if isinstance(record, str) else ""
        named = text.partition("RequestId: ")[2].split(None, 1)
        error = re.search(_FAULT_TYPE, text)
        request_id, failure = named[0] if named else "", failure_by_fault(text)
        error_type = error.group()[:MAX_WORD_CHARS] if error else ""
        return Fault(raw, time, request_id, failure, error_type)
    read = _READERS.get(kind)
    return read(_object(record), time, raw) if read else None


def _started(fields: Fields, time: str, raw: bytes) -> Started:
    trace_id = span_id = ""
    if "tracing" in fields:  # With the Telemetry API alone.
        tracing = _object(fields["tracing"])
        trace_id, span_id = trace_id_of(_text(tracing, "value")), _text(tracing, "spanId")
        span_id = span_id if len(span_id) == SPAN_ID_DIGITS else ""
    tenant_id = _tenant(fields) if "tenantId" in fields else ""
    return Started(raw, time, _request_id(fields), trace_id, span_id, tenant_id)


def _ended(fields: Fields, time: str, raw: bytes, *, is_report: bool = False) -> Ended:
    duration_ms = used = size = None
    if "metrics" in fields:  # Not in the Logs API's runtimeDone.
        metrics = _object(fields["metrics"])
        duration_ms = _number(metrics, "durationMs")
        used, size = _number(metrics, "maxMemoryUsedMB"), _number(metrics, "memorySizeMB")
    failure = failure_by_status(fields.get("status"), fields.get("errorType"), reported=is_report)
    return Ended(
        raw,
        time,
        _request_id(fields),
        is_report,
        failure,
        duration_ms,
        used / size if used is not None and size else 0.0,
        _tenant(fields) if "tenantId" in fields else "",
        "" if failure is None else _text(fields, "errorType")[:MAX_WORD_CHARS],
    )


def _init_ended(fields: Fields, _time: str, _raw: bytes) -> InitEnded:
    failed = failure_by_status(fields.get("status"), fields.get("errorType")) is not None
    in_invoke, error_type = fields.get("phase") == "invoke", _text(fields, "errorType")
    return InitEnded(INIT_FAILED if failed else None, in_invoke, error_type[:MAX_WORD_CHARS])


def _restore_ended(fields: Fields, _time: str, _raw: bytes) -> RestoreEnded:
    failed = failure_by_status(fields.get("status"), fields.get("errorType")) is not None
    return RestoreEnded(RESTORE_FAILED if failed else None)


def _logs_dropped(fields: Fields, _time: str, _raw: bytes) -> LogsDropped:
    return LogsDropped(max(int(_number(fields, "droppedRecords") or 0), 0))


def _init_started(fields: Fields, _time: str, _raw: bytes) -> InitStarted:
    # Such as python:3.14.DurableFunction.v6, as Datadog's extension reads it (bottlecap, logs/lambda/processor.rs).
    is_durable = "DurableFunction" in _text(fields, "runtimeVersion")
    return InitStarted(_instance_id(fields), is_durable)


_READERS: dict[str, Callable[[Fields, str, bytes], PlatformEvent | None]] = {
    "platform.start": _started,
    "platform.runtimeDone": _ended,
    "platform.report": lambda fields, time, raw: _ended(fields, time, raw, is_report=True),
    "platform.end": lambda fields, time, raw: Closed(raw, time, _request_id(fields)),
    "platform.initStart": _init_started,
    "platform.initRuntimeDone": _init_ended,
    "platform.initReport": _init_ended,
    "platform.restoreStart": lambda fields, *_: RestoreStarted(_instance_id(fields)),
    "platform.restoreRuntimeDone": _restore_ended,
    "platform.restoreReport": _restore_ended,
    "platform.logsDropped": _logs_dropped,
    "platform.extension": lambda fields, *_: ExtensionFailed() if fields.get("errorType") else None,
}


def _request_id(fields: Fields) -> str:
    request_id = _text(fields, "requestId")
    return request_id if len(request_id) <= MAX_REQUEST_ID_CHARS else ""


def _tenant(fields: Fields) -> str:
    # Most functions have none, so each event is asked for the name first.
    return _text(fields, "tenantId")[:MAX_TENANT_CHARS]


def _instance_id(fields: Fields) -> str:
    instance_id = _text(fields, "instanceId")
    is_sane = len(instance_id) <= MAX_INSTANCE_ID_CHARS and _IN_INSTANCE_ID.issuperset(instance_id)
    return instance_id if is_sane else ""


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _number(fields: Fields, name: str) -> float | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # JSON has integers that no float holds, and Python's reader takes NaN and Infinity.
    return float(value) if abs(value) <= MAX_NUMBER else None
