"""One invocation, as far as it is known."""

import json
from typing import Any

import pytest

from extension.model.chunk import Chunk
from extension.model.record import records_in
from extension.model.segment import Kind, Segment
from extension.parsing.failures import Failure, Outcome
from extension.recorder.invocation import MAX_ERROR_LINES, Invocation
from tests.doubles.extension.chunks import STAMP
from tests.doubles.lambda_events import batch, compact, line

STARTED, ENDED = "2026-10-12T00:01:15.123Z", "2026-10-12T00:01:16.000Z"
STARTED_MS, ENDED_MS = 1791763275123, 1791763276000
TYPED = "[ERROR] ValueError: no order\nTraceback (most recent call last):\n"


def failed(*lines: str) -> Invocation:
    """An invocation that failed, and in which these error lines came."""
    invocation = Invocation("id", started=STARTED)
    invocation.failure = Failure("level-error", Outcome.ERROR)
    for text in lines:
        invocation.note_error(compact(line(text)))
    return invocation


def told(invocation: Invocation) -> dict[str, Any]:
    (found,) = records_in([Chunk(STAMP, [invocation.summary(1)])])
    assert isinstance(found.record, dict)
    return found.record


def test_an_invocation_without_a_request_id_is_init() -> None:
    """Lines before any invocation belong to it."""
    assert Invocation("").is_init
    assert not Invocation("id").is_init


def test_summary_is_an_event_that_counts_as_no_line() -> None:
    """The account is in lines; the summary has the shape of Lambda's own events, and the time of the last of them."""
    invocation = Invocation("id", started=STARTED)
    invocation.lines = 7
    invocation.last_time = ENDED

    segment = invocation.summary(42)

    event = json.loads(segment.raw)
    assert (segment.kind, segment.lines, segment.first_number) == (Kind.EVENT, 0, 42)
    assert (event["time"], event["type"]) == (ENDED, "flightRecorder.invocation")
    assert event["record"]["lines"] == 7


def test_summary_quotes_the_first_error_line_and_the_first_type() -> None:
    """An application often logs an error of its own before the runtime reports it."""
    found = told(failed("[ERROR] payment refused", TYPED, TYPED.replace("Value", "Key")))

    assert found["errorLine"] == "[ERROR] payment refused"
    assert (found["errorType"], found["errorMessage"]) == ("ValueError", "no order")


def test_summary_looks_for_a_type_in_the_first_error_lines_alone() -> None:
    """A function that logs thousands of errors does not pay for each."""
    one_too_many = ["[ERROR] payment refused"] * MAX_ERROR_LINES + [TYPED]

    assert "errorType" not in told(failed(*one_too_many))
    assert told(failed(*one_too_many[1:]))["errorType"] == "ValueError"


def test_error_lines_are_held_until_the_summary_is_written() -> None:
    """Late ones are delivered, and no summary follows them."""
    invocation = failed(TYPED)

    assert told(invocation)["errorType"] == "ValueError"
    invocation.note_error(compact(line(TYPED)))
    assert "errorType" not in told(invocation)


def test_healthy_invocation_quotes_nothing() -> None:
    """Lambda's own word of an error that was handled is no failure."""
    invocation = Invocation("id", started=STARTED)
    invocation.error_type = "Function.Handled"

    assert not told(invocation).keys() & {"errorType", "errorLine", "fingerprint"}


@pytest.mark.parametrize(
    ("duration_ms", "last_time", "expected"),
    [(801.5, ENDED, 801.5), (None, ENDED, 877.0), (None, STARTED, None), (None, "", None)],
    ids=["Lambda's", "by its times", "no end", "no times"],
)
def test_summary_tells_the_duration(
    duration_ms: float | None, last_time: str, expected: float | None
) -> None:
    """The Logs API measures in the report alone, which comes after the summary of a failed invocation."""
    invocation = failed()
    invocation.duration_ms, invocation.last_time = duration_ms, last_time

    assert told(invocation)["durationMs"] == expected


BEFORE, AFTER = "2026-10-12T00:01:14.000Z", "2026-10-12T00:01:17.000999Z"


@pytest.mark.parametrize(
    ("times", "first_ms", "last_ms"),
    [
        ((), STARTED_MS, ENDED_MS),
        ((ENDED,), STARTED_MS, ENDED_MS),
        ((BEFORE, AFTER), STARTED_MS - 1123, ENDED_MS + 1000),
        ((AFTER, BEFORE), STARTED_MS - 1123, ENDED_MS + 1000),
        (("no time", "{"), STARTED_MS, ENDED_MS),
    ],
    ids=["no lines", "one", "of init and late", "out of order", "unreadable"],
)
def test_summary_tells_the_times_between_which_its_lines_are(
    times: tuple[str, ...], first_ms: int, last_ms: int
) -> None:
    """Lines of init come before the start, and some after the end."""
    invocation = failed()
    invocation.last_time = ENDED
    raw = batch([line("x", time=time) for time in times])[1:-1]
    platform = Segment(b'{"time":"1999"}', count=1, first_number=0, kind=Kind.EVENT)
    lines = [Segment(raw, count=len(times), first_number=1)] if times else []

    invocation.note_times([platform, *lines])

    found = told(invocation)
    assert (found["firstTimestamp"], found["lastTimestamp"]) == (first_ms, last_ms)


def test_summary_of_nothing_knows_no_times() -> None:
    """Nor does it make any up."""
    found = told(Invocation(""))

    assert (found["firstTimestamp"], found["lastTimestamp"]) == (None, None)
