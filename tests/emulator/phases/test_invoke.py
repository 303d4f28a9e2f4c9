"""Test each way in which an invocation ends, as the caller, CloudWatch and a subscriber see it."""

from pathlib import Path

import pytest

from tests.doubles.emulator.probe import Start, records, seen

LOGS = {"PROBE_APIS": "logs"}


def test_events_of_a_cold_start_follow_the_documented_order(start: Start, tmp_path: Path) -> None:
    """Extensions build their state on this order."""
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


def test_handler_exception_ends_with_runtime_done_success(start: Start, tmp_path: Path) -> None:
    """The status alone does not find a failed invocation."""
    cloud = start(probe={})

    result = cloud.invoke({"do": "raise"})
    cloud.shutdown()

    assert (result.status, result.error_type) == ("error", "ValueError")
    assert result.function_error == "Unhandled"
    assert result.runtime_done_status == "success"
    done = seen(tmp_path).records("platform.runtimeDone")
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
def test_runtime_exit_fails_the_invocation_and_restarts_the_environment(
    start: Start, tmp_path: Path, what: str, text: str
) -> None:
    """The extension gets SHUTDOWN and a new process, as in the cloud."""
    cloud = start(probe={})

    result = cloud.invoke({"do": what})
    after = cloud.invoke({})

    assert (result.status, result.error_type) == ("error", "Runtime.ExitError")
    assert text in result.payload["errorMessage"]
    assert after.status == "success"
    assert seen(tmp_path).invoked()[1]["shutdownReason"] == "failure"
    phases = [record["phase"] for record in records(cloud.events, "platform.initStart")]
    assert phases == ["init", "invoke"]
    done = records(cloud.events, "platform.runtimeDone")[0]
    assert (done["status"], done["errorType"]) == ("error", "Runtime.ExitError")
    assert cloud.lines(result.request_id)[0] == "plain line\n"


def test_crash_is_a_fault_in_the_logs_api(start: Start, tmp_path: Path) -> None:
    """The older API has text where the newer one has a status."""
    cloud = start(probe=LOGS)

    result = cloud.invoke({"do": "exit"})

    events = seen(tmp_path).events()
    faults = records(events, "platform.fault")
    assert faults == [
        f"RequestId: {result.request_id} Error: Runtime exited with error: exit status 3\nRuntime.ExitError"
    ]
    done = records(events, "platform.runtimeDone")
    assert done == [{"requestId": result.request_id, "status": "error"}]


def test_timeout_ends_the_environment(start: Start, tmp_path: Path) -> None:
    """Every party has its own word for a timeout, and all must come."""
    cloud = start(probe={}, timeout_ms=1_200)  # the restarted init must fit in as well

    result = cloud.invoke({"do": "sleep", "s": 30})
    after = cloud.invoke({})

    assert (result.status, result.error_type) == ("timeout", "Sandbox.Timedout")
    assert result.runtime_done_status == "timeout"
    assert result.report["durationMs"] == 1_200.0
    assert any("Task timed out after 1.20 seconds" in line.text for line in cloud.cloudwatch)
    assert seen(tmp_path).invoked()[1]["shutdownReason"] == "timeout"
    reports = [record["status"] for record in seen(tmp_path).records("platform.report")]
    assert reports == ["timeout"]
    assert after.status == "success"


def test_extension_that_holds_next_too_long_times_the_invocation_out(start: Start) -> None:
    """The caller has had its response, and yet the invocation failed."""
    cloud = start(probe={"PROBE_MODE": "hold:30"}, timeout_ms=400, shutdown_ms=200)

    result = cloud.invoke({"a": 1})

    assert result.status == "timeout"
    assert result.payload == {"a": 1}
    assert result.runtime_done_status == "success"


def test_runtime_over_its_memory_is_killed(start: Start) -> None:
    """Managed runtimes have an error type of their own for it."""
    cloud = start(probe={})

    result = cloud.invoke({"do": "eat"})

    assert (result.status, result.error_type) == ("error", "Runtime.OutOfMemory")
    assert result.report["maxMemoryUsedMB"] == result.report["memorySizeMB"] == 128


def test_extension_that_exits_fails_the_invocation(start: Start, tmp_path: Path) -> None:
    """The other extensions get SHUTDOWN and can save their data."""
    cloud = start(probe={}, names=("other", "probe"))
    launcher = tmp_path / "layer" / "extensions" / "probe"
    launcher.write_text(
        launcher.read_text().replace("exec", "export PROBE_MODE=exit_at_invoke\nexec")
    )

    result = cloud.invoke({"do": "sleep", "s": 0.3})

    assert (result.status, result.error_type) == ("error", "Extension.Crash")
    assert "Error: exit code 0" in result.payload["errorMessage"]
    assert seen(tmp_path, "other").invoked()[1]["shutdownReason"] == "failure"


def test_too_large_response_is_refused(start: Start) -> None:
    """The runtime gets 413, and the caller an error of its own type."""
    cloud = start(probe=None)

    result = cloud.invoke({"do": "big", "n": 6_400_000})

    assert result.error_type == "Function.ResponseSizeTooLarge"


def test_caller_has_its_response_before_the_extension_is_done(start: Start) -> None:
    """The wait for an extension is billed, but the caller does not feel it."""
    cloud = start(probe={"PROBE_MODE": "hold:0.4"})

    result = cloud.invoke({})

    assert result.duration_ms is not None
    assert result.held_ms is not None
    assert result.response_ms is not None
    assert result.response_ms <= result.duration_ms
    assert result.held_ms > 200  # less the time that the function itself takes
    assert result.report["durationMs"] >= result.duration_ms + result.held_ms - 1
