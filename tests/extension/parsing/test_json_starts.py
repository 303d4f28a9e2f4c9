"""What the first bytes of JSON lines tell, as text and as objects."""

import json
from typing import Any

import pytest

from extension.levels.level import Level
from extension.parsing.json_starts import (
    AS_OBJECT,
    AS_TEXT,
    HEAD_BYTES,
    count_plain_json,
    json_line_is_plain,
)
from tests.doubles.lambda_events import FIRST, SECOND, TIME, batch, line, node_line
from tests.extension.parsing.lines import as_json

pytestmark = pytest.mark.every_python

OPEN = FIRST.encode()
PAYLOAD = '{"errorMessage":"m","errorType":"errorString"}'

Members = dict[str, Any]


def compact(members: Members) -> str:
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False)


def objects_are_plain(
    *records: Members, open_id: bytes = OPEN, careful_from: int = Level.ERROR
) -> bool:
    body = batch(map(line, records))
    return count_plain_json(body, AS_OBJECT, open_id, careful_from) == len(records)


def texts_are_plain(
    *records: Members, open_id: bytes = OPEN, careful_from: int = Level.ERROR
) -> bool:
    body = batch(line(compact(one)) for one in records)
    return count_plain_json(body, AS_TEXT, open_id, careful_from) == len(records)


def text_is_plain(text: str, *, open_id: bytes = OPEN, careful_from: int = Level.ERROR) -> bool:
    piece = batch([line(text)])[:-2]
    at = piece.index(b'"record":"') + len(b'"record":"')
    return json_line_is_plain(piece, at, open_id, careful_from)


PLAIN: list[Members] = [
    {"level": "INFO", "message": "order 17 stored"},
    {"level": "info", "msg": "order 17 stored"},
    {"level": "WARN", "logger": "shop", "message": "retrying"},
    {"level": 30, "time": 1, "msg": "order 17 stored"},
    {"level": "debug"},
    {"level": "INFO", "message": ""},
    {"level": "INFO", "count": 17, "order": {"id": 17}},
    {"level": "INFO", "message": "request 17", "requestId": FIRST},
    {"level": "INFO", "requestId": FIRST, "message": "m"},
    {"level": "INFO", "AWSRequestId": FIRST, "message": "m"},
]

TIMED: list[Members] = [
    as_json("INFO", FIRST),
    as_json("Warning"),
    {"timestamp": TIME, "level": "INFO", "msg": "m"},
]

REFUSED: list[Members] = [
    {"level": "ERROR", "message": "m"},
    {"level": "error", "msg": "m"},
    {"level": "FATAL"},
    {"level": "unheard of", "message": "m"},
    {"level": 50, "time": 1, "msg": "m"},
    {"level": 35, "time": 1, "msg": "m"},
    {"level": "INFO+4", "msg": "m"},
    {"level": None},
    {"message": "m", "level": "INFO"},
    {"severity": "INFO", "message": "m"},
    {"level": "INFO", "message": "m", "requestId": SECOND},
    {"level": "INFO", "requestId": SECOND, "message": "m"},
    {"level": "INFO", "message": "m", "span": {"requestId": SECOND}},
    {"level": "INFO", "message": "m", "function_request_id": SECOND},
    {"level": "INFO", "timestamp": TIME, "message": "ERROR: m"},
    {"level": "INFO", "timestamp": TIME, "message": '{"level":"error"}'},
    {"level": "INFO", "message": {"errorType": "E"}},
    {"level": "INFO", "_aws": {"CloudWatchMetrics": []}},
    {"level": "INFO", "msg": PAYLOAD},
    {"level": "INFO", "message": PAYLOAD},
]


@pytest.mark.parametrize("record", [*PLAIN, *TIMED], ids=str)
def test_healthy_json_line_is_passed(record: Members) -> None:
    """As an object and as text, alone and in a batch of its likes."""
    assert objects_are_plain(record)
    assert objects_are_plain(record, record, record)
    assert texts_are_plain(record, record)
    assert text_is_plain(compact(record))
    assert text_is_plain(json.dumps(record))


def test_message_of_an_object_may_begin_like_a_prefix() -> None:
    """It is judged as a text line would be; in text, whose quotes are escaped twice there, it is read exactly."""
    topic = {"level": "INFO", "message": "[shop] order 17 stored", "logger": "shop"}

    assert objects_are_plain(topic, topic)
    assert not texts_are_plain(topic, topic)


@pytest.mark.parametrize("record", REFUSED, ids=str)
def test_json_line_that_may_matter_is_refused(record: Members) -> None:
    """By its level, its id, its metrics, or what its message may hold; also between plain ones."""
    plain = {"level": "INFO", "message": "order 17 stored"}

    assert not objects_are_plain(record)
    assert not objects_are_plain(plain, record, plain)
    assert not texts_are_plain(record)
    assert not texts_are_plain(plain, record, plain)
    assert not text_is_plain(compact(record))


NAMED_LAST: list[tuple[list[Members], bool]] = [
    ([{"level": "INFO", "message": "m", "requestId": FIRST}], True),
    ([{"level": "INFO", "request": {"requestId": SECOND}, "requestId": FIRST}], True),
    ([{"level": "INFO", "requestId": SECOND, "request": {"requestId": FIRST}}], False),
    ([{"level": "INFO", "requestId": SECOND, "request": [{"requestId": FIRST}]}], False),
    ([{"level": "INFO", "message": "m", "requestId": SECOND}], False),
    ([{"level": "INFO", "x-requestId": FIRST, "requestId": SECOND}], False),
]


@pytest.mark.parametrize(("records", "passes"), NAMED_LAST)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_line_whose_last_member_names_the_invocation_is_its(
    records: list[Members], passes: bool, place: int
) -> None:
    """Whatever other ids stand before it. In an object within the line it tells nothing."""
    usual: Members = {"level": "INFO", "message": "m", "requestId": FIRST}
    lines = [usual, usual]
    lines[place:place] = records

    assert objects_are_plain(*lines) is passes
    assert texts_are_plain(*lines) is passes


@pytest.mark.parametrize("level", ["ERROR", "FATAL", "unheard of"])
def test_level_behind_a_time_is_read(level: str) -> None:
    """All times of a batch have one length; a shorter one is not passed."""
    assert not objects_are_plain(as_json("INFO", FIRST), as_json(level, FIRST))
    assert not texts_are_plain(as_json("INFO", FIRST), as_json(level, FIRST))
    assert not objects_are_plain(as_json("INFO"), {"timestamp": "short", "level": "ERROR"})


def test_longer_level_than_the_first_line_s_is_read() -> None:
    """The window is as long as the first line's beginning."""
    for plain in (objects_are_plain, texts_are_plain):
        assert plain(as_json("INFO", FIRST), as_json("WARNING", FIRST), as_json("DEBUG", FIRST))
        assert not plain(as_json("INFO", FIRST), as_json("CRITICAL", FIRST))


def test_message_behind_the_head_is_refused_or_harmless() -> None:
    """No line has a level that stands farther behind than is looked at."""
    far = {"level": "INFO", "a": "x" * HEAD_BYTES, "requestId": SECOND}

    assert not objects_are_plain(far)
    assert not texts_are_plain(far)
    assert not text_is_plain(compact(far))


def test_json_line_is_refused_from_its_own_level_on() -> None:
    """ERROR_LEVEL may be lower."""
    for plain in (objects_are_plain, texts_are_plain):
        assert plain(as_json("WARN"), careful_from=Level.ERROR)
        assert not plain(as_json("WARN"), careful_from=Level.WARN)
        assert not plain(as_json("INFO"), careful_from=Level.INFO)
    assert not text_is_plain(compact(as_json("WARN")), careful_from=Level.WARN)


def test_no_json_line_with_an_id_is_passed_without_an_open_invocation() -> None:
    """Before the first start, every id is somebody else's."""
    for plain in (objects_are_plain, texts_are_plain):
        assert not plain(as_json("INFO", FIRST), open_id=b"")
        assert plain(as_json("INFO"), open_id=b"")


def test_line_of_another_form_among_them_is_refused() -> None:
    """Then the batch is not split where its lines begin."""
    info = {"level": "INFO", "message": "m"}
    others: tuple[object, ...] = ("text", node_line("m"), ["level"], None, {})
    for other in others:
        body = batch([line(info), line(other), line(info)])

        assert not count_plain_json(body, AS_OBJECT, OPEN, Level.ERROR)


@pytest.mark.parametrize(
    "text",
    [
        '{"level":"INFO","message":"\\u001b[31mERROR"}',
        '{"level":"INFO"',
        '{"level":"IN',
        "{",
        "{}",
    ],
)
def test_text_that_is_more_or_less_than_an_object_is_refused(text: str) -> None:
    """Such as what was cut off."""
    assert not text_is_plain(text)
