"""Platform events as typed values."""

from typing import Any

import pytest

from extension.parsing.failures import Failure, Outcome
from extension.parsing.platform_events import (
    Closed,
    Ended,
    ExtensionFailed,
    Fault,
    InitEnded,
    InitStarted,
    LogsDropped,
    PlatformEvent,
    RestoreEnded,
    RestoreStarted,
    Started,
    event_of,
)

TIME, RAW = "2026-10-12T00:01:15.123Z", b"{}"
TRACE_ID = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
SPAN_ID = "24cd7d670fa455f0"
CAPTURED = "2024/04/25/hello-world[$LATEST]22be53a8cfde4e68b844f8ec293b2543"
CRASH = Failure("crash", Outcome.CRASH)
HANDLED = Failure("status-error", Outcome.ERROR)
FAULT = Failure("fault", Outcome.CRASH)
INIT_FAILED = Failure("init-error", Outcome.INIT_ERROR)


def started(trace_id: str = "", span_id: str = "", tenant_id: str = "") -> Started:
    return Started(RAW, TIME, "id", trace_id, span_id, tenant_id)


def ended(failure: Failure | None = None, **more: Any) -> Ended:
    known = {"is_report": False, "duration_ms": None, "memory_share": 0.0, "tenant_id": "", **more}
    return Ended(RAW, TIME, "id", failure=failure, **known)


def reported(**more: Any) -> Ended:
    return ended(is_report=True, **more)


TRACED = {"value": f"Root={TRACE_ID}", "spanId": SPAN_ID}
MEASURED = {"durationMs": 2.5, "memorySizeMB": 128, "maxMemoryUsedMB": 32}

# Each record that is an object names a request, unless it does so itself.
EVENTS: dict[str, tuple[str, object, PlatformEvent | None]] = {
    "start": ("start", {}, started()),
    "start, traced": ("start", {"tracing": TRACED}, started(TRACE_ID, SPAN_ID)),
    "start, tracing of other types": ("start", {"tracing": 7}, started()),
    "start, of a tenant": ("start", {"tenantId": "blue"}, started(tenant_id="blue")),
    "start, of no text for a tenant": ("start", {"tenantId": 7}, started()),
    "start, of a tenant with a long name": (
        "start",
        {"tenantId": "b" * 300},
        started(tenant_id="b" * 256),
    ),
    "start, short span id": ("start", {"tracing": {"value": 7, "spanId": "short"}}, started()),
    "start, span id of another type": ("start", {"tracing": {"spanId": 7}}, started()),
    "done": ("runtimeDone", {"status": "success"}, ended()),
    "done, of a tenant": ("runtimeDone", {"tenantId": "blue"}, ended(tenant_id="blue")),
    "done, failed": ("runtimeDone", {"status": "error"}, ended(CRASH)),
    "done, measured": ("runtimeDone", {"metrics": {"durationMs": 2}}, ended(duration_ms=2.0)),
    "done, metrics of another type": ("runtimeDone", {"metrics": [1]}, ended()),
    "report": ("report", {"metrics": MEASURED}, reported(duration_ms=2.5, memory_share=0.25)),
    "report, of a tenant": ("report", {"tenantId": "blue"}, reported(tenant_id="blue")),
    "report, no memory": (
        "report",
        {"metrics": {"memorySizeMB": 0, "maxMemoryUsedMB": 32}},
        reported(),
    ),
    "report, memory used unknown": ("report", {"metrics": {"memorySizeMB": 128}}, reported()),
    "report, handled exception": ("report", {"status": "error"}, reported(failure=HANDLED)),
    "report, an error type": (
        "report",
        {"status": "error", "errorType": "Runtime.ExitError"},
        reported(failure=CRASH, error_type="Runtime.ExitError"),
    ),
    "end": ("end", {}, Closed(RAW, TIME, "id")),
    "end of nobody": ("end", {"requestId": 7}, Closed(RAW, TIME, "")),
    "fault": ("fault", "RequestId: id Process exited", Fault(RAW, TIME, "id", FAULT)),
    "fault, an error type": (
        "fault",
        "RequestId: id Error: Runtime exited with error: exit status 255\nRuntime.ExitError",
        Fault(RAW, TIME, "id", FAULT, "Runtime.ExitError"),
    ),
    "fault, newer form": (
        "fault",
        "RequestId: id\tStatus: error\tErrorType: Runtime.ExitError",
        Fault(RAW, TIME, "id", FAULT, "Runtime.ExitError"),
    ),
    "fault of nobody": ("fault", "RequestId: ", Fault(RAW, TIME, "", FAULT)),
    "fault that is no text": ("fault", {"a": 1}, Fault(RAW, TIME, "", FAULT)),
    "init done": ("initRuntimeDone", {"status": "success"}, InitEnded(None, in_invoke=False)),
    "init again": ("initReport", {"phase": "invoke"}, InitEnded(None, in_invoke=True)),
    "init failed": ("initReport", {"status": "timeout"}, InitEnded(INIT_FAILED, in_invoke=False)),
    "restored": ("restoreRuntimeDone", {"status": "success"}, RestoreEnded(None)),
    "restore failed": (
        "restoreRuntimeDone",
        {"status": "error", "errorType": "Runtime.ExitError"},
        RestoreEnded(Failure("restore-error", Outcome.INIT_ERROR)),
    ),
    "restore timed out": (
        "restoreReport",
        {"status": "timeout"},
        RestoreEnded(Failure("restore-error", Outcome.INIT_ERROR)),
    ),
    "init failed, an error type": (
        "initReport",
        {"status": "error", "errorType": "Runtime.ImportModuleError"},
        InitEnded(INIT_FAILED, in_invoke=False, error_type="Runtime.ImportModuleError"),
    ),
    "dropped": ("logsDropped", {"droppedRecords": 3}, LogsDropped(3)),
    "dropped, unknown how many": ("logsDropped", None, LogsDropped(0)),
    "extension": ("extension", {"name": "x"}, None),
    "unknown": ("unheardOf", {}, None),
}


@pytest.mark.parametrize(("kind", "record", "expected"), EVENTS.values(), ids=EVENTS)
def test_parser_hands_over_typed_events(
    kind: str, record: object, expected: PlatformEvent | None
) -> None:
    """AWS promises no field's type, so nobody behind the parser may have to check one."""
    record = {"requestId": "id", **record} if isinstance(record, dict) else record

    found = event_of(f"platform.{kind}", record, time=TIME, raw=RAW)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("runtime", "is_durable"),
    [("python:3.14.DurableFunction.v6", True), ("python:3.14.v6", False), (7, False)],
)
def test_parser_hands_over_a_durable_function(runtime: object, is_durable: bool) -> None:
    """The runtime's version says it, and nothing else does."""
    found = event_of("platform.initStart", {"runtimeVersion": runtime}, time=TIME, raw=RAW)

    assert found == InitStarted("", is_durable)


@pytest.mark.parametrize(
    ("told", "instance_id"),
    [
        (CAPTURED, CAPTURED),
        ("2026/11/30/[7]0123456789abcdef0123456789abcdef", None),
        ("82561ce0-53dd-47d1-90e0-c8f5e063e62e", None),
        ("x" * 512, None),
        ("x" * 513, ""),
        ("", ""),
        ("two words", ""),
        ("a\nline", ""),
        ("a\x00b", ""),
        ("{}", ""),
        ("ä", ""),
        (7, ""),
        (None, ""),
    ],
)
@pytest.mark.parametrize("kind", ["initStart", "restoreStart"])
def test_parser_hands_over_a_sane_instance_id(
    kind: str, told: object, instance_id: str | None
) -> None:
    """A log stream is named by it, in a request to AWS and in a file: no odd character, and no longer than a name."""
    found = event_of(f"platform.{kind}", {"instanceId": told}, time=TIME, raw=RAW)

    assert isinstance(found, InitStarted | RestoreStarted)
    assert found.instance_id == (told if instance_id is None else instance_id)


@pytest.mark.parametrize("record", [{}, None, "text", [1]])
def test_parser_hands_over_the_beginning_of_a_restore(record: object) -> None:
    """What came before it belongs to the snapshot."""
    found = event_of("platform.restoreStart", record, time=TIME, raw=RAW)

    assert found == RestoreStarted("")
    assert isinstance(found, RestoreStarted)


def test_parser_hands_over_a_failed_extension() -> None:
    """It explains why an environment is slow or silent."""
    found = event_of("platform.extension", {"errorType": "Extension.Crash"}, time=TIME, raw=RAW)

    assert isinstance(found, ExtensionFailed)
