"""Platform events as typed values."""

import pytest

from extension.parsing.failures import Failure, Outcome
from extension.parsing.platform_events import (
    Closed,
    Ended,
    ExtensionFailed,
    Fault,
    InitEnded,
    LogsDropped,
    PlatformEvent,
    Started,
    event_of,
)

TIME, RAW = "2026-10-12T00:01:15.123Z", b"{}"
TRACE_ID = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
SPAN_ID = "24cd7d670fa455f0"
CRASH = Failure("crash", Outcome.CRASH)
FAULT = Failure("fault", Outcome.CRASH)
INIT_FAILED = Failure("init-error", Outcome.INIT_ERROR)


def started(trace_id: str = "", span_id: str = "") -> Started:
    return Started(RAW, TIME, "id", trace_id, span_id)


def ended(
    failure: Failure | None = None,
    *,
    is_report: bool = False,
    duration_ms: float | None = None,
    share: float = 0.0,
) -> Ended:
    return Ended(RAW, TIME, "id", is_report, failure, duration_ms, share)


def metrics(**values: object) -> dict[str, object]:
    return {"requestId": "id", "metrics": values}


EVENTS: dict[str, tuple[str, object, PlatformEvent | None]] = {
    "start": ("start", {"requestId": "id"}, started()),
    "start, traced": (
        "start",
        {"requestId": "id", "tracing": {"value": f"Root={TRACE_ID}", "spanId": SPAN_ID}},
        started(TRACE_ID, SPAN_ID),
    ),
    "start, tracing of other types": ("start", {"requestId": "id", "tracing": 7}, started()),
    "start, fields of other types": (
        "start",
        {"requestId": "id", "tracing": {"value": 7, "spanId": "short"}},
        started(),
    ),
    "start, span id of another type": (
        "start",
        {"requestId": "id", "tracing": {"spanId": 7}},
        started(),
    ),
    "done": ("runtimeDone", {"requestId": "id", "status": "success"}, ended()),
    "done, failed": ("runtimeDone", {"requestId": "id", "status": "error"}, ended(CRASH)),
    "done, with metrics": ("runtimeDone", metrics(durationMs=2), ended(duration_ms=2.0)),
    "done, metrics of another type": (
        "runtimeDone",
        {"requestId": "id", "metrics": [1]},
        ended(),
    ),
    "report": (
        "report",
        metrics(durationMs=2.5, memorySizeMB=128, maxMemoryUsedMB=32),
        ended(is_report=True, duration_ms=2.5, share=0.25),
    ),
    "report, of no memory": (
        "report",
        metrics(memorySizeMB=0, maxMemoryUsedMB=32),
        ended(is_report=True),
    ),
    "report, memory used unknown": ("report", metrics(memorySizeMB=128), ended(is_report=True)),
    "report, handled exception": (
        "report",
        {"requestId": "id", "status": "error"},
        ended(Failure("status-error", Outcome.ERROR), is_report=True),
    ),
    "end": ("end", {"requestId": "id"}, Closed(RAW, TIME, "id")),
    "end of nobody": ("end", {"requestId": 7}, Closed(RAW, TIME, "")),
    "fault": ("fault", "RequestId: id Process exited", Fault(RAW, TIME, "id", FAULT)),
    "fault of nobody": ("fault", "RequestId: ", Fault(RAW, TIME, "", FAULT)),
    "fault that is no text": ("fault", {"a": 1}, Fault(RAW, TIME, "", FAULT)),
    "init done": ("initRuntimeDone", {"status": "success"}, InitEnded(None, in_invoke=False)),
    "init again": ("initReport", {"phase": "invoke"}, InitEnded(None, in_invoke=True)),
    "init failed": (
        "initReport",
        {"phase": "init", "status": "timeout"},
        InitEnded(INIT_FAILED, in_invoke=False),
    ),
    "dropped": ("logsDropped", {"droppedRecords": 3}, LogsDropped(3)),
    "dropped, unknown how many": ("logsDropped", None, LogsDropped(0)),
    "extension": ("extension", {"name": "x"}, None),
    "unknown": ("unheardOf", {"requestId": "id"}, None),
}


@pytest.mark.parametrize(("kind", "record", "expected"), EVENTS.values(), ids=EVENTS)
def test_parser_hands_over_typed_events(
    kind: str, record: object, expected: PlatformEvent | None
) -> None:
    """AWS promises no field's type, so nobody behind the parser may have to check one."""
    found = event_of(f"platform.{kind}", record, time=TIME, raw=RAW)

    assert found == expected
    assert type(found) is type(expected)


def test_parser_hands_over_a_failed_extension() -> None:
    """It explains why an environment is slow or silent."""
    found = event_of("platform.extension", {"errorType": "Extension.Crash"}, time=TIME, raw=RAW)

    assert isinstance(found, ExtensionFailed)
