import json
from collections.abc import Callable
from typing import Any

import pytest

from extension.levels.level import Level
from extension.model.record import GAP_TYPE, Record, records_in
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, chunk, gap
from tests.doubles.lambda_events import TIME, event, line

pytestmark = pytest.mark.every_python


def one(raw: object) -> Record:
    (kept,) = records_in([chunk([raw])])
    return kept


def function(record: bytes) -> bytes:
    return b'{"time":"%s","type":"function","record":%s}' % (TIME.encode(), record)


# Records -------------------------------------------------------------------------------------------------------------


def test_record_tells_number_metadata_and_bytes() -> None:
    """A record has its number, its stamp, its bytes as they came, and what they say."""
    raw = function(b'"[ERROR]\\tbad\\n"')

    (kept,) = records_in([chunk([raw], first_number=7)])

    assert (kept.number, kept.metadata, kept.raw) == (7, STAMP, raw)
    assert (kept.time, kept.type, kept.record) == (TIME, "function", "[ERROR]\tbad\n")
    assert kept.level is Level.ERROR
    assert kept.id == f"{ENVIRONMENT}-7"
    assert kept.text == "[ERROR]\tbad\n"
    assert kept.is_line


def test_records_are_in_order_with_consecutive_numbers() -> None:
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


def test_platform_event_has_no_level() -> None:
    """Its text is the record as JSON, and it has no level whatever it holds."""
    kept = one(event("platform.report", {"level": "ERROR", "status": "timeout"}))

    assert not kept.is_line
    assert kept.level is None
    assert kept.text == '{"level":"ERROR","status":"timeout"}'


@pytest.mark.parametrize("time", ["2026-11-24T12:00:00.000Z", ""])
def test_gap_tells_how_much_is_missing(time: str) -> None:
    """It stands at its place, and has the time of the record before; no time where no record came before."""
    chunks = [*([chunk([line("a", time=time)])] if time else []), gap(3)]

    *_, record = records_in(chunks)

    told = {"evictedLines": 7, "evictedBytes": 70}
    assert (record.number, record.time, record.record) == (3, time, told)
    assert json.loads(record.raw) == {"time": time, "type": GAP_TYPE, "record": told}
    assert record.text == '{"evictedLines":7,"evictedBytes":70}'
    assert (record.level, record.is_line) == (None, False)


@pytest.mark.parametrize("time", ["", None, 7])
def test_record_without_a_time_has_that_of_the_one_before(time: object) -> None:
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
def test_text_of_an_object_is_the_json_that_was_written(record: bytes) -> None:
    """Number formats, escapes, spaces and order are those of the function's own JSON."""
    assert one(function(record)).text == record.decode()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"record":{"a":1},"time":"t","type":"function"}',
        b'{"time":"t","record" : {"a":1} ,"type":"function"}',
        b'{"time":"\\"record\\":","type":"function","record" :{"a":1}}',
        b'{"time":"t","type":"function","record":1, "record": {"a":1}}',
    ],
)
def test_text_is_written_anew_where_the_record_is_not_last(raw: bytes) -> None:
    """Where the record does not stand last it is written anew."""
    assert one(raw).text == '{"a":1}'


@pytest.mark.parametrize("record", [b'{"a": NaN}', b"NaN", b"-Infinity"])
def test_text_keeps_numbers_that_json_does_not_have(record: bytes) -> None:
    """A number that equals nothing, not even itself, is no reason to lose the line."""
    assert one(function(record)).text == record.decode()
    assert one(b'{"type":"function","record":%b}' % record).text == record.decode()


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (b'"naive \\u2603 \\ud83c\\udf88"', "naive ☃ 🎈"),
        (b'"NUL \\u0000, quote \\""', 'NUL \0, quote "'),
        (b'""', ""),
        (b'"{\\"level\\":\\"INFO\\"}"', '{"level":"INFO"}'),
    ],
)
def test_text_of_a_string_is_the_line(record: bytes, text: str) -> None:
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
def test_malformed_event_becomes_a_text_line(raw: bytes) -> None:
    """What can be read of it is a line, and says that it is malformed."""
    kept = one(raw)

    assert kept.is_line
    assert kept.text == raw.decode("utf-8", "replace")
    assert json.loads(kept.raw)["malformed"] is True
    assert b"\n" not in kept.raw


@pytest.mark.parametrize("kind", [None, 7, {"a": 1}])
def test_record_of_an_unknown_type_is_not_a_line(kind: object) -> None:
    """Such a record is not taken for a line."""
    kept = one({"time": TIME, "type": kind, "record": "[ERROR]\tx"})

    assert (kept.type, kept.is_line, kept.level) == ("", False, None)


@pytest.mark.parametrize(
    ("record", "decodings"),
    [(b'{"level":"INFO"}', 1), (b'"{\\"level\\":\\"INFO\\"}"', 2), (b'"[INFO]\\tplain"', 1)],
)
def test_record_decodes_each_json_text_once(
    monkeypatch: pytest.MonkeyPatch, record: bytes, decodings: int
) -> None:
    """Delivery shares a processor with the function: however often sinks ask, nothing is decoded again."""
    decoded: list[str] = []

    def counted(decode: Callable[..., Any]) -> Callable[..., Any]:
        def counting(text: str, *at: int, **options: Any) -> Any:
            decoded.append(text)
            return decode(text, *at, **options)

        return counting

    monkeypatch.setattr(json, "loads", counted(json.loads))
    monkeypatch.setattr("extension.model.record._decode_at", counted(json.JSONDecoder().raw_decode))
    asked = one(function(record))

    answers = {(asked.level, asked.text, str(asked.parsed)) for _ in range(2)}

    assert len(decoded) == decodings
    assert [level for level, _, _ in answers] == [Level.INFO]


def test_wide_object_is_its_text_and_tells_its_level() -> None:
    """Decoded, so many small objects would take twenty times their bytes."""
    wide = b'{"level":"WARN","a":[%b{}]}' % (b"{}, " * 30_000)

    record = one(function(wide))

    assert record.text == wide.decode()
    assert record.record == record.text
    assert record.parsed is None
    assert record.level is Level.WARN
