"""Platform events as typed values: what Lambda reports about an environment and its invocations.

Pure. Nobody behind the parser reads a record's JSON. Fields are those of AWS's Telemetry API schema reference; the Logs
API has fewer of them, and a fault there is plain text. A field of an unexpected type counts as missing.
"""

from collections.abc import Callable
from typing import NamedTuple

from extension.parsing.failures import Failure, Outcome, failure_by_fault, failure_by_status
from extension.parsing.trace_header import trace_id_of

SPAN_ID_DIGITS = 16
"""Of a span id, as X-Ray and OpenTelemetry write it (AWS: X-Ray, tracing header)."""


class Started(NamedTuple):
    """``platform.start``: an invocation has begun.

    Attributes:
        raw: the event's JSON, as for the events below.
        time: as Lambda writes it; empty where it is missing.
        request_id: empty where it is missing.
        trace_id: X-Ray's; empty where the event has none, as with the Logs API.
        span_id: of the function's own segment, 16 hex digits; empty where the event has none.
    """

    raw: bytes
    time: str
    request_id: str
    trace_id: str
    span_id: str


class Ended(NamedTuple):
    """``platform.runtimeDone`` or ``platform.report``: an invocation is over.

    Attributes:
        is_report: whether it is the report, after which nothing more is expected of the invocation.
        failure: by the status; None for success.
        duration_ms: as Lambda measured it; None where the event has no metrics.
        memory_share: the most memory used, of the function's memory; 0.0 where the event does not tell.
    """

    raw: bytes
    time: str
    request_id: str
    is_report: bool
    failure: Failure | None
    duration_ms: float | None
    memory_share: float


class Closed(NamedTuple):
    """``platform.end``: an invocation is over, in the Logs API's first schema, which has no ``runtimeDone``."""

    raw: bytes
    time: str
    request_id: str


class Fault(NamedTuple):
    """``platform.fault``: a runtime process died or timed out. ``request_id`` is empty where the text names none."""

    raw: bytes
    time: str
    request_id: str
    failure: Failure


class InitEnded(NamedTuple):
    """``platform.initRuntimeDone`` or ``platform.initReport``: init is over.

    Attributes:
        failure: None for success.
        in_invoke: whether init ran again within an invocation (AWS: suppressed init).
    """

    failure: Failure | None
    in_invoke: bool


class LogsDropped(NamedTuple):
    """``platform.logsDropped``: Lambda dropped so many records before they reached the extension."""

    records: int


class ExtensionFailed:
    """``platform.extension`` with an error: an extension of the environment did not start, or was throttled."""

    __slots__ = ()


PlatformEvent = Started | Ended | Closed | Fault | InitEnded | LogsDropped | ExtensionFailed

Fields = dict[str, object]

INIT_FAILED = Failure("init-error", Outcome.INIT_ERROR)


def event_of(kind: str, record: object, *, time: str, raw: bytes) -> PlatformEvent | None:
    """Read a platform event; return None for a type that nobody needs.

    Args:
        kind: such as ``platform.start``.
        record: as decoded, of any JSON type.
        time: the event's.
        raw: the event's JSON.
    """
    if kind == "platform.fault":
        return _fault(record, time, raw)
    read = _READERS.get(kind)
    return read(record if isinstance(record, dict) else {}, time, raw) if read else None


def _started(fields: Fields, time: str, raw: bytes) -> Started:
    tracing = fields.get("tracing")
    header = span_id = None
    if isinstance(tracing, dict):
        header, span_id = tracing.get("value"), tracing.get("spanId")
    return Started(
        raw,
        time,
        _request_id(fields),
        trace_id_of(header) if isinstance(header, str) else "",
        span_id if isinstance(span_id, str) and len(span_id) == SPAN_ID_DIGITS else "",
    )


def _runtime_done(fields: Fields, time: str, raw: bytes) -> Ended:
    return _ended(fields, time, raw, is_report=False)


def _report(fields: Fields, time: str, raw: bytes) -> Ended:
    return _ended(fields, time, raw, is_report=True)


def _ended(fields: Fields, time: str, raw: bytes, *, is_report: bool) -> Ended:
    found = fields.get("metrics")
    metrics = found if isinstance(found, dict) else {}
    used, size = _number(metrics.get("maxMemoryUsedMB")), _number(metrics.get("memorySizeMB"))
    return Ended(
        raw,
        time,
        _request_id(fields),
        is_report,
        failure_by_status(fields.get("status"), fields.get("errorType"), reported=is_report),
        _number(metrics.get("durationMs")),
        used / size if used is not None and size else 0.0,
    )


def _closed(fields: Fields, time: str, raw: bytes) -> Closed:
    return Closed(raw, time, _request_id(fields))


def _fault(record: object, time: str, raw: bytes) -> Fault:
    text = record if isinstance(record, str) else ""
    named = text.partition("RequestId: ")[2].split(None, 1)
    return Fault(raw, time, named[0] if named else "", failure_by_fault(text))


def _init_ended(fields: Fields, _time: str, _raw: bytes) -> InitEnded:
    failed = failure_by_status(fields.get("status"), fields.get("errorType")) is not None
    return InitEnded(INIT_FAILED if failed else None, fields.get("phase") == "invoke")


def _logs_dropped(fields: Fields, _time: str, _raw: bytes) -> LogsDropped:
    dropped = fields.get("droppedRecords")
    return LogsDropped(dropped if isinstance(dropped, int) else 0)


def _extension(fields: Fields, _time: str, _raw: bytes) -> ExtensionFailed | None:
    return ExtensionFailed() if fields.get("errorType") else None


_READERS: dict[str, Callable[[Fields, str, bytes], PlatformEvent | None]] = {
    "platform.start": _started,
    "platform.runtimeDone": _runtime_done,
    "platform.report": _report,
    "platform.end": _closed,
    "platform.initRuntimeDone": _init_ended,
    "platform.initReport": _init_ended,
    "platform.logsDropped": _logs_dropped,
    "platform.extension": _extension,
}


def _request_id(fields: Fields) -> str:
    value = fields.get("requestId")
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
