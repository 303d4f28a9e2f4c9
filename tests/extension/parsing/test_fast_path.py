"""A line's first bytes, held against a full look at the line."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from extension.levels.level import Level
from extension.parsing.batch import Lines
from extension.parsing.fast_path import (
    MAX_ERRORS_ALONE,
    count_plain as count_plain_and_tell,
    is_plain,
    stretches,
)
from extension.parsing.line import LineRules
from tests.doubles.lambda_events import FIRST, batch, done, line, node_line, python_line
from tests.extension.parsing.lines import REMARKABLE, as_json, read_all, read_exactly

pytestmark = pytest.mark.every_python

OPEN = FIRST.encode()


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def count_plain(body: bytes, open_id: bytes, careful_from: int) -> int:
    return count_plain_and_tell(body, open_id, careful_from)[0]


@pytest.mark.parametrize(
    ("record", "is_text"),
    [
        ("printed", True),
        (python_line("a"), True),
        ("2 digits", True),
        ('{"level":"INFO"}', False),
        (' {"level":"INFO"}', False),
        ('\\n{"level":"INFO"}', False),
        ('\u00a0{"level":"INFO"}', False),
        ({"level": "INFO"}, False),
    ],
)
def test_fast_path_tells_batches_that_are_certainly_text(record: object, is_text: bool) -> None:
    """Nobody has to look for JSON's fields in it."""
    _, told = count_plain_and_tell(batch([line("x"), line(record)]), b"", Level.FATAL)

    assert told is is_text


FLOODS: dict[str, list[Any]] = {
    "Python": [python_line("a"), python_line("b"), python_line("c", level="DEBUG")],
    "Python with warnings and prints": [python_line("a", level="WARNING"), "printed"],
    "print": ["order 1 accepted", "Éclair", "Request 7 is in", "", "9 lives"],
    "Java": ["[INFO] one", "[DEBUG] two", "[main] three"],
    "Node.js": [node_line("a"), node_line("b", level="WARN"), node_line("c", level="DEBUG")],
    ".NET": [node_line("a", level="info"), node_line("b", level="dbug")],
    "JSON text, level first": ['{"level":"INFO","message":"a"}', '{"level": "DEBUG", "m": 1}'],
    "JSON text, time first": [
        json.dumps(as_json(level, FIRST), separators=(",", ":")) for level in ("INFO", "WARN")
    ],
    "JSON text with spaces": [json.dumps(as_json("INFO", FIRST)), json.dumps(as_json("DEBUG"))],
    "JSON objects": [as_json("INFO", FIRST), as_json("WARN", FIRST), as_json("DEBUG")],
    "JSON objects of .NET": [as_json("Information", FIRST), as_json("Warning", FIRST)],
    "JSON objects that speak of requests": [as_json("INFO", FIRST, note=f"request {FIRST}")],
}


@pytest.mark.parametrize("texts", FLOODS.values(), ids=FLOODS)
def test_fast_path_counts_a_flood_of_healthy_lines_at_once(texts: list[Any]) -> None:
    """Each managed runtime's form is recognised without decoding a line."""
    count = count_plain(batch(line(text) for text in texts * 5), OPEN, Level.ERROR)

    assert count == 5 * len(texts)


@pytest.mark.parametrize("texts", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("text", REMARKABLE)
def test_fast_path_misses_no_remarkable_line_in_a_flood(texts: list[Any], text: object) -> None:
    """Whatever surrounds it, and wherever it stands."""
    for events in ([text, *texts], [*texts, text], [*texts, text, *texts]):
        assert count_plain(batch(line(one) for one in events), OPEN, Level.ERROR) == 0


def test_fast_path_misses_no_platform_event_in_a_flood() -> None:
    """It is the end of the invocation, perhaps."""
    flood = [line(python_line("a"))] * 3

    assert count_plain(batch([*flood, done(), *flood]), OPEN, Level.ERROR) == 0


@pytest.mark.parametrize("errors", range(1, MAX_ERRORS_ALONE + 3))
@pytest.mark.parametrize("between", [0, 1, 7])
def test_errors_of_python_s_client_are_read_wherever_they_stand(errors: int, between: int) -> None:
    """Few of them stand alone, and cost the lines between them no look at each."""
    lines = [line(python_line("b"))] * between
    events = [*lines, *([line(python_line("a", level="ERROR")), *lines] * errors)]
    body = batch(events)

    items = read_all(body, rules=LineRules(), open_id=OPEN)

    assert [type(one) for one in items] == [
        type(one) for one in read_exactly(body, rules=LineRules(), open_id=OPEN)
    ]
    assert sum(one.count if isinstance(one, Lines) else 1 for one in items) == len(events)


def test_errors_that_do_not_matter_are_passed_by_with_the_lines_beside_them() -> None:
    """Where ERROR_LEVEL is FATAL, one item holds them all, as in the exact way."""
    body = batch([line(python_line("a", level="ERROR")), line("b")])
    rules = LineRules(error_level=Level.FATAL)

    (item,) = read_all(body, rules=rules, open_id=OPEN)

    assert isinstance(item, Lines)
    assert item.count == 2


def test_run_is_cut_only_where_errors_are_few() -> None:
    """Each costs one more search of the lines behind it, so of many each line is looked at instead."""
    one, error = line(python_line("a")), line(python_line("a", level="ERROR"))
    few, many = batch([one, one, error, one])[1:-1], batch([error, one] * 9)[1:-1]

    ends = stretches(few, 0, len(few))

    assert few[ends[0] + 1 : ends[1]].decode() == compact(error)
    assert ends[-1] == len(few)
    assert len(ends) == 3
    assert stretches(many, 0, len(many)) == [len(many)]


def test_fast_path_reads_more_at_a_lower_error_level() -> None:
    """ERROR_LEVEL=INFO makes every INFO line remarkable."""
    body = batch([line(python_line("a")), line(python_line("b"))])

    assert count_plain(body, OPEN, Level.INFO) == 0
    assert count_plain(body, OPEN, Level.WARN) == 2


def test_fast_path_passes_no_id_without_an_open_invocation() -> None:
    """Before the first start no id is this invocation's."""
    assert count_plain(batch([line(python_line("a"))]), b"", Level.ERROR) == 0
    assert count_plain(batch([line("printed")]), b"", Level.ERROR) == 1


_PARTS = st.sampled_from(
    [text for texts in FLOODS.values() for text in texts] + REMARKABLE + ['\\"', '},{"time":"', ""]
)


@settings(max_examples=max(100, settings().max_examples), deadline=None)
@given(st.lists(_PARTS, min_size=1, max_size=6), st.sampled_from([OPEN, b""]))
def test_fast_path_passes_only_lines_that_are_unremarkable(
    texts: list[Any], open_id: bytes
) -> None:
    """A full look at every line of a batch that was told as a whole finds nothing in it."""
    body = batch(line(text) for text in texts)

    count = count_plain(body, open_id, Level.ERROR)

    if count:
        (item,) = read_exactly(body, rules=LineRules(), open_id=open_id)
        assert isinstance(item, Lines)
        assert (item.count, item.raw) == (count, body[1:-1])


@given(st.one_of(_PARTS.filter(lambda one: isinstance(one, str)), st.text(max_size=80)))
def test_fast_path_passes_a_single_line_only_if_unremarkable(text: str) -> None:
    """The same for one line alone."""
    body = batch([line(text)])
    piece = body[len(b'[{"time":"') : -2]

    passed = is_plain(piece, piece.index(b'"record":"') + 10, OPEN, Level.ERROR)

    telling = any(
        word in text for word in ("Traceback", "\n\tat ", "Task timed out", "CloudWatchMetrics")
    )
    if passed and not telling:
        (item,) = read_exactly(body, rules=LineRules(), open_id=OPEN)
        assert isinstance(item, Lines)
