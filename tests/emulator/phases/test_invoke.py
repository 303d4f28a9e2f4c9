"""Test each way in which an invocation ends, as the caller, CloudWatch and a subscriber see it."""

from pathlib import Path

import pytest

from tests.doubles.probe import Start, seen

LOGS = {"PROBE_APIS": "logs"}


def test_a_cold_success_follows_the_documented_order(start: Start, tmp_path: Path) -> None:
    """Events come as initStart, subscription, init's end, start, lines, runtimeDone; the report with the next one."""
    cloud = start(probe={})

    first = cloud.invoke({"a": 1}).raise_for_status()
    second = cloud.invoke({"a": 2}).raise_for_status()
    cloud.shutdown()

    assert first.payload == {"a": 1}
    assert first.init_ms is not None
    assert second.init_ms is None
    assert seen(tmp_path).types() == [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        "platform.start",
        "function",
        "function",
        "platform.runtimeDone",
        "platform.report",
        "platform.start",
        "function",
        "function",
        "platform.runtimeDone",
        "platform.report",
    ]


def test_a_handler_exception_ends_with_runtime_done_success(start: Start, tmp_path: Path) -> None:
    """The caller gets the error; runtimeDone and report say success, and the runtime's own line tells the error."""
    cloud = start(probe={})

    result = cloud.invoke({"do": "raise"})
    cloud.shutdown()

    assert (result.status, result.error_type) == ("error", "ValueError")
    assert result.function_error == "Unhandled"
    assert result.runtime_done_status == "success"
    done = [e["record"] for e in seen(tmp_path).events() if e["type"] == "platform.runtimeDone"]
    assert [(r["status"], r["metrics"]["producedBytes"]) for r in done] == [("success", 0)]
    assert "errorType" not in done[0]
    assert any(
        text.startswith("[ERROR] ValueError: told to\n") for text in cloud.lines(result.request_id)
    )


@pytest.mark.parametrize(
    ("what", "text"),
    [("exit", "exit status 3"), ("kill", "signal: killed")],
    ids=["sys.exit", "kill -9"],
)
def test_a_runtime_that_exits_fails_the_invocation_and_restarts_the_environment(
    start: Start, tmp_path: Path, what: str, text: str
) -> None:
    """A runtimeDone with error, SHUTDOWN failure, and a restarted init inside the next invocation."""
    cloud = start(probe={})

    result = cloud.invoke({"do": what})
    after = cloud.invoke({})

    assert (result.status, result.error_type) == ("error", "Runtime.ExitError")
    assert text in result.payload["errorMessage"]
    assert after.status == "success"
    assert seen(tmp_path).invoked()[1]["shutdownReason"] == "failure"
    phases = [e["record"]["phase"] for e in cloud.events if e["type"] == "platform.initStart"]
    assert phases == ["init", "invoke"]
    done = next(e["record"] for e in cloud.events if e["type"] == "platform.runtimeDone")
    assert (done["status"], done["errorType"]) == ("error", "Runtime.ExitError")
    assert cloud.lines(result.request_id)[0] == "plain line\n"


def test_the_logs_api_has_a_fault_for_a_crash(start: Start, tmp_path: Path) -> None:
    """A subscriber of the older API gets platform.fault as text, and no metrics in runtimeDone."""
    cloud = start(probe=LOGS)

    result = cloud.invoke({"do": "exit"})

    events = seen(tmp_path).events()
    faults = [e["record"] for e in events if e["type"] == "platform.fault"]
    assert faults == [
        f"RequestId: {result.request_id} Error: Runtime exited with error: exit status 3\nRuntime.ExitError"
    ]
    done = [e["record"] for e in events if e["type"] == "platform.runtimeDone"]
    assert done == [{"requestId": result.request_id, "status": "error"}]


def test_a_timeout_ends_the_environment(start: Start, tmp_path: Path) -> None:
    """Both runtimeDone and report say timeout, CloudWatch has the text, extensions get SHUTDOWN timeout."""
    cloud = start(probe={}, timeout_ms=1_200)  # the restarted init must fit in as well

    result = cloud.invoke({"do": "sleep", "s": 30})
    after = cloud.invoke({})

    assert (result.status, result.error_type) == ("timeout", "Sandbox.Timedout")
    assert result.runtime_done_status == "timeout"
    assert result.report["durationMs"] == 1_200.0
    assert any("Task timed out after 1.20 seconds" in line.text for line in cloud.cloudwatch)
    assert seen(tmp_path).invoked()[1]["shutdownReason"] == "timeout"
    reports = [
        e["record"]["status"] for e in seen(tmp_path).events() if e["type"] == "platform.report"
    ]
    assert reports == ["timeout"]
    assert after.status == "success"


def test_an_extension_that_holds_next_too_long_times_the_invocation_out(start: Start) -> None:
    """The response is out and runtimeDone says success; the invocation itself still times out."""
    cloud = start(probe={"PROBE_MODE": "hold:30"}, timeout_ms=400, shutdown_ms=200)

    result = cloud.invoke({"a": 1})

    assert result.status == "timeout"
    assert result.payload == {"a": 1}
    assert result.runtime_done_status == "success"


def test_a_runtime_over_the_functions_memory_is_killed(start: Start) -> None:
    """The error type is that of managed runtimes, and the report shows all memory used."""
    cloud = start(probe={})

    result = cloud.invoke({"do": "eat"})

    assert (result.status, result.error_type) == ("error", "Runtime.OutOfMemory")
    assert result.report["maxMemoryUsedMB"] == result.report["memorySizeMB"] == 128


def test_an_extension_that_exits_during_an_invocation_fails_it(
    start: Start, tmp_path: Path
) -> None:
    """The invocation fails with Extension.Crash and the other extension gets SHUTDOWN failure."""
    cloud = start(probe={}, names=("other", "probe"))
    launcher = tmp_path / "layer" / "extensions" / "probe"
    launcher.write_text(
        launcher.read_text().replace("exec", "export PROBE_MODE=exit_at_invoke\nexec")
    )

    result = cloud.invoke({"do": "sleep", "s": 0.3})

    assert (result.status, result.error_type) == ("error", "Extension.Crash")
    assert "Error: exit code 0" in result.payload["errorMessage"]
    assert seen(tmp_path, "other").invoked()[1]["shutdownReason"] == "failure"


def test_too_large_a_response_is_refused(start: Start) -> None:
    """Over 6 MB the runtime is answered 413 and the caller gets Function.ResponseSizeTooLarge."""
    cloud = start(probe=None)

    result = cloud.invoke({"do": "big", "n": 6_400_000})

    assert result.error_type == "Function.ResponseSizeTooLarge"


def test_the_caller_has_the_response_before_the_extension_is_through(start: Start) -> None:
    """held_ms is the extension's; duration_ms is not."""
    cloud = start(probe={"PROBE_MODE": "hold:0.6"})

    result = cloud.invoke({})

    assert result.duration_ms is not None
    assert result.held_ms is not None
    assert result.response_ms is not None
    assert result.response_ms <= result.duration_ms < 500
    assert 500 < result.held_ms < 2_000
    assert result.report["durationMs"] >= result.held_ms
