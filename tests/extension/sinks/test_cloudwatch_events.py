import itertools
import json
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings, strategies as st

from extension.model.ndjson import encode
from extension.model.record import Record, records_in
from extension.sinks.cloudwatch_events import (
    EVENT_BYTES,
    MAX_EVENTS,
    MAX_MESSAGE_BYTES,
    MAX_REQUEST_BYTES,
    MAX_SPAN_MS,
    NO_RECORD,
    REPEAT_TYPE,
    Form,
    LogEvent,
    log_events,
    mark_repetition,
    message_of,
    refused_by,
    report_text,
    requests_of,
)
from tests.doubles.extension.chunks import at, chunk, gap, lines, milliseconds
from tests.doubles.lambda_events import FIRST, TIME, compact, event, line, report, start

NOON = datetime(2026, 10, 12, 12, tzinfo=timezone.utc)
NOW_MS = 1_790_000_000_000
EMF = (
    '{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["a"]],'
    '"Metrics":[{"Name":"time"}]}]},"a":"ü","time":100}\n'
)


def one(happened: object) -> Record:
    (kept,) = records_in([chunk([happened])])
    return kept


def function(record: bytes) -> bytes:
    return b'{"time":"%s","type":"function","record":%s}' % (TIME.encode(), record)


def told(*events: object, form: Form = Form.TEXT) -> list[LogEvent]:
    return log_events(records_in([chunk(events)]), form=form, now_ms=NOW_MS)


# what is written ---------------------------------------------------------------------------------------------------


OBJECT = b'{"level": "INFO",  "n":1.50,"m":"\\u00e4"}'


@pytest.mark.parametrize(
    ("happened", "message"),
    [
        pytest.param(line("plain\n"), "plain\n", id="text"),
        pytest.param(line("no newline"), "no newline", id="text without newline"),
        pytest.param(line("two\nlines\r\n"), "two\nlines\r\n", id="several lines"),
        pytest.param(line("\tÄ 🍏\x00\x7f\u2028"), "\tÄ 🍏\x00\x7f\u2028", id="beyond ASCII"),
        pytest.param(line(EMF), EMF, id="metrics"),
        pytest.param(line(""), "\n", id="nothing"),
        pytest.param(function(OBJECT), OBJECT.decode(), id="an object, byte for byte"),
        pytest.param(line(None), "null", id="null"),
        pytest.param(b'{"time":"cut sho', '{"time":"cut sho', id="no event at all"),
    ],
)
def test_message_is_the_line_as_it_was_written(happened: object, message: str) -> None:
    """What the function wrote is the whole message; only an empty line, which may not be, gets a newline."""
    assert message_of(one(happened), form=Form.TEXT) == message


def test_message_replaces_half_a_surrogate_pair() -> None:
    """JSON can escape what UTF-8 cannot write."""
    (written,) = told(function(b'"a\\ud800b"'))

    assert written.message == "a?b"
    assert written.size_bytes == 3 + EVENT_BYTES


@pytest.mark.parametrize("form", Form)
def test_summary_is_written_as_a_whole_record(form: Form) -> None:
    """Its summary carries the request, why it was kept, its weight and its id, as NDJSON has them."""
    summary = event("flightRecorder.invocation", {"outcome": "crash", "lines": 3})

    message = message_of(one(summary), form=form)

    assert message == encode([chunk([summary])]).decode().removesuffix("\n")
    assert json.loads(message)["reason"] == "crash"


@pytest.mark.parametrize("form", Form)
def test_summary_names_its_log_stream(form: Form) -> None:
    """With the times in it, one query finds the lines, which have no room for an id."""
    summary = event("flightRecorder.invocation", {"outcome": "crash"})
    stream = "2026/11/24/[$LATEST]0123"

    (written,) = log_events(records_in([chunk([summary])]), form=form, now_ms=NOW_MS, stream=stream)

    told = json.loads(written.message)
    assert told.pop("logStream") == stream
    assert told == json.loads(encode([chunk([summary])]))


def test_gap_stands_at_its_place() -> None:
    """What is missing is an event of the time of the record before it."""
    records = records_in(
        [lines("a"), gap(1, lines_gone=7, bytes_gone=70), lines("b", first_number=8)]
    )

    events = log_events(records, form=Form.TEXT, now_ms=NOW_MS)

    assert [one.message for one in events[::2]] == ["a", "b"]
    missing = json.loads(events[1].message)
    assert missing["record"] == {"evictedLines": 7, "evictedBytes": 70}
    assert events[1].at_ms == events[0].at_ms
    assert [one.number for one in events] == [0, 1, 8]


def test_platform_event_is_written_byte_for_byte() -> None:
    """So is a report without metrics, which no text can be made of."""
    raw = b'{"time":"%s",  "type":"platform.start","record":{"requestId":"r" }}' % TIME.encode()

    assert message_of(one(raw), form=Form.TEXT) == raw.decode()
    for happened in (start(), event("platform.report", {"requestId": "r"})):
        assert message_of(one(happened), form=Form.TEXT) == compact(happened).decode()


def test_records_form_writes_whole_records_but_for_metrics() -> None:
    """A print, a report and an object are found by the same fields; CloudWatch takes metrics only from what was written."""
    for happened in (line("a print"), line({"level": "WARN"}), report(), start()):
        message = message_of(one(happened), form=Form.RECORDS)

        assert json.loads(message) == json.loads(encode([chunk([happened])]))
        assert json.loads(message)["requestId"] == FIRST

    prefixed = f"{TIME}\t{FIRST}\tINFO\t{EMF}"
    as_object = json.loads(EMF)
    assert message_of(one(line(prefixed)), form=Form.RECORDS) == prefixed
    assert message_of(one(line(EMF)), form=Form.RECORDS) == EMF
    assert message_of(one(line(as_object)), form=Form.RECORDS) == compact(as_object).decode()


def test_report_is_text_where_the_function_logs_text() -> None:
    """With the Text log format a report reads as Lambda's own; with JSON it stays the JSON that came."""
    text = message_of(one(report()), form=Form.TEXT)

    assert text == (
        f"REPORT RequestId: {FIRST}\tDuration: 2.50 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 40 MB\t\n"
    )
    assert message_of(one(report()), form=Form.JSON) == compact(report()).decode()


METRICS = {"durationMs": 3000.0, "billedDurationMs": 3000, "memorySizeMB": 10240}
COLD = METRICS | {"maxMemoryUsedMB": 40, "initDurationMs": 0.125}
RESTORED = {"durationMs": 22.654, "billedDurationMs": 185.5, "restoreDurationMs": 615.979}
USUAL = "Duration: 3000.00 ms|Billed Duration: 3000 ms|Memory Size: 10240 MB|"
RESTORE = "Duration: 22.65 ms|Billed Duration: 185.5 ms|"
BRIEF = {"metrics": {"durationMs": 1}}
TRACING = {"spanId": "24cd7d670fa455f0", "value": "Parent=3;Root=1-63-24;Sampled=1"}


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({"metrics": COLD}, USUAL + "Max Memory Used: 40 MB|Init Duration: 0.12 ms|"),
        ({"status": "timeout", "metrics": METRICS}, USUAL + "Status: timeout|"),
        (
            BRIEF | {"status": "error", "errorType": "Runtime.ExitError"},
            "Duration: 1.00 ms|Status: error|Error Type: Runtime.ExitError|",
        ),
        (
            {"status": "success", "metrics": RESTORED | {"billedRestoreDurationMs": 12345678}},
            RESTORE + "Restore Duration: 615.98 ms|Billed Restore Duration: 12345678 ms|",
        ),
        (
            BRIEF | {"tracing": TRACING},
            "Duration: 1.00 ms|\nXRAY TraceId: 1-63-24|SegmentId: 24cd7d670fa455f0|Sampled: true|",
        ),
        (BRIEF | {"tracing": {"value": "Sampled=1"}}, "Duration: 1.00 ms|"),
        ({"metrics": {"durationMs": 1, "memorySizeMB": 10**400}}, "Duration: 1.00 ms|"),
    ],
    ids=["cold start", "timeout", "crash", "restore", "traced", "odd trace", "odd size"],
)
def test_report_text_reads_as_lambdas_own(record: dict[str, object], fields: str) -> None:
    """The fields, their order and units are those of Lambda's line, each ended by a tab."""
    text = report_text({"requestId": "r", **record})

    assert text == f"REPORT RequestId: r|{fields}\n".replace("|", "\t")


@pytest.mark.parametrize(
    "record",
    [
        {"requestId": "r", "metrics": {"durationMs": "1"}},
        {"requestId": "r", "metrics": None},
        {"metrics": METRICS},
        "REPORT",
        None,
    ],
)
def test_report_text_is_empty_without_request_or_metrics(record: object) -> None:
    """Without a request or anything measured there is nothing that such a line could say."""
    assert not report_text(record)


# when, and in what order -------------------------------------------------------------------------------------------


def test_events_are_in_the_order_of_their_times() -> None:
    """What came later may have happened earlier; events of one time stay in the order received."""
    times = [at(NOON, seconds=seconds) for seconds in (2, 1, 2, 1, 3)]

    events = told(*(line(str(number), time=time) for number, time in enumerate(times)))

    assert [one.message for one in events] == ["1", "3", "0", "2", "4"]
    assert [one.at_ms for one in events] == sorted(milliseconds(time) for time in times)


@pytest.mark.parametrize("time", ["", "soon", "2026-13-01T00:00:00Z"])
def test_event_without_a_time_has_that_of_a_neighbour(time: str) -> None:
    """It is that of the record before, else of the first that has one, else now."""
    known = at(NOON, seconds=1)
    early = line("a", time=time), line("b", time=known), line("c", time=time)

    assert {one.at_ms for one in told(*early)} == {milliseconds(known)}
    assert {one.at_ms for one in told(line("a", time=time))} == {NOW_MS}


def test_time_before_1970_becomes_0() -> None:
    """CloudWatch has no times below zero."""
    (written,) = told(line("a", time="0001-01-01T00:00:00.000Z"))

    assert written.at_ms == 0


# requests ----------------------------------------------------------------------------------------------------------


def within_every_limit(request: list[LogEvent]) -> bool:
    times = [one.at_ms for one in request]
    return (
        1 <= len(request) <= MAX_EVENTS
        and sum(one.size_bytes for one in request) <= MAX_REQUEST_BYTES
        and times[-1] - times[0] <= MAX_SPAN_MS
        and times == sorted(times)
    )


sized = st.builds(
    LogEvent,
    st.integers(0, 10**6),
    st.integers(0, 5 * MAX_SPAN_MS),
    st.just("x"),
    st.integers(EVENT_BYTES + 1, MAX_REQUEST_BYTES) | st.sampled_from([27, MAX_REQUEST_BYTES]),
)


@given(events=st.lists(sized, max_size=60))
def test_requests_are_within_every_limit(events: list[LogEvent]) -> None:
    """However large and far apart events are, nothing is lost, their order stays and no request is too much."""
    events.sort(key=lambda event: event.at_ms)

    requests = list(requests_of(events))

    assert [event for request in requests for event in request] == events
    assert all(within_every_limit(request) for request in requests)
    # No request could have taken the next one's first event as well.
    for request, following in itertools.pairwise(requests):
        assert not within_every_limit([*request, following[0]])


@pytest.mark.parametrize(
    ("hours", "sizes"),
    [([0, 24], [2]), ([0, 24.001], [1, 1]), ([0, 30], [1, 1]), ([0] * 10_001, [10_000, 1])],
    ids=["a day", "a little more", "30 hours", "10,001 events"],
)
def test_request_has_at_most_a_day_and_10_000_events(hours: list[float], sizes: list[int]) -> None:
    """CloudWatch refuses a request that has more, and all of its lines with it."""
    events = [LogEvent(n, round(hour * 3_600_000), "x", 27) for n, hour in enumerate(hours)]

    assert [len(request) for request in requests_of(events)] == sizes


@pytest.mark.parametrize("size_bytes", [MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES])
def test_largest_event_stays_whole(size_bytes: int) -> None:
    """What fits is one event, and with its 26 bytes a request by itself."""
    (written,) = told(line("x" * size_bytes))

    assert written.ends
    assert written.size_bytes == size_bytes + EVENT_BYTES
    assert within_every_limit([written])


@settings(max_examples=max(20, settings().max_examples))
@given(
    head=st.text(max_size=5),
    filling=st.sampled_from("aä€🍏"),
    more=st.integers(1, 30),
    tail=st.text(max_size=5),
)
def test_line_too_large_for_an_event_is_cut_between_characters(
    head: str, filling: str, more: int, tail: str
) -> None:
    """Its pieces have one time and one record, are each within the limits, and make up the line."""
    text = head + filling * (MAX_MESSAGE_BYTES // len(filling.encode()) + more) + tail

    events = told(line(text))

    assert "".join(piece.message for piece in events) == text
    assert len(events) == 2
    assert {(piece.number, piece.at_ms) for piece in events} == {(0, milliseconds(TIME))}
    assert [piece.ends for piece in events] == [False, True]
    assert all(piece.size_bytes == len(piece.message.encode()) + EVENT_BYTES for piece in events)
    assert all(within_every_limit([piece]) for piece in events)


written = st.tuples(
    st.sampled_from(["function", "platform.start", "flightRecorder.invocation"]),
    st.text(max_size=20) | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.integers(0, 200).map(lambda hours: at(NOON, hours=hours)) | st.sampled_from(["", "t"]),
)


@given(events=st.lists(written, min_size=1, max_size=30))
def test_every_record_makes_one_event(events: list[tuple[str, object, str]]) -> None:
    """Each record makes one event, never empty, and lines read as written."""
    happened = [event(kind, record, time=time) for kind, record, time in events]

    made = told(*happened)

    by_number = sorted(made, key=lambda one: one.number)
    assert [one.number for one in by_number] == list(range(len(events)))
    assert all(one.message for one in made)
    assert all(one.size_bytes == len(one.message.encode()) + EVENT_BYTES for one in made)
    for one, (kind, record, _) in zip(by_number, events, strict=True):
        if kind == "function":
            assert one.message == (
                (record or "\n") if isinstance(record, str) else compact(record).decode()
            )


# repetitions -------------------------------------------------------------------------------------------------------


def numbered(*numbers: int) -> list[LogEvent]:
    return [LogEvent(number, 10 * number, "x", 27) for number in numbers]


def test_mark_stands_where_a_repetition_begins() -> None:
    """One event stands before the first that may be there already, of the same time, and tells how many follow."""
    marked = mark_repetition(numbered(1, 2, 3, 4), {2, 4, 9}, environment_id="e")

    assert [one.number for one in marked] == [1, NO_RECORD, 2, 3, 4]
    assert marked[1].at_ms == 20
    assert json.loads(marked[1].message) == {
        "type": REPEAT_TYPE,
        "record": {"events": 2, "first": "e-2", "last": "e-4"},
    }
    assert marked[1].size_bytes == len(marked[1].message) + EVENT_BYTES


@pytest.mark.parametrize("perhaps_there", [set(), {9}, {NO_RECORD}])
def test_new_events_have_no_mark(perhaps_there: set[int]) -> None:
    """Without repetition there is no mark."""
    events = numbered(1, 2)

    assert mark_repetition(events, perhaps_there, environment_id="e") == events


# refusals ----------------------------------------------------------------------------------------------------------


TOO_NEW = {"tooNewLogEventStartIndex": 3}


@pytest.mark.parametrize(
    ("info", "refused"),
    [
        ({"tooNewLogEventStartIndex": 2}, {2: "too-new", 3: "too-new"}),
        ({"tooOldLogEventEndIndex": 2}, {0: "too-old", 1: "too-old"}),
        ({"expiredLogEventEndIndex": 1}, {0: "expired"}),
        (
            {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2} | TOO_NEW,
            {0: "too-old", 1: "expired", 3: "too-new"},
        ),
        ({"tooNewLogEventStartIndex": 0}, dict.fromkeys(range(4), "too-new")),
        ({"tooOldLogEventEndIndex": 99}, dict.fromkeys(range(4), "too-old")),
        ({"tooNewLogEventStartIndex": None}, {}),
        ({"tooOldLogEventEndIndex": "2"}, {}),
        ({}, {}),
        (None, {}),
    ],
)
def test_refused_by_reads_the_indices_of_rejected_events(
    info: object, refused: dict[int, str]
) -> None:
    """The first too new is counted in; the end of the too old and the expired is not."""
    answer = json.dumps({"nextSequenceToken": "1", "rejectedLogEventsInfo": info}).encode()

    assert refused_by(answer, numbered(0, 1, 2, 3)) == refused


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b"no", b"null", b"[" * 100_000])
def test_refused_by_finds_nothing_in_other_answers(answer: bytes) -> None:
    """Whatever it is: CloudWatch has said 200."""
    assert refused_by(answer, numbered(0)) == {}


def test_refused_by_leaves_out_the_mark() -> None:
    """That the mark itself was too old is of no interest."""
    request = [LogEvent(NO_RECORD, 0, "mark", 30), *numbered(7)]

    assert refused_by(b'{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":2}}', request) == {
        7: "too-old"
    }
