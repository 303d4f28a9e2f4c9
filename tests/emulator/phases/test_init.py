"""Test each way in which an init phase fails."""

from pathlib import Path

import pytest

from emulator.model.errors import EnvironmentDidNotStart
from tests.doubles.emulator.probe import Start, records, seen


def test_init_error_fails_twice_and_tells_subscribers_no_start(
    start: Start, tmp_path: Path
) -> None:
    """As in live captures: the caller gets the second init's error, and CloudWatch gets text alone."""
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


def test_init_over_its_bound_is_restarted_under_the_function_timeout(start: Start) -> None:
    """A slow import times out in the init phase, and succeeds inside the invocation."""
    slow = "import time\ntime.sleep(0.6)\ndef handler(event, context):\n    return 'late'\n"
    cloud = start(probe=None, app=slow, init_timeout_ms=300)

    result = cloud.invoke({})

    assert (result.status, result.payload) == ("success", "late")
    reports = records(cloud.events, "platform.initReport")
    assert [(r["phase"], r["status"]) for r in reports] == [
        ("init", "timeout"),
        ("invoke", "success"),
    ]


def test_init_that_never_ends_times_the_invocation_out(start: Start) -> None:
    """An extension that never registers costs the init bound and then the function timeout."""
    cloud = start(probe={"PROBE_MODE": "never_register"}, init_timeout_ms=200, timeout_ms=300)

    first = cloud.initialise()
    result = cloud.invoke({})

    assert first.status == "timeout"
    with pytest.raises(EnvironmentDidNotStart, match=r"probe did not register(.|\n)*says hello"):
        first.raise_for_status()
    assert result.status == "timeout"


def test_extension_that_never_calls_next_is_named(start: Start) -> None:
    """Init waits for every extension, and its author must learn which one kept the others waiting."""
    probe = {"PROBE_MODE": "never_next"}
    cloud = start(probe=probe, init_timeout_ms=500, shutdown_ms=100)

    result = cloud.initialise()

    assert result.status == "timeout"
    assert "probe registered but did not call Next" in result.message


@pytest.mark.parametrize(
    ("mode", "error_type"),
    [
        ("exit_before_register", "Extension.Crash"),
        ("init_error", "Extension.InitError"),
        ("exit_error", "Extension.ExitError"),
    ],
)
def test_extension_that_fails_in_init_fails_the_invocation(
    start: Start, mode: str, error_type: str
) -> None:
    """Lambda runs no function without all its extensions; even exit code 0 is a crash."""
    cloud = start(probe={"PROBE_MODE": mode}, shutdown_ms=100)

    result = cloud.invoke({})

    assert (result.status, result.error_type) == ("error", error_type)


def test_file_that_cannot_be_executed_is_a_launch_error(start: Start, tmp_path: Path) -> None:
    """Subscribers read the reason in platform.extension."""
    cloud = start(probe={})
    (tmp_path / "layer" / "extensions" / "probe").chmod(0o644)

    result = cloud.invoke({})

    assert result.error_type == "Extension.LaunchError"
    about = records(cloud.events, "platform.extension")
    assert about[0]["errorType"] == "PermissionDenied"


def test_launch_error_explains_a_first_line_without_target(start: Start, tmp_path: Path) -> None:
    """In a relocated environment no interpreter is under /var/lang, and nobody would guess that."""
    cloud = start(probe={}, isolation="relocated")
    (tmp_path / "layer" / "extensions" / "probe").write_text("#!/var/lang/bin/python3\n")

    result = cloud.initialise()

    assert result.error_type == "Extension.LaunchError"
    assert "relocated" in result.message
