from typing import Any

from show.reading.entries import entry_of_message
from show.reading.invocations import invocations_of
from show.report import view as report_view
from show.report.view import ListView, list_view, whole_view
from tests.doubles.kept import FIRST_MS, entries, ndjson, record, request_id, summary

LOST = {"lines": 20, "evictedLines": 2, "droppedLines": 1, "withheldLines": 4}


def listed(*given: dict[str, Any], with_healthy: bool = False) -> ListView:
    return list_view(invocations_of(entries(*given)), looked="here", with_healthy=with_healthy)


def test_a_failure_is_told_in_one_row() -> None:
    """With what went wrong, and how many lines there are."""
    told = {"errorType": "ValueError", "errorMessage": "bad\nprice", "errorLine": "E"} | LOST
    (row,) = listed(summary(10, outcome="error", told=told)).rows

    assert (row.function, row.outcome, row.reason) == ("shop", "error", "crash")
    assert (row.error, row.error_line) == ("ValueError: bad", "E")
    assert (row.duration, row.lines, row.is_failed) == ("5 ms", "13 of 20", True)
    assert (row.request_id, row.short_id) == (request_id(1), "00000001")


def test_short_ids_suffice_to_ask_again() -> None:
    """They are as long as it takes."""
    rows = listed(summary(10, requestId="aaaaaaaaaa1"), summary(20, requestId="aaaaaaaaaa2")).rows

    assert [row.short_id for row in rows] == ["aaaaaaaaaa1", "aaaaaaaaaa2"]


def test_healthy_invocations_are_counted_and_listed_on_demand() -> None:
    given = (summary(10), summary(20, request=2, outcome="success"))

    view = listed(*given)

    assert view.lead == "1 failure among 2 kept invocations in here."
    assert view.notes == ["A rule or the draw kept 1 healthy invocation: --all lists them, too."]
    assert len(listed(*given, with_healthy=True).rows) == 2
    assert listed(*given, with_healthy=True).notes == []


def test_invocations_without_an_end_are_counted() -> None:
    """But not those of which metrics alone were kept."""
    view = listed(
        record(1, "a"), record(2, '{"_aws":{"CloudWatchMetrics":[]}}', request=2, reason="emf")
    )

    assert view.notes == ["Of 1 invocation more there are lines, and no summary yet."]


def test_an_empty_list_says_what_to_do() -> None:
    """The place and the time were looked at, and hold nothing."""
    view = listed()

    assert view.lead == "0 failures among 0 kept invocations in here."
    assert view.notes == ["Nothing was kept there in the time looked at, which --since changes."]


def test_a_long_list_has_the_newest(monkeypatch: Any) -> None:
    monkeypatch.setattr(report_view, "MAX_FAILURES", 2)

    view = listed(*(summary(10 * n, request=n) for n in range(1, 5)))

    assert [row.request_id[:8] for row in view.rows] == ["00000003", "00000004"]
    assert view.notes == ["The list has the newest 2 of 4."]
    assert [kind.failures for kind in view.kinds] == [4]


def test_an_invocation_is_told_with_its_facts_and_rows() -> None:
    """Gaps stand at their places, errors stand out, and reports read as Lambda writes them."""
    gap = {"evictedLines": 3, "evictedBytes": 2048}
    report = {"requestId": request_id(1), "metrics": {"durationMs": 9.5}}
    found = invocations_of(
        entries(
            record(1, "fine\n"),
            record(2, gap, kind="flightRecorder.gap"),
            record(3, "[ERROR] no", level="ERROR"),
            record(4, {"requestId": "r"}, kind="platform.runtimeDone"),
            summary(5, told=LOST, weight=4),
            record(6, report, kind="platform.report"),
        )
    )

    (one,) = whole_view(found, [], only_failed=False).attempts

    assert [(row.kind, row.text) for row in one.rows] == [
        ("line", "fine"),
        ("gap", "gap: 3 lines, 2.05 KB, did not fit into BUFFER_SIZE"),
        ("error", "[ERROR] no"),
        ("event", 'runtimeDone: {"requestId":"r"}'),
        ("event", "end: crash"),
        ("event", f"REPORT RequestId: {request_id(1)}\tDuration: 9.50 ms"),
    ]
    facts = dict(one.facts)
    assert facts["lines"] == (
        "2 of 20 that it wrote; 2 did not fit into BUFFER_SIZE; 1 were dropped before there was a sign of failure;"
        " 4 were withheld by KEEP_AT_MOST"
    )
    assert facts["weight"] == "4: it stands for so many"
    assert "trace id" not in facts


def test_history_is_told_with_the_number_of_its_invocations() -> None:
    old: dict[str, Any] = {"reason": "history", "weight": 0}
    found = invocations_of(
        entries(record(1, "a", request=5, **old), record(2, "b", request=6, **old), summary(9))
    )

    (one,) = whole_view(found, [], only_failed=False).attempts

    assert [row.text for row in one.history] == ["a", "b"]
    assert one.history_told.startswith("Lines of 2 earlier invocations in the same environment")


def test_healthy_others_are_left_out_on_demand() -> None:
    found = invocations_of(
        entries(*(summary(10), summary(20, request=2), summary(30, request=3, outcome="success")))
    )

    everyone = whole_view(found[:1], found[1:], only_failed=False)
    failed = whole_view(found[:1], found[1:], only_failed=True)

    assert len(everyone.others) == 2
    assert (len(failed.others), "1 healthy one more" in failed.others_told) == (1, True)


def test_attempts_are_numbered() -> None:
    found = invocations_of(entries(summary(10), summary(20)))

    titles = [one.title for one in whole_view(found, [], only_failed=False).attempts]

    assert titles == ["Attempt 1 of 2", "Attempt 2 of 2"]


def test_a_repetition_is_marked() -> None:
    """Lines as written have no id by which one of two could be left out."""
    mark = '{"type":"flightRecorder.repeat","record":{"events":2,"first":"e-1","last":"e-2"}}'
    messages = [mark, "a", ndjson(summary(5)).strip()]
    found = invocations_of(
        entry_of_message(text, place="g", stream="s", at_ms=FIRST_MS + at_ms, order=at_ms)
        for at_ms, text in enumerate(messages, 1)
    )

    (one,) = whole_view(found, [], only_failed=False).attempts

    assert [row.text for row in one.rows] == [
        "repeated: of what follows, 2 events may be here twice",
        "a",
        "end: crash",
    ]
