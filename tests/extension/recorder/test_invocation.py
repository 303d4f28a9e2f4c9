"""One invocation, as far as it is known."""

import json

from extension.model.segment import Kind
from extension.recorder.invocation import Invocation


def test_an_invocation_without_a_request_id_is_init() -> None:
    """Lines before any invocation belong to it."""
    assert Invocation("").is_init
    assert not Invocation("id").is_init


def test_summary_is_an_event_that_counts_as_no_line() -> None:
    """The account is in lines; the summary has the shape of Lambda's own events, and the time of the last of them."""
    invocation = Invocation("id", started="2026-10-12T00:01:15.123Z")
    invocation.lines = 7
    invocation.last_time = "2026-10-12T00:01:16.000Z"

    segment = invocation.summary(42)

    event = json.loads(segment.raw)
    assert (segment.kind, segment.lines, segment.first_number) == (Kind.EVENT, 0, 42)
    assert (event["time"], event["type"]) == (
        "2026-10-12T00:01:16.000Z",
        "flightRecorder.invocation",
    )
    assert event["record"]["lines"] == 7
