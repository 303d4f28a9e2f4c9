"""Each way an invocation can end, with what the caller, CloudWatch and a subscriber see of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.model.errors import EnvironmentDidNotStart
from tests.emulator.support import seen

Start = Callable[..., LocalLambda]

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


def test_an_init_error_fails_twice_and_tells_no_start(start: Start, tmp_path: Path) -> None:
    """Init is run again inside the invocation; its own error goes to the caller; no start or report is told."""
    cloud = start(probe={}, app="import nonexistent_module\n")

    result = cloud.invoke({})

    assert (result.status, result.error_type) == ("error", "Runtime.ImportModuleError")
    assert "nonexistent_module" in result.payload["errorMessage"]
    kinds = [e["type"] for e in cloud.events]
    assert kinds.count("platform.initStart") == 2
    assert not {"platform.start", "platform.runtimeDone", "platform.report"} & set(kinds)
    texts = [line.text.split(" ")[0] for line in cloud.cloudwatch if line.source == "platform"]
    assert texts == [
        "INIT_START",
        "INIT_REPORT",
        "INIT_START",
        "INIT_REPORT",
        "START",
        "END",
        "REPORT",
    ]
    assert "Already subscribed" in str(seen(tmp_path).batches())


def test_an_init_over_its_bound_is_restarted_under_the_function_timeout(start: Start) -> None:
    """A slow import times the init out; inside the invocation it has the function's timeout, and then succeeds."""
    slow = "import time\ntime.sleep(0.6)\ndef handler(event, context):\n    return 'late'\n"
    cloud = start(probe=None, app=slow, init_timeout_ms=300)

    result = cloud.invoke({})

    assert (result.status, result.payload) == ("success", "late")
    reports = [e["record"] for e in cloud.events if e["type"] == "platform.initReport"]
    assert [(r["phase"], r["status"]) for r in reports] == [
        ("init", "timeout"),
        ("invoke", "success"),
    ]


def test_an_init_that_never_ends_times_the_invocation_out(start: Start) -> None:
    """An extension that never registers costs the init bound and then the function timeout."""
    cloud = start(probe={"PROBE_MODE": "never_register"}, init_timeout_ms=200, timeout_ms=300)

    first = cloud.initialise()
    result = cloud.invoke({})

    assert first.status == "timeout"
    with pytest.raises(EnvironmentDidNotStart, match=r"probe did not register(.|\n)*says hello"):
        first.raise_for_status()
    assert result.status == "timeout"


def test_an_extension_that_never_calls_next_is_named(start: Start) -> None:
    """Init does not end before every extension has asked for Next."""
    cloud = start(probe={"PROBE_MODE": "never_next"}, init_timeout_ms=500)

    result = cloud.initialise()

    assert result.status == "timeout"
    assert "probe registered but did not call Next" in result.message


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("exit_before_register", "Extension.Crash"),
        ("init_error", "Extension.InitError"),
        ("exit_error", "Extension.ExitError"),
    ],
)
def test_an_extension_that_fails_in_init_fails_the_invocation(
    start: Start, mode: str, kind: str
) -> None:
    """Exit code 0 is a crash too."""
    cloud = start(probe={"PROBE_MODE": mode}, init_timeout_ms=3_000, shutdown_ms=100)

    result = cloud.invoke({})

    assert (result.status, result.error_type) == ("error", kind)


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


def test_a_file_that_cannot_be_executed_is_a_launch_error(start: Start, tmp_path: Path) -> None:
    """platform.extension tells the reason."""
    cloud = start(probe={})
    (tmp_path / "layer" / "extensions" / "probe").chmod(0o644)

    result = cloud.invoke({})

    assert result.error_type == "Extension.LaunchError"
    about = [e["record"] for e in cloud.events if e["type"] == "platform.extension"]
    assert about[0]["errorType"] == "PermissionDenied"


def test_shutdown_gives_extensions_their_deadline_and_notes_who_was_killed(
    start: Start, tmp_path: Path
) -> None:
    """An extension that stays is killed at the deadline; one that goes is not."""
    cloud = start(probe={}, names=("quick", "stays"), shutdown_ms=500)
    launcher = tmp_path / "layer" / "extensions" / "stays"
    launcher.write_text(
        launcher.read_text().replace("exec", "export PROBE_MODE=ignore_shutdown\nexec")
    )
    cloud.invoke({})

    result = cloud.shutdown()

    assert result is not None
    assert not result.extensions["quick"].killed
    assert result.extensions["quick"].exit_code == 0
    assert result.extensions["stays"].killed
    assert 350 < result.duration_ms < 1_500
    assert seen(tmp_path, "stays").invoked()[-1]["shutdownReason"] == "spindown"


def test_too_large_a_response_is_refused(start: Start) -> None:
    """Over 6 MB the runtime is answered 413 and the caller gets Function.ResponseSizeTooLarge."""
    cloud = start(probe=None)

    result = cloud.invoke({"do": "big", "n": 6_400_000})

    assert result.error_type == "Function.ResponseSizeTooLarge"
