import pytest

from whatif.logs.platform_lines import header_of, read_platform_line

REQUEST = "459921b5-681c-4a96-beb0-81e0aa586026"
REPORT = (
    f"REPORT RequestId: {REQUEST}\tDuration: 10000.00 ms\tBilled Duration: 10938 ms\tMemory Size: 256 MB\t"
    "Max Memory Used: 90 MB\tInit Duration: 937.02 ms\tStatus: error\tError Type: Runtime.ExitError\t\n"
    "XRAY TraceId: 1-6ab63207-155b540a1949e1293f3b946a\tSegmentId: d0025b207c551fde\tSampled: true\t"
)


@pytest.mark.parametrize("blank", ["\t", "   "], ids=["tabs", "blanks of a terminal"])
def test_platform_line_of_a_report_becomes_its_event(blank: str) -> None:
    """Metrics, status, error type and trace id are those of the Telemetry API's ``platform.report``."""
    told = read_platform_line(REPORT.replace("\t", blank))

    assert told is not None
    assert (told.kind, told.request_id) == ("report", REQUEST)
    assert told.record["metrics"] == {
        "durationMs": 10000,
        "billedDurationMs": 10938,
        "memorySizeMB": 256,
        "maxMemoryUsedMB": 90,
        "initDurationMs": 937.02,
    }
    assert (told.record["status"], told.record["errorType"]) == ("error", "Runtime.ExitError")
    header = "Root=1-6ab63207-155b540a1949e1293f3b946a;Parent=d0025b207c551fde;Sampled=1"
    assert header_of(told.record) == header
    assert header_of({}) == header_of({"tracing": {"value": 7}}) == ""


def test_platform_line_of_a_failed_init_keeps_its_status() -> None:
    """``platform.initReport`` has the phase, the status and the error type."""
    told = read_platform_line(
        "INIT_REPORT Init Duration: 87.28 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError"
    )

    assert told is not None
    record = told.record["record"]
    assert (record["phase"], record["status"]) == ("init", "error")
    assert record["errorType"] == "Runtime.ImportModuleError"


def test_init_start_tells_the_runtime() -> None:
    """It says that a function is durable, and then lines are read for their execution."""
    version = "python:3.14.DurableFunction.v6"

    told = read_platform_line(f"INIT_START Runtime Version: {version}\tRuntime Version ARN: arn")

    assert told is not None
    assert told.record["record"]["runtimeVersion"] == version


@pytest.mark.parametrize(
    ("message", "kind", "request_id"),
    [
        (f"START RequestId: {REQUEST} Version: 7", "start", REQUEST),
        (f"END RequestId: {REQUEST}", "end", REQUEST),
        (f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1", "fault", REQUEST),
        (f"RequestId: {REQUEST} Process exited before completing request", "fault", REQUEST),
        (f"RequestId: {REQUEST}\tStatus: error\tErrorType: Runtime.ExitError", "fault", REQUEST),
        (
            f"2026-11-20T08:00:00.000Z {REQUEST} Task timed out after 3.00 seconds",
            "timeout",
            REQUEST,
        ),
        ("INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn", "event", ""),
        ("INIT_REPORT Init Duration: 87.28 ms\tPhase: invoke\tStatus: error", "event", ""),
        ("EXTENSION\tName: a\tState: Ready\tEvents: [INVOKE,SHUTDOWN]", "other", ""),
        ("RESTORE_REPORT Restore Duration: 325.93 ms", "other", ""),
        ('{"time":"2026","type":"platform.start","record":{"requestId":"x"}}', "event", ""),
    ],
)
def test_platform_line_recognises_lambdas_own_lines(
    message: str, kind: str, request_id: str
) -> None:
    """Each has its kind, and the invocation that it names."""
    told = read_platform_line(message)

    assert told is not None
    assert (told.kind, told.request_id) == (kind, request_id)


@pytest.mark.parametrize(
    "message",
    [
        "START of the import",
        "RequestId: 7 is what the caller sent",
        "the Task timed out after 3.00 seconds, we try again",
        '{"message":"platform.start is a type","type":"x"}',
        '{"type":"platform.start","record":',
        '{"type":"platform.start"}',
        "",
    ],
)
def test_platform_line_is_none_for_a_function(message: str) -> None:
    """A line may look like one of Lambda's, or mention one."""
    assert read_platform_line(message) is None
