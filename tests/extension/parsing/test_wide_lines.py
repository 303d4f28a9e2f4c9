"""Lines with so many objects and arrays in them that decoding them would take many times their bytes."""

import json
import tracemalloc

import pytest

from extension.levels.level import Level
from extension.levels.reading import MAX_BRACKETS, NARROW_CHARS, is_wide
from extension.parsing.batch import Line, Lines, read_batch
from extension.parsing.correlation import Correlation
from extension.parsing.line import LineRules
from extension.parsing.wide_lines import events_in, text_of
from tests.doubles.lambda_events import FIRST, SECOND, TIME, compact, line

pytestmark = pytest.mark.every_python

WIDE: list[object] = [{}] * 60_000
SEPARATOR = {"time": TIME, "type": "platform.start", "record": {"requestId": SECOND}}

ERRORS = [
    {"level": "ERROR", "a": WIDE},
    {"msg": 'x, "level":"info"}', "level": 50, "a": WIDE},
    {"a": WIDE, "level": "error", "message": '[{"},{'},
    {"a": [[]] * 60_000, "b": WIDE, "severity": "ERROR"},
]


def read(*records: object) -> list[object]:
    body = b"[%b]" % b",".join(compact(line(one)) for one in records)
    return list(read_batch(body, rules=LineRules(), open_id=FIRST.encode()))


@pytest.mark.parametrize("record", ERRORS)
@pytest.mark.parametrize("as_text", [False, True])
def test_wide_line_tells_its_level_and_stays_whole(
    record: dict[str, object], *, as_text: bool
) -> None:
    written = json.dumps(record, separators=(",", ":")) if as_text else record

    items = read("before", written, "[ERROR] behind")

    assert isinstance(items[0], Lines)
    assert isinstance(items[1], Line)
    assert items[0].count == 1
    assert items[1].facts.level is Level.ERROR
    assert items[1].raw == compact(line(written))
    assert isinstance(items[2], Line)


def test_wide_line_names_its_invocation() -> None:
    (item,) = read({"requestId": SECOND, "a": WIDE})

    assert isinstance(item, Line)
    assert item.facts.request_ids == (SECOND,)


def test_healthy_wide_line_is_passed_by() -> None:
    (item,) = read({"level": "INFO", "a": WIDE}, {"a": WIDE, "requestId": FIRST})

    assert isinstance(item, Lines)
    assert item.count == 2


def test_metrics_in_a_wide_line_are_not_lost() -> None:
    (item,) = read({"_aws": {"CloudWatchMetrics": [{"Namespace": "n"}]}, "a": WIDE})

    assert isinstance(item, Line)
    assert item.facts.is_emf


@pytest.mark.parametrize("before", [0, 10_000])
def test_what_looks_like_an_event_in_a_wide_line_is_none(before: int) -> None:
    """A function must not be able to tell that another invocation has begun."""
    record = {"level": "INFO", "a": [{}] * before + [SEPARATOR] + WIDE + [SEPARATOR, {}]}

    (item,) = read(record, record)

    assert isinstance(item, Lines)
    assert item.count == 2


def test_wide_line_takes_little_memory() -> None:
    body = b"[%b]" % compact(line({"level": "INFO", "a": WIDE, "b": [[]] * 60_000}))

    tracemalloc.start()
    try:
        list(read_batch(body, rules=LineRules(), open_id=b""))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    # Decoded it would be 22 times its size.
    assert peak_bytes < 6 * len(body)


def test_events_end_where_all_is_closed() -> None:
    events = [compact(line(one)) for one in ("a},{", {"a": [SEPARATOR, SEPARATOR]}, {"b": "\\"})]
    raw = b",".join(events)

    assert [raw[begin:end] for begin, end in events_in(raw) or []] == events
    assert events_in(raw[:-1]) is None


def test_only_wide_objects_are_not_decoded() -> None:
    wide = {"a": WIDE}

    assert text_of(compact(line(wide))) == json.dumps(wide, separators=(",", ":"))
    assert text_of(compact(line({"a": 1}))) is None
    assert text_of(compact(line(json.dumps(wide)))) is None
    assert text_of(compact(SEPARATOR | {"record": wide})) is None


def test_line_is_wide_by_length_and_by_brackets() -> None:
    brackets = "[" * (MAX_BRACKETS + 1)

    assert not is_wide(brackets)
    assert is_wide(brackets + " " * NARROW_CHARS)
    assert is_wide(b"{" * (MAX_BRACKETS + 1) + b" " * NARROW_CHARS)
    assert not is_wide(" " * 2 * NARROW_CHARS)


def test_wide_line_names_its_transaction() -> None:
    event = compact(line({"a": WIDE, "correlation_id": "c-1"}))

    assert Correlation(("correlation_id",)).found_in(event, count=1) == "c-1"
