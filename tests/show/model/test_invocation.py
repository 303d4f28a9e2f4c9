from show.reading.invocations import invocations_of
from tests.doubles.kept import FIRST_MS, entries, record, request_id, summary


def test_the_summary_tells_of_the_invocation() -> None:
    """Its ids, times and numbers."""
    (one,) = invocations_of(entries(record(1, "a"), summary(9, traceId="t", correlationId="c")))

    assert one.ids == {"requestId": request_id(1), "traceId": "t", "correlationId": "c"}
    assert (one.first_ms, one.last_ms) == (FIRST_MS + 4, FIRST_MS + 9)
    assert (one.duration_ms, one.weight, one.number("lines")) == (5.0, 1, 1)
    assert one.text_of("function") == "shop"


def test_without_a_duration_the_times_tell_it() -> None:
    """The Logs API tells none of some failures."""
    (one,) = invocations_of(entries(summary(9, told={"durationMs": None})))

    assert one.duration_ms == 5


def test_metrics_alone_are_no_invocation_to_speak_of() -> None:
    """They are kept although it was let go of."""
    (one,) = invocations_of(entries(record(1, '{"_aws":{"CloudWatchMetrics":[]}}')))

    assert one.has_metrics_alone
