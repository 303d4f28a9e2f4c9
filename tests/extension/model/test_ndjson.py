import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.model.chunk import Chunk, Metadata
from extension.model.ndjson import encode
from extension.model.segment import Kind, Segment

GOLDEN = Path(__file__).parent / "records.ndjson"

TIME = b"2026-11-24T12:00:00.123Z"
TRACE = "1-5f35ae12-0c0fec141ab77a00bc047aa2"


def metadata(**changes: Any) -> Metadata:
    values: dict[str, Any] = {
        "request_id": "3da1f2dc-3222-475e-9205-e2e6c6318895",
        "trace_id": TRACE,
        "function": "checkout",
        "version": "$LATEST",
        "environment_id": "0123456789abcdef",
        "reason": "unhandled-python",
        "weight": 1.0,
        "failed": True,
    }
    return Metadata(**(values | changes))


def function(record: bytes, *, time: bytes = TIME) -> bytes:
    return b'{"time":"%s","type":"function","record":%s}' % (time, record)


def segment(*events: bytes, number: int = 0, kind: Kind = Kind.LINES) -> Segment:
    return Segment(b",".join(events), count=len(events), first_number=number, kind=kind)


def gap(count: int, gone_bytes: int, *, number: int = 0) -> Segment:
    return Segment(b"", count=count, first_number=number, kind=Kind.GAP, gone_bytes=gone_bytes)


def encoded(*segments: Segment, **stamped: Any) -> list[dict[str, Any]]:
    """What a reader of the output gets, one object a line."""
    data = encode([Chunk(metadata(**stamped), list(segments))])
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data[:-1].split(b"\n")]


def test_the_format_is_that_of_the_golden_file() -> None:
    """The record format is an interface: what changes it shows here."""
    failed = Chunk(
        metadata(),
        [
            segment(
                function(b'"START of the work\\n"'),
                function(b'"[INFO]\\t2026-11-24T12:00:00.123Z\\tan id\\tsecond\\n"'),
                number=4,
            ),
            gap(120, 34_567, number=6),
            segment(function(b'{"level":"ERROR","message":"declined","n":1.50}'), number=126),
            segment(
                b'{"time":"2026-11-24T12:00:01.000Z","type":"platform.report","record":'
                b'{"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895","status":"success"}}',
                number=127,
                kind=Kind.EVENT,
            ),
            segment(
                b'{"time":"2026-11-24T12:00:01.000Z","type":"flightRecorder.invocation","record":'
                b'{"outcome":"error","lines":123}}',
                number=128,
                kind=Kind.EVENT,
            ),
        ],
    )
    sampled = Chunk(
        metadata(request_id="another", trace_id="", reason="sampled", weight=3.5, failed=False),
        [segment(function('"naïve ☃ 🎈"'.encode()), function(b"null"), number=129)],
    )

    assert encode([failed, sampled]) == GOLDEN.read_bytes()


def test_nothing_is_nothing() -> None:
    """No chunks, and chunks without segments, are no lines."""
    assert encode([]) == encode([Chunk(metadata(), [])]) == b""


@pytest.mark.parametrize(
    "record",
    [
        b'"plain"',
        b'"tab\\t, quote \\", backslash \\\\, newline\\n"',
        '"naïve ☃ 🎈"'.encode(),
        b'"\\u00e9\\ud83c\\udf88 \\ud800 alone"',
        b'{"b":1,"a":{"z":[1.0,1e5,12345678901234567890.10]}, "spaced" : true}',
        b"[1,2]",
        b"-0.0",
        b"true",
        b"null",
        b'""',
    ],
)
def test_what_was_written_arrives_byte_for_byte(record: bytes) -> None:
    """The event stands at the beginning of its line as Lambda delivered it, number formats, escapes and all."""
    event = function(record)

    data = encode([Chunk(metadata(), [segment(event)])])

    assert data.startswith(event[:-1] + b",")
    assert data.count(b"\n") == 1


def test_every_line_of_a_segment_has_its_own_number() -> None:
    """Ids are the environment's, with numbers that follow each other."""
    events = [function(b'"%d"' % number) for number in range(3)]

    records = encoded(segment(*events, number=41))

    assert [one["record"] for one in records] == ["0", "1", "2"]
    assert [one["id"].rpartition("-")[::2] for one in records] == [
        ("0123456789abcdef", str(number)) for number in (41, 42, 43)
    ]


def test_the_same_batch_is_the_same_bytes() -> None:
    """Sent twice, a batch can be recognised by its ids: nothing in it depends on when it is written."""
    chunks = [Chunk(metadata(), [segment(function(b'"a"')), gap(1, 2)])]

    assert encode(chunks) == encode(chunks)


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (b'"[ERROR]\\tbad"', "ERROR"),
        (b'"[WARNING]\\tso so"', "WARN"),
        (b'{"level":"info","message":"m"}', "INFO"),
        (b'"{\\"severity\\":\\"CRITICAL\\"}"', "FATAL"),
        (b'{"level":20}', "DEBUG"),
        (b'"an error without a prefix"', None),
        (b"7", None),
    ],
)
def test_the_level_is_added_where_it_is_known(record: bytes, level: str | None) -> None:
    """A line's level stands beside it, and is left out where nothing tells it."""
    (line,) = encoded(segment(function(record)))

    assert line.get("level") == level


def test_platform_events_have_no_level() -> None:
    """Only what a function wrote has a level."""
    event = b'{"time":"t","type":"platform.report","record":{"level":"ERROR"}}'

    (line,) = encoded(segment(event, kind=Kind.EVENT))

    assert "level" not in line
    assert line["record"] == {"level": "ERROR"}


def test_what_is_not_known_is_left_out() -> None:
    """Empty ids are no fields."""
    (line,) = encoded(
        segment(function(b'"a"')), request_id="", trace_id="", function="", version=""
    )

    assert sorted(line) == ["id", "reason", "record", "time", "type", "weight"]


@pytest.mark.parametrize(
    ("weight", "written"),
    [(1.0, b"1"), (10.0, b"10"), (3.5, b"3.5"), (1 / 0.3, b"3.3333333333333335")],
)
def test_weights_are_as_short_as_they_can_be(weight: float, written: bytes) -> None:
    """A whole weight has no fraction."""
    data = encode([Chunk(metadata(weight=weight), [segment(function(b'"a"'))])])

    assert b',"weight":%s,' % written in data


def test_names_are_escaped() -> None:
    """What stands in an id cannot break the line."""
    (line,) = encoded(segment(function(b'"a"')), request_id='a"\n\\b', reason="é")

    assert (line["requestId"], line["reason"]) == ('a"\n\\b', "é")


@pytest.mark.parametrize(
    "event",
    [
        b"not json at all",
        b'{"time":"t","type":"function","record":"cut sho',
        b'{"time":"t","type":"function","record":"\xff\xfe"}',
        b'"a string"',
        b"[1,2]",
        b'{"time":"t",\n"type":"function",\n"record":"spread over lines"}',
    ],
)
def test_malformed_events_are_repaired(event: bytes) -> None:
    """What is no event becomes one that holds what can be read of it, and says so."""
    (line,) = encoded(segment(event, number=5))

    assert line["malformed"] is True
    assert line["type"] == "function"
    assert line["record"] == event.decode("utf-8", "replace")
    assert line["id"] == "0123456789abcdef-5"


@given(event=st.binary(max_size=60))
def test_any_bytes_become_one_line_of_json(event: bytes) -> None:
    """Whatever an event holds, its line is JSON and is one line."""
    data = encode([Chunk(metadata(), [segment(event)])])

    assert data.count(b"\n") == 1
    assert isinstance(json.loads(data), dict)


@given(
    records=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_records_of_any_type_come_back(records: list[object]) -> None:
    """Whatever JSON a function wrote, a reader gets it back, in order."""
    events = [function(json.dumps(record).encode()) for record in records]

    assert [one["record"] for one in encoded(segment(*events))] == records


def test_a_gap_tells_what_is_missing_where() -> None:
    """In the place of evicted lines stand their number and bytes, at the time of the line before."""
    records = encoded(
        segment(function(b'"a"', time=b"2026-11-24T12:00:05.000Z")),
        gap(3, 99, number=1),
        segment(function(b'"b"'), number=4),
    )

    told = records[1]
    assert told["type"] == "flightRecorder.gap"
    assert told["record"] == {"evictedLines": 3, "evictedBytes": 99}
    assert told["time"] == "2026-11-24T12:00:05.000Z"
    assert told["id"] == "0123456789abcdef-1"
    assert told["requestId"] == metadata().request_id


def test_a_gap_at_the_beginning_has_no_time() -> None:
    """Where no line came before, there is no time to tell."""
    (told,) = encoded(gap(1, 1))

    assert told["time"] == ""
