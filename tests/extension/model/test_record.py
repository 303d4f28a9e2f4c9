import json
from datetime import datetime, timezone

import pytest
from hypothesis import given, strategies as st

from extension.model.chunk import Chunk
from extension.model.levels import Level
from extension.model.record import GAP_TYPE, Record, dumps, records_in
from extension.model.segment import Kind, Segment
from extension.model.timestamps import epoch_ns
from tests.extension.batches import TIME, event, line
from tests.extension.sinks.kept_parcels import ENVIRONMENT, STAMP, chunk, gap

pytestmark = pytest.mark.every_python


def one(raw: object) -> Record:
    (kept,) = records_in([chunk([raw])])
    return kept


def function(record: bytes) -> bytes:
    return b'{"time":"%s","type":"function","record":%s}' % (TIME.encode(), record)


# Records -------------------------------------------------------------------------------------------------------------


def test_a_line() -> None:
    """A record has its number, its stamp, its bytes as they came, and what they say."""
    raw = function(b'"[ERROR]\\tbad\\n"')

    (kept,) = records_in([chunk([raw], first_number=7)])

    assert kept == Record(7, STAMP, raw, TIME, "function", "[ERROR]\tbad\n", Level.ERROR)
    assert kept.id == f"{ENVIRONMENT}-7"
    assert kept.text == "[ERROR]\tbad\n"
    assert kept.is_line


def test_records_come_in_order_with_numbers_that_follow() -> None:
    """Across segments and chunks, each with its own stamp."""
    chunks = [
        chunk([line("a"), line("b")], first_number=4),
        gap(6),
        chunk([line("c")], first_number=9),
    ]

    kept = list(records_in(chunks))

    assert [one.number for one in kept] == [4, 5, 6, 9]
    assert [one.type for one in kept] == ["function", "function", GAP_TYPE, "function"]
    assert list(records_in([])) == []


def test_what_the_platform_says_is_no_line() -> None:
    """Its text is the record as JSON, and it has no level whatever it holds."""
    kept = one(event("platform.report", {"level": "ERROR", "status": "timeout"}))

    assert not kept.is_line
    assert kept.level is None
    assert kept.text == '{"level":"ERROR","status":"timeout"}'


def test_a_gap_is_a_record_too() -> None:
    """It tells what is missing at its place, at the time of the record before."""
    (before, kept) = records_in([chunk([line("a", time="2026-11-24T12:00:00.000Z")]), gap(3)])

    assert kept.time == before.time
    assert kept.record == {"evictedLines": 7, "evictedBytes": 70}
    assert json.loads(kept.raw) == {
        "time": before.time,
        "type": GAP_TYPE,
        "record": {"evictedLines": 7, "evictedBytes": 70},
    }
    assert kept.text == '{"evictedLines":7,"evictedBytes":70}'
    assert (kept.level, kept.is_line) == (None, False)


@pytest.mark.parametrize("time", ["", None, 7])
def test_a_record_without_a_time_has_that_of_the_one_before(time: object) -> None:
    """What comes next is not earlier."""
    second = {"time": time, "type": "function", "record": "b"}

    kept = list(records_in([chunk([line("a"), second, line("c")])]))

    assert [record.time for record in kept] == [TIME, TIME, TIME]


# Text ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        b'{"b":1,"a":{"z":[1.0,1e5,12345678901234567890.10]}, "spaced" : true}',
        b'{"record":{"record":1},"type":"x"}',
        b'{"text":"\\"record\\":"}',
        '{"naïve":"☃ 🎈 \\u00e9"}'.encode(),
        b"[1, 2]",
        b"-0.0",
        b"true",
        b"null",
        b"{}",
    ],
)
def test_an_object_is_the_text_that_was_written(record: bytes) -> None:
    """Number formats, escapes, spaces and order are those of the function's own JSON."""
    assert one(function(record)).text == record.decode()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"record":{"a":1},"time":"t","type":"function"}',
        b'{"time":"t","record" : {"a":1} ,"type":"function"}',
        b'{"time":"\\"record\\":","type":"function","record" :{"a":1}}',
    ],
)
def test_an_event_in_another_order_has_the_same_value(raw: bytes) -> None:
    """Where the record does not stand last it is written anew."""
    assert one(raw).text == '{"a":1}'


@pytest.mark.parametrize("record", [b'{"a": NaN}', b"NaN", b"-Infinity"])
def test_what_json_does_not_have_is_text_as_well(record: bytes) -> None:
    """A number that equals nothing, not even itself, is no reason to lose the line."""
    assert one(function(record)).text == record.decode()


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (b'"naive \\u2603 \\ud83c\\udf88"', "naive ☃ 🎈"),
        (b'"NUL \\u0000, quote \\""', 'NUL \0, quote "'),
        (b'""', ""),
        (b'"{\\"level\\":\\"INFO\\"}"', '{"level":"INFO"}'),
    ],
)
def test_a_string_is_the_line(record: bytes, text: str) -> None:
    """What a function wrote as text is that text, without the escapes of the way here."""
    assert one(function(record)).text == text


@pytest.mark.parametrize(
    "raw",
    [
        b"not json at all",
        b'{"time":"t","type":"function","record":"cut sho',
        b'{"time":"t","type":"function","record":"\xff\xfe"}',
        b'"a string"',
        b"{}",
        b"7",
        b'{"time":"t",\n"type":"function",\n"record":"spread over lines"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_kept_as_text(raw: bytes) -> None:
    """What can be read of it is a line, and says that it is malformed."""
    kept = one(raw)

    assert kept.is_line
    assert kept.text == raw.decode("utf-8", "replace")
    assert json.loads(kept.raw)["malformed"] is True
    assert b"\n" not in kept.raw


@pytest.mark.parametrize("kind", [None, 7, {"a": 1}])
def test_a_type_that_is_none_is_empty(kind: object) -> None:
    """Such a record is not taken for a line."""
    kept = one({"time": TIME, "type": kind, "record": "[ERROR]\tx"})

    assert (kept.type, kept.is_line, kept.level) == ("", False, None)


@given(raw=st.binary(max_size=60))
def test_any_bytes_become_a_record(raw: bytes) -> None:
    """Whatever stands there, it is one JSON object on one line, and has a text."""
    segment = Segment(raw, count=1, first_number=0, kind=Kind.LINES)

    (kept,) = records_in([Chunk(STAMP, [segment])])

    assert isinstance(json.loads(kept.raw), dict)
    assert b"\n" not in kept.raw
    assert isinstance(kept.text, str)


def test_json_is_written_compactly() -> None:
    """Without spaces, and with characters as they are."""
    assert dumps({"a": [1, "ü"], "b": None}) == '{"a":[1,"ü"],"b":null}'


# Times ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "ns"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2022-10-12T00:00:15.064Z", 1_665_532_815_064_000_000),
        ("2022-10-12T00:00:15.064123Z", 1_665_532_815_064_123_000),
        ("2022-10-12T00:00:15Z", 1_665_532_815_000_000_000),
        ("1969-12-31T23:59:59.999Z", -1_000_000),
        ("", None),
        ("soon", None),
        ("2022-10-12T25:00:00.000Z", None),
    ],
)
def test_times_in_nanoseconds(time: str, ns: int | None) -> None:
    """As Lambda writes them, with milliseconds or microseconds; what is no time is none."""
    assert epoch_ns(time) == ns


@given(
    moment=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001 - UTC is added
)
def test_no_microsecond_is_lost(moment: datetime) -> None:
    """Floating point is not used on the way."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"

    ns = epoch_ns(text)

    assert ns is not None
    back = datetime.fromtimestamp(ns // 1_000_000_000, timezone.utc)
    assert back.replace(tzinfo=None, microsecond=ns // 1000 % 1_000_000) == moment


@given(text=st.text(max_size=40))
def test_any_text_is_a_time_or_none(text: str) -> None:
    """What a record holds as its time need not be one."""
    ns = epoch_ns(text)

    assert ns is None or isinstance(ns, int)
