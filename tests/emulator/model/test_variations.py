"""Test that each variation does what it says, as an extension sees it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.model.variations import GARBAGE_KINDS, Variations
from tests.doubles.emulator.probe import Seen, Start, seen

SAME_ID = "11111111-2222-3333-4444-555555555555"


def _bodies(probe: Seen) -> list[str]:
    return [entry["body"] for entry in probe.of("batch")]


def _statuses(kind: str) -> Callable[[Seen], list[int]]:
    return lambda probe: [entry["status"] for entry in probe.of(kind)]


def _kinds(probe: Seen) -> list[str]:
    return [event["eventType"] for event in probe.invoked()]


def _digits(probe: Seen) -> set[int]:
    return {len(event["time"].partition(".")[2].rstrip("Z")) for event in probe.events()}


def _lines_and_ends(probe: Seen) -> list[str]:
    return [kind for kind in probe.types() if kind in ("function", "platform.runtimeDone")]


def _report_statuses(probe: Seen) -> set[str | None]:
    reports = probe.records("platform.report")
    return {record.get("status") for record in reports}


def _restores(probe: Seen) -> list[object]:
    """Give the type and the phase of init, and the events of a restore that follow it."""
    (init,) = probe.records("platform.initStart")
    kinds = [kind.removeprefix("platform.") for kind in probe.types()]
    return [
        (init["initializationType"], init["phase"]),
        *(kind for kind in kinds[: kinds.index("start")] if kind.startswith("restore")),
    ]


def _instances(probe: Seen) -> list[bool]:
    """Tell of init and of the restore whether the event names the environment by its log stream."""
    started = (*probe.records("platform.initStart"), *probe.records("platform.restoreStart"))
    name = r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}"
    return [bool(re.fullmatch(name, str(one.get("instanceId")))) for one in started]


# Name: the variations, the probe's settings, what to look at in its account, what is there after four invocations.
SEEN: dict[str, tuple[Variations, dict[str, str], Callable[[Seen], Any], Any]] = {
    "lines_after_runtime_done": (
        Variations(lines_after_runtime_done=True),
        {},
        _lines_and_ends,
        4 * ["platform.runtimeDone", "function", "function"],
    ),
    "duplicate_batches": (
        Variations(duplicate_batches=True),
        {},
        lambda probe: len(_bodies(probe)) >= 4 and _bodies(probe)[::2] == _bodies(probe)[1::2],
        True,
    ),
    "merge_invocations": (
        Variations(merge_invocations=2),
        {},
        lambda probe: [str(batch).count("platform.start") for batch in probe.batches()][:2],
        [2, 2],
    ),
    "missing_tracing": (
        Variations(missing_tracing=True),
        {},
        lambda probe: "tracing" in f"{probe.invoked()} {probe.batches()}",
        False,
    ),
    "instance_id": (Variations(snap_start=True), {}, _instances, 2 * [True]),
    "missing_instance_id": (
        Variations(snap_start=True, missing_instance_id=True),
        {},
        _instances,
        2 * [False],
    ),
    "upper_case_shutdown_reason": (
        Variations(upper_case_shutdown_reason=True),
        {},
        lambda probe: probe.invoked()[-1]["shutdownReason"],
        "SPINDOWN",
    ),
    "milliseconds": (Variations(), {}, _digits, {3}),
    "microsecond_timestamps": (Variations(microsecond_timestamps=True), {}, _digits, {6}),
    "same_request_id": (
        Variations(same_request_id=SAME_ID),
        {},
        lambda probe: {e["requestId"] for e in probe.invoked() if "requestId" in e},
        {SAME_ID},
    ),
    "snap_start": (
        Variations(snap_start=True),
        {},
        _restores,
        [("snap-start", "snap-start"), "restoreStart", "restoreRuntimeDone", "restoreReport"],
    ),
    "durable": (
        Variations(durable=True),
        {},
        lambda probe: [
            ".DurableFunction." in str(one) for one in probe.records("platform.initStart")
        ],
        [True],
    ),
    "tenant_id": (
        Variations(tenant_id="blue"),
        {},
        lambda probe: {
            record.get("tenantId")
            for kind in ("start", "runtimeDone", "report")
            for record in probe.records(f"platform.{kind}")
        },
        {"blue"},
    ),
    "subscribe_refusals": (
        Variations(telemetry_subscribe_status=500, subscribe_refusals=1),
        {"PROBE_APIS": "telemetry telemetry"},
        _statuses("subscribe"),
        [500, 200],
    ),
    "register_refusals": (
        Variations(register_refusals=2, register_refusal_status=403),
        {},
        _statuses("register"),
        [403, 403, 200],
    ),
    "unknown_event": (
        Variations(unknown_event=True),
        {},
        _kinds,
        ["CHECKPOINT", *4 * ["INVOKE"], "SHUTDOWN"],
    ),
    "report_status as ended": (Variations(), {}, _report_statuses, {"success"}),
    "report_status absent": (Variations(report_status="absent"), {}, _report_statuses, {None}),
    "report_status other": (Variations(report_status="failure"), {}, _report_statuses, {"failure"}),
}


@pytest.mark.parametrize("name", SEEN)
def test_variation_shows_in_the_probes_account(start: Start, tmp_path: Path, name: str) -> None:
    """An extension under test meets what the switch promises, and the invocations succeed all the same."""
    variations, probe, look, expected = SEEN[name]
    cloud = start(probe=probe, variations=variations)

    for _ in range(4):
        cloud.invoke({}).raise_for_status()
    cloud.shutdown()

    assert look(seen(tmp_path)) == expected


def test_report_comes_with_the_next_invocation_by_default(start: Start, tmp_path: Path) -> None:
    """In the cloud it does, so an extension must not wait for it."""
    cloud = start(probe={}, settle_ms=300)

    cloud.invoke({})
    cloud.wait_for(lambda: "platform.runtimeDone" in seen(tmp_path).types())
    before = seen(tmp_path).types()
    cloud.invoke({})
    cloud.wait_for(lambda: "platform.report" in seen(tmp_path).types())

    assert "platform.report" not in before


def test_report_can_come_at_once(start: Start, tmp_path: Path) -> None:
    """Tests that need the report need not invoke again."""
    cloud = start(probe={}, variations=Variations(report="at_once"))

    cloud.invoke({})

    assert seen(tmp_path).types()[-1] == "platform.report"


def test_runtime_done_can_come_before_invoke(start: Start, tmp_path: Path) -> None:
    """Short invocations are over before an extension reads its event."""
    cloud = start(probe={}, variations=Variations(runtime_done_before_invoke=True))

    result = cloud.invoke({})
    cloud.thaw()  # the probe may have been frozen before it could write the event down
    cloud.wait_for(lambda: any(e["kind"] == "event" for e in seen(tmp_path).read()))

    entries = seen(tmp_path).read()
    invoked = next(e["at_ns"] for e in entries if e["kind"] == "event")
    done = next(e["at_ns"] for e in entries if e["kind"] == "batch" and "runtimeDone" in e["body"])
    assert done < invoked
    assert result.status == "success"


@pytest.mark.parametrize("kind", GARBAGE_KINDS)
def test_garbage_comes_before_each_real_batch(start: Start, tmp_path: Path, kind: str) -> None:
    """The real batch must survive, or a test of garbage would lose lines."""
    cloud = start(probe={}, variations=Variations(garbage=(kind,)))  # type: ignore[arg-type]

    cloud.invoke({})
    cloud.shutdown()

    bodies = [e["body"] for e in seen(tmp_path).of("batch")]
    real = [e for b in bodies[1::2] for e in json.loads(b)]
    assert len(bodies) % 2 == 0
    assert [e["type"] for e in real].count("platform.runtimeDone") == 1
    expected = {
        "non_json": bodies[0].startswith("this is not"),
        "non_utf8": "\\xff" in bodies[0],
        "empty_array": bodies[0] == "[]",
        "huge": len(bodies[0]) > 2 * 262_144,
        "unknown_types": "unheardOf" in bodies[0],
        "truncated": bodies[1].startswith(bodies[0]) and len(bodies[0]) < len(bodies[1]),
    }
    assert expected[kind]


def test_shutdown_can_come_before_any_invoke(start: Start, tmp_path: Path) -> None:
    """Lambda may initialise an environment and never use it."""
    cloud = start(probe={})

    cloud.initialise().raise_for_status()
    cloud.shutdown()

    assert [e["eventType"] for e in seen(tmp_path).invoked()] == ["SHUTDOWN"]


def test_deliver_posts_events_and_raw_bytes(start: Start, tmp_path: Path) -> None:
    """Tests need batches that the platform would never send."""
    cloud = start(probe={})
    cloud.invoke({})
    made = {"time": "2026-01-01T00:00:00.000Z", "type": "function", "record": "made"}

    first = cloud.deliver([made])
    second = cloud.deliver(b"\x00raw", extension="probe")

    assert first == second == {"probe": 200}
    assert [made] in seen(tmp_path).batches()
    assert "\x00raw" in seen(tmp_path).batches()


def test_variations_refuse_unknown_words() -> None:
    """A misspelt word would switch nothing on."""
    with pytest.raises(ValueError, match="unknown garbage"):
        Variations(garbage=("nonsense",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="report must be"):
        Variations(report="never")  # type: ignore[arg-type]
