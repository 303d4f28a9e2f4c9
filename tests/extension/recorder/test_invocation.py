"""One invocation, as far as it is known."""

import json

from extension.model.segment import Kind
from extension.recorder.invocation import Invocation
from extension.sampling.verdict import Verdict


def test_two_attempts_with_one_request_id_are_two_invocations() -> None:
    """They are compared by identity."""
    assert Invocation("id") != Invocation("id")


def test_what_has_no_request_id_is_init() -> None:
    """Lines before any invocation belong to it."""
    assert Invocation("").is_init
    assert not Invocation("id").is_init


def test_it_is_kept_once_a_verdict_says_so() -> None:
    """An open verdict keeps nothing."""
    invocation = Invocation("id")

    before = invocation.is_kept
    invocation.verdict = Verdict(keep=True, reason="sampled", weight=1.0, failed=False)

    assert (before, invocation.is_kept) == (False, True)


def test_the_summary_is_an_event_that_counts_as_no_line() -> None:
    """It has the shape of Lambda's own events, and the time of the last of them."""
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
