import io
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from whatif.logs.json_logs import in_order, read_json, values_in
from whatif.model.events import Logged, Reading, Received

TIME = "2026-11-20T08:00:00.000Z"
EVENT = {"time": TIME, "type": "function", "record": "hello\n"}


def read(text: str, *, head: int = 10) -> tuple[list[Logged | Received], Reading]:
    reading = Reading("x")
    rest = io.StringIO(text)
    return list(read_json(rest.read(head), rest.read, reading)), reading


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([EVENT, EVENT]),
        json.dumps([EVENT, EVENT], indent=2),
        f"{json.dumps(EVENT)}\n{json.dumps(EVENT)}\n",
        f"{json.dumps([EVENT])}\n{json.dumps([EVENT])}\n",
        f"{json.dumps(EVENT)}{json.dumps(EVENT)}",
    ],
)
def test_events_are_found_in_every_arrangement(text: str) -> None:
    """One array, an array a line, an object a line, objects strung together: the events are the same."""
    events, reading = read(text)

    assert events == [Received("", EVENT)] * 2
    assert (reading.form, reading.unreadable) == ("Logs or Telemetry API events", 0)


def test_an_answer_s_events_are_read_without_what_surrounds_them() -> None:
    """A page's token, its streams and its statistics are no events, and not unreadable either."""
    document = {
        "events": [{"timestamp": 1_795_161_600_000, "message": "a\n", "ingestionTime": 1}],
        "searchedLogStreams": [{"logStreamName": "s", "searchedCompletely": True}],
        "nextToken": "abc",
    }

    events, reading = read(json.dumps(document, indent=4) * 2)

    assert events == [Logged("", TIME, "a")] * 2
    assert (reading.form, reading.unreadable) == ("CloudWatch Logs events as JSON", 0)


def test_what_is_no_json_is_counted_and_passed_over() -> None:
    """Reading goes on at the next line; a value of another shape counts as well."""
    text = f'{json.dumps(EVENT)}\n{{"time":"cut\n{json.dumps(EVENT)}\n{{"a":1}}\n7\n'

    events, reading = read(text)

    assert len(events) == 2
    assert reading.unreadable == 3


def test_the_extension_s_own_records_tell_their_environment() -> None:
    """The id names the environment, so that a file of many can be told apart."""
    record = {**EVENT, "weight": 1, "reason": "archive", "id": "00ff-12"}

    events, reading = read(json.dumps(record))

    assert events == [Received("00ff", record)]
    assert reading.form == "records of Flight Recorder"


def test_a_message_that_is_a_value_is_json_again() -> None:
    """The console's download has JSON messages as objects; the function wrote their text."""
    row = {"@timestamp": "2026-11-20 08:00:00.000", "@message": {"a": [1]}, "@logStream": "s"}

    events, _ = read(json.dumps([row]))

    assert events == [Logged("s", TIME, '{"a":[1]}')]


def test_rows_are_put_in_order_and_equal_times_keep_theirs() -> None:
    """Newest first is turned round before it is sorted, so that one millisecond's lines stay as they were written."""
    rows = [
        Logged("", time, text) for time, text in [("3", "d"), ("2", "c"), ("2", "b"), ("1", "a")]
    ]

    assert [row.message for row in in_order(rows, Reading("x"))] == ["a", "b", "c", "d"]


def test_more_rows_than_can_be_put_in_order_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: beyond the bound rows come in portions, with a note."""
    monkeypatch.setattr("whatif.logs.json_logs.MAX_ROWS", 2)
    reading = Reading("x")

    found = list(in_order([Logged("", str(number), "") for number in (3, 2, 1)], reading))

    assert [row.time for row in found] == ["2", "3", "1"]
    assert reading.notes


def test_nesting_beyond_reason_is_unreadable() -> None:
    """A line of brackets ends neither in an exception nor in the loss of the next line."""
    events, reading = read('{"a":' * 200_000 + f"\n{json.dumps(EVENT)}\n")

    assert len(events) == 1
    assert reading.unreadable == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(), values, max_size=3), max_size=8),
    st.integers(0, 50),
    st.sampled_from(["\n", "", " ,\n"]),
)
def test_values_are_the_same_however_a_text_is_cut(
    objects: list[dict[str, Any]], head: int, between: str
) -> None:
    """Objects come back one by one, in their order, whatever was read at first and what stands between them."""
    text = io.StringIO(between.join(json.dumps(one) for one in objects))

    found = list(values_in(text.read(head), text.read, Reading("x")))

    assert found == objects


@given(st.text())
def test_no_text_makes_reading_fail(text: str) -> None:
    """Garbage that begins like JSON is counted, and the reader comes to its end."""
    read("{" + text)
    read("[" + text)
