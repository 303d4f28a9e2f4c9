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
def test_read_json_finds_events_in_every_arrangement(text: str) -> None:
    """Files hold one array, an array a line, an object a line, or concatenated objects."""
    events, reading = read(text)

    assert events == [Received("", EVENT)] * 2
    assert (reading.form, reading.unreadable) == ("Logs or Telemetry API events", 0)


def test_read_json_skips_values_beside_the_events() -> None:
    """A token, streams and statistics are no events, and not unreadable either."""
    document = {
        "events": [{"timestamp": 1_795_161_600_000, "message": "a\n", "ingestionTime": 1}],
        "searchedLogStreams": [{"logStreamName": "s", "searchedCompletely": True}],
        "nextToken": "abc",
    }

    events, reading = read(json.dumps(document, indent=4) * 2)

    assert events == [Logged("", TIME, "a")] * 2
    assert (reading.form, reading.unreadable) == ("CloudWatch Logs events as JSON", 0)


def test_read_json_counts_text_that_is_not_json() -> None:
    """Reading continues at the next line; a value of another shape counts as well."""
    text = f'{json.dumps(EVENT)}\n{{"time":"cut\n{json.dumps(EVENT)}\n{{"a":1}}\n7\n'

    events, reading = read(text)

    assert len(events) == 2
    assert reading.unreadable == 3


def test_read_json_takes_the_environment_from_a_records_id() -> None:
    """A file may hold the records of many."""
    record = {**EVENT, "weight": 1, "reason": "archive", "id": "00ff-12"}

    events, reading = read(json.dumps(record))

    assert events == [Received("00ff", record)]
    assert reading.form == "records of Flight Recorder"


def test_read_json_encodes_a_message_that_is_an_object() -> None:
    """The console's download has JSON messages as objects; the function wrote their text."""
    row = {"@timestamp": "2026-11-20 08:00:00.000", "@message": {"a": [1]}, "@logStream": "s"}

    events, _ = read(json.dumps([row]))

    assert events == [Logged("s", TIME, '{"a":[1]}')]


def test_in_order_keeps_the_order_of_equal_times() -> None:
    """Newest first is reversed before it is sorted, so lines of one millisecond keep their order."""
    rows = [
        Logged("", time, text) for time, text in [("3", "d"), ("2", "c"), ("2", "b"), ("1", "a")]
    ]

    assert [row.message for row in in_order(rows, Reading("x"))] == ["a", "b", "c", "d"]


def test_in_order_sorts_in_groups_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and a note says so."""
    monkeypatch.setattr("whatif.logs.json_logs.MAX_ROWS", 2)
    reading = Reading("x")

    found = list(in_order([Logged("", str(number), "") for number in (3, 2, 1)], reading))

    assert [row.time for row in found] == ["2", "3", "1"]
    assert reading.notes


def test_read_json_counts_deep_nesting_as_unreadable() -> None:
    """It raises nothing, and the next line is read."""
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
def test_values_in_does_not_depend_on_the_cuts(
    objects: list[dict[str, Any]], head: int, between: str
) -> None:
    """Objects come one by one, in order, from any first read and separator."""
    text = io.StringIO(between.join(json.dumps(one) for one in objects))

    found = list(values_in(text.read(head), text.read, Reading("x")))

    assert found == objects


@given(st.text())
def test_read_json_takes_any_text(text: str) -> None:
    """Garbage that begins like JSON is counted."""
    read("{" + text)
    read("[" + text)
