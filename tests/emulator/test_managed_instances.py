"""Managed Instances mode: no INVOKE, no runtimeDone, several invocations at once, never frozen."""

import json
from pathlib import Path

import pytest

from emulator.model.errors import MisuseError
from tests.doubles.emulator.probe import Start, records, seen

PROBE = {"PROBE_EVENTS": '["SHUTDOWN"]', "PROBE_SCHEMA": "2025-01-29"}


def test_managed_instances_run_invocations_at_the_same_time(start: Start, tmp_path: Path) -> None:
    """Each of the four waits for the other three, so one at a time would hang."""
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


def test_posted_error_is_an_error_in_the_report(start: Start) -> None:
    """On Managed Instances the report stands in for runtimeDone."""
    cloud = start(probe=PROBE, managed_instances=True, log_format="JSON")

    result = cloud.invoke({"do": "raise"})

    report = records(cloud.events, "platform.report")[0]
    assert result.status == report["status"] == "error"
    assert list(report["metrics"]) == ["durationMs"]
    assert [s["name"] for s in report["spans"]] == ["responseLatency", "responseDuration"]


def test_timeout_leaves_the_environment_running(start: Start) -> None:
    """The other invocations in it must go on."""
    cloud = start(probe=PROBE, managed_instances=True, log_format="JSON", timeout_ms=300)

    slow, quick = cloud.invoke_concurrently([{"do": "sleep", "s": 1}, {"q": 1}])
    after = cloud.invoke({"after": 1})

    assert (slow.status, slow.error_type) == ("timeout", "Sandbox.Timedout")
    assert quick.status == after.status == "success"
    assert cloud.last_shutdown is None


def test_managed_instances_refuse_invoke_registration(start: Start, tmp_path: Path) -> None:
    """An extension for ordinary functions fails here first."""
    other = {"PROBE_MODE": "one_register", "PROBE_APIS": ""}
    refused = start(probe=other, managed_instances=True, init_timeout_ms=1_000, timeout_ms=300)
    refused.initialise()

    answer = seen(tmp_path).of("register")[0]
    assert answer["status"] == 403
    assert json.loads(answer["answer"])["errorType"] == "Extension.InvalidEventType"


def test_managed_instances_accept_the_newest_schema_alone(start: Start, tmp_path: Path) -> None:
    """The Logs API does not exist there."""
    probe = {**PROBE, "PROBE_SCHEMA": "2022-12-13", "PROBE_APIS": "telemetry logs"}
    cloud = start(probe=probe, managed_instances=True)

    cloud.invoke({}).raise_for_status()

    assert [e["status"] for e in seen(tmp_path).of("subscribe")] == [400, 404]


def test_extensions_can_tell_managed_instances(start: Start, tmp_path: Path) -> None:
    """They must choose their API before they register."""
    cloud = start(probe=PROBE, managed_instances=True)

    cloud.invoke({})

    environment = seen(tmp_path).of("start")[0]["environment"]
    assert environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
    assert environment["AWS_LAMBDA_MAX_CONCURRENCY"] == "4"


def test_ordinary_function_refuses_concurrent_invocations(start: Start) -> None:
    """A test would wait forever for events that never come."""
    cloud = start(probe=None)

    with pytest.raises(MisuseError, match="Managed Instances"):
        cloud.invoke_concurrently([1, 2])
