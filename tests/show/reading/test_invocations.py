from collections.abc import Sequence
from typing import Any

from show.model.entry import Entry
from show.model.invocation import Invocation
from show.reading.entries import entry_of_message
from show.reading.invocations import invocations_of
from tests.doubles.golden_events import request_id, written_to_cloudwatch
from tests.doubles.kept import FIRST_MS, entries, ndjson, record, request_id as kept_id, summary


def texts(found: Sequence[Entry]) -> list[str]:
    return [entry.text for entry in found if entry.type == "function"]


def in_group(scenario: str) -> list[Invocation]:
    """Give what the extension sent in a golden scenario, read back."""
    written = written_to_cloudwatch(scenario)
    return invocations_of(
        entry_of_message(
            event["message"],
            place=written.group,
            stream=written.stream,
            at_ms=event["timestamp"],
            order=order,
        )
        for order, event in enumerate(written.events)
    )


def test_records_are_joined_by_their_ids() -> None:
    """In the order of their numbers, whatever their times are."""
    made = entries(
        record(10, "third", at_ms=2),
        record(9, "second", at_ms=3),
        record(1, "first"),
        record(2, "another's", request=2),
        summary(11),
        summary(12, request=2),
    )

    one, other = invocations_of(made)

    assert texts(one.entries) == ["first", "second", "third"]
    assert texts(other.entries) == ["another's"]
    assert one.is_failed


def test_a_record_that_came_twice_counts_once() -> None:
    """A sink may have it twice, and so may two sinks."""
    (one,) = invocations_of(entries(record(1, "a"), summary(2), record(1, "a")))

    assert texts(one.entries) == ["a"]


def test_each_attempt_at_a_request_is_an_invocation() -> None:
    """Lambda repeats an asynchronous invocation with the same id; a report belongs to the attempt before it."""
    report = {"requestId": "x", "metrics": {"durationMs": 1}}
    made = entries(
        *(record(1, "first try"), summary(2), record(3, report, kind="platform.report")),
        *(record(4, "second try"), summary(5, outcome="success")),
    )

    first, second = invocations_of(made)

    assert (texts(first.entries), texts(second.entries)) == (["first try"], ["second try"])
    assert [entry.type for entry in first.entries][-1] == "platform.report"


def test_lines_as_written_are_joined_by_stream_and_time() -> None:
    """The two forms of a log group show the same lines."""
    as_lines = {one.request_id: one for one in in_group("sink-cloudwatch")}
    as_records = {one.request_id: one for one in in_group("sink-cloudwatch-records")}

    assert as_lines.keys() == as_records.keys()
    for name, one in as_lines.items():
        assert texts(one.entries) == texts(as_records[name].entries)
        assert len(one.lines) == one.number("lines") or not one.is_failed
        assert "platform.report" in [entry.type for entry in one.entries]


def test_a_warning_of_the_extension_is_no_line_of_an_invocation() -> None:
    """It stands in the same stream, at any time."""
    warning = '{"time":"x","type":"flightRecorder.warning","record":{"event":"a setting"}}'
    told = [
        (warning, 0),
        ("first", 1),
        (warning, 1),
        (ndjson(summary(2, at_ms=2, told={"firstTimestamp": FIRST_MS + 1})).strip(), 2),
    ]

    (one,) = invocations_of(
        entry_of_message(text, place="g", stream="s", at_ms=FIRST_MS + at_ms, order=order)
        for order, (text, at_ms) in enumerate(told)
    )

    assert texts(one.entries) == ["first"]
    assert one.history == []


def test_a_line_of_the_next_invocation_is_not_taken() -> None:
    """Two invocations may share a millisecond."""
    place = {"place": "g", "stream": "s"}
    told = [
        ("first", 1),
        (ndjson(summary(2, at_ms=2, told={"firstTimestamp": FIRST_MS + 1})).strip(), 2),
        ("second", 2),
        (
            ndjson(summary(4, request=2, at_ms=4, told={"firstTimestamp": FIRST_MS + 2})).strip(),
            4,
        ),
    ]

    one, other = invocations_of(
        entry_of_message(text, **place, at_ms=FIRST_MS + at_ms, order=order)
        for order, (text, at_ms) in enumerate(told)
    )

    assert (texts(one.entries), texts(other.entries)) == (["first"], ["second"])


def test_a_line_whose_time_is_late_is_taken_up_to_the_report() -> None:
    """Lambda tells the time of a print itself, and may do so behind the end."""
    told = [
        (ndjson(summary(2, at_ms=2)).strip(), 2),
        ("late", 3),
        (f"REPORT RequestId: {kept_id(1)}\tDuration: 1 ms\t\n", 4),
        ("of the next", 5),
    ]

    (one,) = invocations_of(
        entry_of_message(text, place="g", stream="s", at_ms=FIRST_MS + at_ms, order=order)
        for order, (text, at_ms) in enumerate(told)
    )

    assert texts(one.entries) == ["late"]


def test_history_goes_to_the_failure_behind_it() -> None:
    """Not to a healthy invocation between them, nor to the one after."""
    old: dict[str, Any] = {"reason": "history", "weight": 0}
    made = entries(
        record(1, "before the first", request=5, **old),
        *(record(2, "healthy", request=6), summary(8, request=6, outcome="success")),
        *(record(10, "failed"), summary(15)),
        record(20, "before the second", request=7, **old),
        *(record(30, "failed again", request=2), summary(36, request=2)),
    )

    found = {one.request_id[:8]: one for one in invocations_of(made)}

    assert texts(found["00000001"].history) == ["before the first"]
    assert texts(found["00000002"].history) == ["before the second"]
    assert found["00000006"].history == []


def test_lines_as_written_that_are_nobodys_are_history() -> None:
    """With their reports; metrics are kept of every invocation, and are none."""
    metrics = '{"_aws":{"CloudWatchMetrics":[]},"n":1}'
    told = [
        ("let go of", 1),
        (f"REPORT RequestId: {request_id(9)}\tDuration: 1 ms\t\n", 2),
        (metrics, 3),
        ("failed", 10),
        (ndjson(summary(11, at_ms=11)).strip(), 11),
    ]

    (one,) = invocations_of(
        entry_of_message(text, place="g", stream="s", at_ms=FIRST_MS + at_ms, order=order)
        for order, (text, at_ms) in enumerate(told)
    )

    assert texts(one.entries) == ["failed"]
    assert [entry.type for entry in one.history] == ["function", "platform.report"]


def test_an_invocation_without_an_end_is_one_all_the_same() -> None:
    """It may still run."""
    (one,) = invocations_of(entries(record(1, "so far")))

    assert (one.summary, one.outcome, one.is_failed) == (None, "not told", False)
    assert one.first_ms == FIRST_MS + 1
