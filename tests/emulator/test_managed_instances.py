"""Managed Instances mode: no INVOKE, no runtimeDone, several invocations at once, never frozen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.model.errors import MisuseError
from tests.emulator.support import seen

Start = Callable[..., LocalLambda]

PROBE = {"PROBE_EVENTS": '["SHUTDOWN"]', "PROBE_SCHEMA": "2025-01-29"}


def test_invocations_run_at_the_same_time(start: Start, tmp_path: Path) -> None:
    """Four that each wait for the other three, each with its own answer."""
    cloud = start(
        probe=PROBE,
        managed_instances=True,
        log_format="JSON",
        max_concurrency=4,
        timeout_ms=20_000,
    )
    cloud.initialise().raise_for_status()
    cloud.invoke({})
    place = tmp_path / "place"
    place.mkdir()

    results = cloud.invoke_concurrently(
        [{"do": "meet", "at": str(place), "n": 4, "i": i} for i in range(4)]
    )
    cloud.shutdown()

    assert [r.payload["i"] for r in results] == [0, 1, 2, 3]
    assert all(len(cloud.lines(r.request_id)) == 1 for r in results)
    starts = [e for e in cloud.events if e["type"] == "platform.start"][1:]
    reports = [e for e in cloud.events if e["type"] == "platform.report"][1:]
    assert max(e["time"] for e in starts) < min(e["time"] for e in reports)
    types = set(seen(tmp_path).types())
    assert "platform.runtimeDone" not in types
    assert all(isinstance(e["record"], dict) for e in seen(tmp_path).events())
    assert [e["eventType"] for e in seen(tmp_path).invoked()] == ["SHUTDOWN"]


def test_a_posted_error_is_an_error_in_the_report(start: Start) -> None:
    """The report stands in for runtimeDone there."""
    cloud = start(probe=PROBE, managed_instances=True, log_format="JSON")

    result = cloud.invoke({"do": "raise"})

    report = next(e["record"] for e in cloud.events if e["type"] == "platform.report")
    assert result.status == report["status"] == "error"
    assert list(report["metrics"]) == ["durationMs"]
    assert [s["name"] for s in report["spans"]] == ["responseLatency", "responseDuration"]


def test_a_timeout_leaves_the_environment_running(start: Start) -> None:
    """The caller gets an error; the other workers go on."""
    cloud = start(probe=PROBE, managed_instances=True, log_format="JSON", timeout_ms=300)

    slow, quick = cloud.invoke_concurrently([{"do": "sleep", "s": 1}, {"q": 1}])
    after = cloud.invoke({"after": 1})

    assert (slow.status, slow.error_type) == ("timeout", "Sandbox.Timedout")
    assert quick.status == after.status == "success"
    assert cloud.last_shutdown is None


def test_invoke_registration_and_the_logs_api_are_refused(start: Start, tmp_path: Path) -> None:
    """403 for INVOKE; 404 for the Logs API; other schemas 400."""
    other = {"PROBE_MODE": "one_register", "PROBE_APIS": ""}
    refused = start(probe=other, managed_instances=True, init_timeout_ms=1_000, timeout_ms=300)
    refused.initialise()

    answer = seen(tmp_path).of("register")[0]
    assert answer["status"] == 403
    assert json.loads(answer["answer"])["errorType"] == "Extension.InvalidEventType"


def test_only_the_newest_schema_is_accepted(start: Start, tmp_path: Path) -> None:
    """400 for an older one, 404 for the Logs API."""
    probe = {**PROBE, "PROBE_SCHEMA": "2022-12-13", "PROBE_APIS": "telemetry logs"}
    cloud = start(probe=probe, managed_instances=True)

    cloud.invoke({}).raise_for_status()

    assert [e["status"] for e in seen(tmp_path).of("subscribe")] == [400, 404]


def test_extensions_are_told_the_kind_of_environment(start: Start, tmp_path: Path) -> None:
    """By the documented variable."""
    cloud = start(probe=PROBE, managed_instances=True)

    cloud.invoke({})

    environment = seen(tmp_path).of("start")[0]["environment"]
    assert environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
    assert environment["AWS_LAMBDA_MAX_CONCURRENCY"] == "4"


def test_ordinary_functions_run_one_at_a_time(start: Start) -> None:
    """Asking for more is a misuse, said so."""
    cloud = start(probe=None)

    with pytest.raises(MisuseError, match="Managed Instances"):
        cloud.invoke_concurrently([1, 2])
