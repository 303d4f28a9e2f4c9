import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.model.chunk import Chunk, Metadata
from extension.model.ndjson import encode, lines_of, lines_unread, numbered_lines
from extension.model.record import records_in
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


def test_format_is_that_of_the_golden_file() -> None:
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


def test_empty_chunks_make_no_lines() -> None:
    """A sink sends nothing for them."""
    assert encode([]) == encode([Chunk(metadata(), [])]) == b""
    assert list(numbered_lines([])) == []


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
def test_line_begins_with_the_event_byte_for_byte(record: bytes) -> None:
    """Number formats, escapes and spaces are those of the function's own JSON."""
    event = function(record)

    data = encode([Chunk(metadata(), [segment(event)])])

    assert data.startswith(event[:-1] + b",")
    assert data.count(b"\n") == 1


def test_line_leaves_out_unknown_fields() -> None:
    """Empty ids are no fields."""
    (line,) = encoded(
        segment(function(b'"a"')), request_id="", trace_id="", function="", version=""
    )

    assert sorted(line) == ["id", "reason", "record", "time", "type", "weight"]


@pytest.mark.parametrize(
    ("weight", "written"),
    [(1.0, b"1"), (10.0, b"10"), (3.5, b"3.5"), (1 / 0.3, b"3.3333333333333335")],
)
def test_whole_weight_has_no_fraction(weight: float, written: bytes) -> None:
    """A whole weight has no fraction."""
    data = encode([Chunk(metadata(weight=weight), [segment(function(b'"a"'))])])

    assert b',"weight":%s,' % written in data


def test_line_escapes_names() -> None:
    """No id can break the line."""
    (line,) = encoded(segment(function(b'"a"')), request_id='a"\n\\b', reason="é")

    assert (line["requestId"], line["reason"]) == ('a"\n\\b', "é")


@given(event=st.binary(max_size=60))
def test_any_bytes_become_a_line_of_json(event: bytes) -> None:
    """Whatever an event holds, its record is one JSON object on one line, and has a text."""
    chunk = Chunk(metadata(), [segment(event)])

    data = encode([chunk])

    assert data.count(b"\n") == 1
    assert isinstance(json.loads(data), dict)
    (record,) = records_in([chunk])
    assert isinstance(json.loads(record.raw), dict)
    assert b"\n" not in record.raw
    assert isinstance(record.text, str)


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
def test_reader_gets_any_json_back(records: list[object]) -> None:
    """Whatever JSON a function wrote, a reader gets it back, in order."""
    events = [function(json.dumps(record).encode()) for record in records]

    assert [one["record"] for one in encoded(segment(*events))] == records


@pytest.mark.parametrize("count", [1, 300])
def test_numbered_lines_are_the_batch_with_numbers(count: int) -> None:
    """A sink that packs lines sends the same bytes as one that writes them at once."""
    events = [function(b'"%d"' % number) for number in range(count)]
    batch = [Chunk(metadata(), [segment(*events, number=3), gap(7, 70, number=3 + count)])]

    numbered = list(numbered_lines(batch))

    assert b"".join(line for _, line in numbered) == encode(batch)
    assert [number for number, _ in numbered] == list(range(3, 4 + count))


def test_lines_unread_are_those_that_were_read_without_their_levels() -> None:
    """Whatever stands among them: a gap, a platform event, a line that Lambda does not write so."""
    parts = [
        segment(function(b'"[ERROR] a"'), function(b'{"level":"INFO","m":"b"}'), number=3),
        Segment(b"", count=2, first_number=5, kind=Kind.GAP, gone_bytes=70),
        segment(
            function(b"{}").replace(b"function", b"platform.report"), number=6, kind=Kind.EVENT
        ),
        segment(b'{ "time" : "x", "type": "function", "record": "c"}', number=7),
        segment(b"no JSON", number=8),
    ]
    whole = Chunk(metadata(), parts)

    unread = [json.loads(one) for one in lines_unread(whole)]

    read = [json.loads(one) for one in lines_of(records_in([whole]))]
    assert [one["id"][-1] for one in read] == ["3", "4", "5", "6", "7", "8"]
    for one in read[:2]:
        del one["level"]
    assert unread == read
