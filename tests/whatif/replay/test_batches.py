import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.config.settings import Settings
from tests.doubles import shop_logs
from whatif.model.events import Logged, Received
from whatif.model.log import Log
from whatif.replay.batches import MAX_BATCH_CHARS, Batch, Batcher
from whatif.replay.meter import Meter

FIRST = "459921b5-681c-4a96-beb0-81e0aa586026"
SECOND = "6f7f0961-f834-4211-8a7a-f6fe80b88d56"
TIME = "2026-11-20T08:00:00.000Z"
TRACE = "1-6ab63207-155b540a1949e1293f3b946a"
REPORT = (
    "\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB\tMax Memory Used: 87 MB\t"
)


def batched(
    *messages: str | dict[str, Any], ripe_chars: int = 10**9
) -> tuple[list[dict[str, Any]], list[tuple[str, str]], Log]:
    """The events, the INVOKE events and the counts that come of an environment's log."""
    log = Log()
    batcher = Batcher(log, ripe_chars, Meter(Settings()))
    batches: list[Batch] = []
    for message in messages:
        event: Logged | Received = (
            Logged("s", TIME, message) if isinstance(message, str) else Received("s", message)
        )
        batch = batcher.take(event)
        batches += [batch] if batch is not None else []
    last = batcher.close()
    batches += [last] if last is not None else []
    events = [event for batch in batches for event in json.loads(batch.body)]
    return events, [invoke for batch in batches for invoke in batch.invokes], log


def invocation(request_id: str, *lines: str, report: str = REPORT) -> list[str]:
    return [
        f"START RequestId: {request_id} Version: $LATEST",
        *lines,
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}{report}",
    ]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("platform.") for event in events]


def test_batcher_restores_the_events_of_an_invocation() -> None:
    """START, lines, END and REPORT become start, function, runtimeDone and report."""
    trace = f"\nXRAY TraceId: {TRACE}\tSegmentId: d0025b207c551fde\tSampled: true\t"

    events, invokes, log = batched(*invocation(FIRST, "hello", report=REPORT + trace))

    header = f"Root={TRACE};Parent=d0025b207c551fde;Sampled=1"
    assert kinds(events) == ["start", "function", "runtimeDone", "report"]
    assert events[0]["record"]["tracing"]["value"] == header
    assert events[1]["record"] == "hello\n"
    assert events[2]["record"]["metrics"] == {"durationMs": 12.5}
    assert {event["record"]["status"] for event in events[2:]} == {"success"}
    assert invokes == [(FIRST, header)]
    assert (log.lines, log.platform_lines, log.cut, log.outside) == (1, 3, 0, 0)


FAULT = f"RequestId: {FIRST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError"
LATE = f"{TIME} {FIRST} Task timed out after 3.00 seconds"


@pytest.mark.parametrize(
    ("messages", "ending"),
    [
        (invocation(FIRST, report=f"{REPORT}Status: timeout"), ("timeout", None)),
        ([*invocation(FIRST), LATE], ("timeout", None)),
        (invocation(FIRST, FAULT), ("error", "Runtime.ExitError")),
        (
            invocation(FIRST, report=f"{REPORT}Status: error\tError Type: Runtime.ExitError"),
            ("error", "Runtime.ExitError"),
        ),
    ],
    ids=["timeout by status", "timeout by its line", "crash by its fault", "crash by status"],
)
def test_batcher_restores_the_end_of_a_failed_invocation(
    messages: list[str], ending: tuple[str, str | None]
) -> None:
    """Lambda has written timeouts and crashes in two ways; both become the Telemetry API's status."""
    events, _, log = batched(*messages)

    for event in events[1:]:
        assert (event["record"]["status"], event["record"].get("errorType")) == ending
    assert kinds(events) == ["start", "runtimeDone", "report"]
    assert log.lines == 0


def test_batcher_counts_an_invocation_that_the_log_cuts() -> None:
    """It counts as successful, unlike one whose REPORT alone is missing."""
    events, invokes, log = batched(
        *invocation(FIRST)[:2], f"START RequestId: {SECOND} Version: $LATEST", "hello"
    )

    assert kinds(events) == ["start", "runtimeDone", "start", "function", "runtimeDone"]
    assert invokes == [(FIRST, ""), (SECOND, "")]
    assert log.cut == 1


def test_batcher_leaves_an_end_open_that_never_came() -> None:
    """The recorder finds that out by the next start, as in Lambda."""
    events, invokes, _ = batched(f"START RequestId: {FIRST} Version: 1", *invocation(SECOND))

    assert kinds(events) == ["start", "start", "runtimeDone", "report"]
    assert invokes == [(FIRST, ""), (SECOND, "")]


def test_batcher_passes_objects_of_the_json_log_format() -> None:
    """There Lambda delivers a function's objects as objects, byte for byte."""
    start = json.dumps({"time": TIME, "type": "platform.start", "record": {"requestId": FIRST}})
    report = {"requestId": FIRST, "status": "success", "metrics": {"durationMs": 2.5}}
    line = '{"timestamp": "2026-11-20T08:00:00Z", "level": "INFO", "message": "é", "n": 1.0}'
    end = json.dumps({"time": TIME, "type": "platform.report", "record": report})

    events, invokes, _ = batched(start, line, "{not json", end)

    assert kinds(events) == ["start", "function", "function", "runtimeDone", "report"]
    assert events[1]["record"] == json.loads(line)
    assert events[2]["record"] == "{not json\n"
    assert events[3]["record"]["metrics"] == {"durationMs": 2.5}
    assert invokes == [(FIRST, "")]


def test_batcher_passes_events_of_a_capture() -> None:
    """They need nothing restored; INVOKE has the trace id of the start."""
    record = {"requestId": FIRST, "tracing": {"type": "X-Amzn-Trace-Id", "value": f"Root={TRACE}"}}
    capture = [
        {"time": TIME, "type": "platform.start", "record": record},
        {"time": TIME, "type": "function", "record": {"level": "INFO"}},
        {
            "time": TIME,
            "type": "platform.runtimeDone",
            "record": {"requestId": FIRST, "status": "success"},
        },
        {"time": TIME, "type": "platform.start", "record": {"requestId": SECOND}},
        {"time": TIME, "type": "platform.report", "record": {"requestId": FIRST, "metrics": {}}},
    ]

    events, invokes, log = batched(*capture)

    assert events[:5] == capture
    assert invokes[0] == (FIRST, f"Root={TRACE}")
    assert (log.lines, log.cut) == (1, 1)


def test_batcher_frames_records_of_an_archive() -> None:
    """An archive has no starts, and the outcome ends the invocation."""
    metadata = {"requestId": FIRST, "traceId": TRACE, "weight": 1, "reason": "archive", "id": "e-1"}
    told = {"outcome": "crash", "durationMs": 7.5, "lines": 1}

    events, invokes, log = batched(
        {"time": TIME, "type": "function", "record": "hello\n", **metadata},
        {"time": TIME, "type": "flightRecorder.invocation", "record": told, **metadata},
    )

    assert kinds(events) == ["start", "function", "runtimeDone"]
    assert events[2]["record"] == {
        "requestId": FIRST,
        "status": "error",
        "errorType": "Runtime.ExitError",
        "metrics": {"durationMs": 7.5},
    }
    assert invokes == [(FIRST, f"Root={TRACE}")]
    assert log.sampled == 0


def test_batcher_counts_sampled_records() -> None:
    """The lines that the extension dropped are missing, and the report has to say so."""
    record = {
        "time": TIME,
        "type": "function",
        "record": "x",
        "weight": 10,
        "reason": "sampled",
        "id": "e-1",
    }

    _, _, log = batched({**record, "requestId": FIRST})

    assert log.sampled == 1


def test_batcher_ends_batches_between_invocations() -> None:
    """A long invocation is cut at Lambda's own bound."""
    log = Log()
    batcher = Batcher(log, 1, Meter(Settings()))
    messages = invocation(FIRST, "hello") + invocation(SECOND, *["x" * 1000] * 400)

    given_at = [
        number
        for number, message in enumerate([*messages, "late"])
        if batcher.take(Logged("s", TIME, message)) is not None
    ]

    assert given_at[0] == 4  # the event that shows that FIRST is over
    assert len(given_at) == 1 + 400 * 1000 // MAX_BATCH_CHARS + 1


def test_batcher_counts_events_out_of_order() -> None:
    """An export's lines are not always in order."""
    log = Log()
    batcher = Batcher(log, 1, Meter(Settings()))

    for second in (1, 3, 2, 4):
        batcher.take(Logged("s", f"2026-11-20T08:00:0{second}.000Z", "x"))

    assert log.disordered == 1
    assert (log.first_time[17:19], log.last_time[17:19]) == ("01", "04")


def test_batcher_counts_bytes_as_cloudwatch_does() -> None:
    """Each event counts its message in UTF-8 with its newline, and 26 bytes."""
    _, _, log = batched("größe", f"END RequestId: {FIRST}")

    assert log.cloudwatch_bytes == 7 + 1 + 26 + len(f"END RequestId: {FIRST}") + 1 + 26


@given(st.lists(st.sampled_from(shop_logs.shop()), max_size=60), st.sampled_from([1, 500, 10**9]))
def test_batcher_keeps_every_line_in_order(chosen: list[shop_logs.Event], ripe_chars: int) -> None:
    """An export may leave out or repeat anything else."""
    messages = [event.message for event in chosen]
    expected = [m for m in messages if m.startswith(("[", "{", "a print"))]

    events, _, log = batched(*messages, ripe_chars=ripe_chars)

    lines = [event["record"] for event in events if event["type"] == "function"]
    assert lines == [f"{line}\n" for line in expected]
    assert log.lines == len(expected)


FIELDS = ["requestId", "metrics", "tracing", "value", "status", "outcome", "durationMs"]
TYPES = ["function", "extension", "flightRecorder.invocation", "x"] + [
    f"platform.{kind}"
    for kind in [
        "start",
        "runtimeDone",
        "report",
        "end",
        "fault",
        "initReport",
        "logsDropped",
        "new",
    ]
]
records = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4) | st.lists(inner, max_size=2)
    ),
    max_leaves=6,
)
events_of_any_kind = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "record": records},
    optional=dict.fromkeys(("time", "weight", "requestId", "traceId"), records),
)


@given(st.lists(events_of_any_kind, max_size=12))
def test_batcher_takes_any_event(events: list[dict[str, Any]]) -> None:
    """A capture may hold anything; the result is JSON with every line."""
    given_lines = sum(event["type"] == "function" for event in events)

    posted, _, log = batched(*events)

    assert log.lines == given_lines == sum(event["type"] == "function" for event in posted)
