"""Each variation does what it says, seen from the extension's side."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.model.variations import GARBAGE_KINDS, Variations
from tests.emulator.support import seen

Start = Callable[..., LocalLambda]


def test_the_report_comes_with_the_next_invocation_by_default(start: Start, tmp_path: Path) -> None:
    """While frozen after the first invocation, its report has not been delivered."""
    cloud = start(probe={}, settle_ms=300)

    cloud.invoke({})
    cloud.wait_for(lambda: "platform.runtimeDone" in seen(tmp_path).types())
    before = seen(tmp_path).types()
    cloud.invoke({})
    cloud.wait_for(lambda: "platform.report" in seen(tmp_path).types())

    assert "platform.report" not in before


def test_the_report_can_come_at_once(start: Start, tmp_path: Path) -> None:
    """It has been delivered when invoke returns."""
    cloud = start(probe={}, variations=Variations(report="at_once"))

    cloud.invoke({})

    assert seen(tmp_path).types()[-1] == "platform.report"


def test_lines_can_come_after_runtime_done(start: Start, tmp_path: Path) -> None:
    """The runtimeDone event has been delivered in a batch of its own before any line."""
    cloud = start(probe={}, variations=Variations(lines_after_runtime_done=True))

    cloud.invoke({})
    cloud.shutdown()

    types = seen(tmp_path).types()
    assert types.index("platform.runtimeDone") < types.index("function")
    assert types.count("function") == 2


def test_runtime_done_can_come_before_invoke(start: Start, tmp_path: Path) -> None:
    """The batch with runtimeDone reaches the extension before its INVOKE event does."""
    cloud = start(probe={}, variations=Variations(runtime_done_before_invoke=True))

    result = cloud.invoke({})
    cloud.thaw()  # the probe may have been frozen before it could write the event down
    cloud.wait_for(lambda: any(e["kind"] == "event" for e in seen(tmp_path).read()))

    entries = seen(tmp_path).read()
    invoked = next(e["at_ns"] for e in entries if e["kind"] == "event")
    done = next(e["at_ns"] for e in entries if e["kind"] == "batch" and "runtimeDone" in e["body"])
    assert done < invoked
    assert result.status == "success"


def test_batches_can_come_twice(start: Start, tmp_path: Path) -> None:
    """Each body is followed by itself."""
    cloud = start(probe={}, variations=Variations(duplicate_batches=True))

    cloud.invoke({})
    cloud.shutdown()

    bodies = [e["body"] for e in seen(tmp_path).of("batch")]
    assert len(bodies) >= 4
    assert bodies[::2] == bodies[1::2]


def test_a_batch_can_hold_several_invocations(start: Start, tmp_path: Path) -> None:
    """Two invocations' events come in one batch."""
    cloud = start(probe={}, variations=Variations(merge_invocations=2))

    for _ in range(4):
        cloud.invoke({})
    cloud.shutdown()

    starts = [str(batch).count("platform.start") for batch in seen(tmp_path).batches()]
    assert starts[:2] == [2, 2]


@pytest.mark.parametrize("kind", GARBAGE_KINDS)
def test_garbage_comes_before_real_batches_and_nothing_is_lost(
    start: Start, tmp_path: Path, kind: str
) -> None:
    """One broken body goes ahead of each real one."""
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


def test_tracing_can_be_missing(start: Start, tmp_path: Path) -> None:
    """Neither INVOKE nor the records have it."""
    cloud = start(probe={}, variations=Variations(missing_tracing=True))

    cloud.invoke({})
    cloud.shutdown()

    assert "tracing" not in seen(tmp_path).invoked()[0]
    assert "tracing" not in str(seen(tmp_path).batches())


def test_the_shutdown_reason_can_be_upper_case(start: Start, tmp_path: Path) -> None:
    """As AWS's prose prints it."""
    cloud = start(probe={}, variations=Variations(upper_case_shutdown_reason=True))

    cloud.invoke({})
    cloud.shutdown()

    assert seen(tmp_path).invoked()[-1]["shutdownReason"] == "SPINDOWN"


@pytest.mark.parametrize(("micro", "digits"), [(False, 3), (True, 6)])
def test_times_have_milliseconds_or_microseconds(
    start: Start, tmp_path: Path, micro: bool, digits: int
) -> None:
    """All times of a subscriber have the same number of digits."""
    cloud = start(probe={}, variations=Variations(microsecond_timestamps=micro))

    cloud.invoke({})
    cloud.shutdown()

    times = [e["time"] for e in seen(tmp_path).events()]
    assert {len(t.partition(".")[2].rstrip("Z")) for t in times} == {digits}


def test_request_ids_can_repeat(start: Start, tmp_path: Path) -> None:
    """As a retried asynchronous event's does."""
    cloud = start(
        probe={}, variations=Variations(same_request_id="11111111-2222-3333-4444-555555555555")
    )

    ids = {cloud.invoke({}).request_id for _ in range(2)}

    assert ids == {"11111111-2222-3333-4444-555555555555"}
    assert len({e["requestId"] for e in seen(tmp_path).invoked()}) == 1


def test_subscribing_can_fail_a_few_times(start: Start, tmp_path: Path) -> None:
    """Refused once with 500, then accepted."""
    refusing = Variations(telemetry_subscribe_status=500, subscribe_refusals=1)
    cloud = start(probe={"PROBE_APIS": "telemetry telemetry"}, variations=refusing)

    cloud.invoke({})

    assert [e["status"] for e in seen(tmp_path).of("subscribe")] == [500, 200]


def test_registering_can_fail_a_few_times(start: Start, tmp_path: Path) -> None:
    """Refused twice with the status asked for, then accepted."""
    refusing = Variations(register_refusals=2, register_refusal_status=403)
    cloud = start(probe={}, variations=refusing)

    cloud.invoke({}).raise_for_status()

    assert [e["status"] for e in seen(tmp_path).of("register")] == [403, 403, 200]


def test_an_unknown_event_comes_first(start: Start, tmp_path: Path) -> None:
    """And asking for Next again goes on as usual."""
    cloud = start(probe={}, variations=Variations(unknown_event=True))

    cloud.invoke({}).raise_for_status()

    assert [e["eventType"] for e in seen(tmp_path).invoked()] == ["CHECKPOINT", "INVOKE"]


@pytest.mark.parametrize(
    ("word", "expected"), [("as_ended", "success"), ("absent", None), ("failure", "failure")]
)
def test_the_reports_status_can_be_chosen(
    start: Start, tmp_path: Path, word: str, expected: str | None
) -> None:
    """As it ended, absent, or any word."""
    cloud = start(probe={}, variations=Variations(report_status=word, report="at_once"))

    cloud.invoke({})

    assert seen(tmp_path).events()[-1]["record"].get("status") == expected


def test_shutdown_can_come_before_any_invoke(start: Start, tmp_path: Path) -> None:
    """Lambda may initialise an environment and never use it."""
    cloud = start(probe={})

    cloud.initialise().raise_for_status()
    cloud.shutdown()

    assert [e["eventType"] for e in seen(tmp_path).invoked()] == ["SHUTDOWN"]


def test_hand_made_events_and_raw_bytes_can_be_delivered(start: Start, tmp_path: Path) -> None:
    """At any time, past the buffers, with each subscriber's status given back."""
    cloud = start(probe={})
    cloud.invoke({})
    made = {"time": "2026-01-01T00:00:00.000Z", "type": "function", "record": "made"}

    first = cloud.deliver([made])
    second = cloud.deliver(b"\x00raw", extension="probe")

    assert first == second == {"probe": 200}
    assert [made] in seen(tmp_path).batches()
    assert "\x00raw" in seen(tmp_path).batches()


def test_an_unknown_variation_value_is_refused() -> None:
    """A misspelt word would otherwise switch nothing on."""
    with pytest.raises(ValueError, match="unknown garbage"):
        Variations(garbage=("nonsense",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="report must be"):
        Variations(report="never")  # type: ignore[arg-type]
