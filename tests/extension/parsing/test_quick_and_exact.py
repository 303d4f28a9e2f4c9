"""The quick way and the exact way through a batch, held against each other on mutations of real lines.

The lines are those of ``tests/data`` and ``tests/captured``. ``./build.sh fuzz`` draws thousands of batches.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from extension.levels.level import OFF, Level
from extension.levels.reading import object_of
from extension.model.segment import split_events
from extension.parsing import batch as parser
from extension.parsing.batch import FLOOD_BYTES, Item, Line, Lines, read_batch
from extension.parsing.line import LineRules, look_at
from tests.doubles.lambda_events import FIRST, SECOND, batch, done, line, node_line, report, start
from tests.extension.parsing.lines import REMARKABLE
from tests.extension.parsing.logger_lines import REQUEST_ID, rows

pytestmark = pytest.mark.newest

CAPTURED = Path(__file__).resolve().parents[2] / "captured"

IDS = (REQUEST_ID, FIRST, SECOND, "")

INSERTED = (
    *(
        " ",
        "  ",
        "\t",
        "\n",
        "\r",
        "\ufeff",
        "\u00a0",
        "\x1e",
        "\x1b[31m",
        "\x1b[0m",
        "\x00",
        "é",
        "\U0001f680",
    ),
    *("[", "]", "{", "}", "(", "<", ">", '"', "'", "\\", ":", "|", ",", "=", "-", " - ", "/", "."),
    *(
        "INFO",
        "ERROR",
        "error",
        "WARN:",
        "E",
        "level=",
        "17",
        "2026-11-28 ",
        "12:00:00 ",
        "null",
        "undefined",
    ),
    *(
        '{"level":"error"}',
        '"message":"',
        '"level":"',
        '"requestId":"',
        '{"errorMessage":"',
        "\n\n",
        "\n   at ",
    ),
)

BEFORE = ("", "  ", "[shop] ", "2026-11-28 12:00:00 ", "\u2716 ", "INFO: ", node_line("")[:-1])

EVENTS: tuple[Any, ...] = (start(REQUEST_ID), start(SECOND), done(), report())


@cache
def records() -> tuple[object, ...]:
    """Return the records of all rows, each once."""
    found = [row.record for row in rows()] + REMARKABLE + prefixed()
    for path in sorted(CAPTURED.glob("*.ndjson")):
        texts = path.read_text(encoding="utf-8").split("\n")[:-1]
        found += [json.loads(text)["record"] for text in texts]
    return tuple({json.dumps(record): record for record in found}.values())


@cache
def beginnings() -> tuple[str, ...]:
    """Return the beginnings of the texts, in which their prefixes are."""
    return tuple(sorted({record[:60] for record in records() if isinstance(record, str)}))


@st.composite
def mutations(draw: st.DrawFn, record: object) -> object:
    """Draw a record as it is, or with one or two changes."""
    text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, min(len(text), draw(st.sampled_from([10, 80, 4000])))))
        kind = draw(st.sampled_from(["join", "insert", "begin", "cut", "take", "id"]))
        if kind == "join":
            other = draw(st.sampled_from(beginnings()))
            text = other[: draw(st.integers(1, 60))] + text
        elif kind == "insert":
            text = text[:at] + draw(st.sampled_from(INSERTED)) + text[at:]
        elif kind == "begin":
            text = draw(st.sampled_from(INSERTED)) + text
        elif kind == "cut":
            text = text[:at]
        elif kind == "take":
            text = text[at:]
        else:
            text = text.replace(draw(st.sampled_from(IDS[:-1])), draw(st.sampled_from(IDS)))
    if isinstance(record, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw a batch of lines of a few loggers, sometimes a flood, sometimes with platform events among them."""
    few = draw(st.lists(st.sampled_from(records()), min_size=1, max_size=3))
    mutated = st.sampled_from(few).flatmap(mutations)
    events = list(map(line, draw(st.lists(mutated, min_size=1, max_size=8))))
    if draw(st.sampled_from([False] * 4 + [True])):
        events *= FLOOD_BYTES // len(batch(events)) + 2
    if draw(st.sampled_from([False] * 3 + [True])):
        events.insert(draw(st.integers(0, len(events))), draw(st.sampled_from(EVENTS)))
    return batch(events)


def prefixed() -> list[object]:
    """Return the lines of ``tests/extension/levels``."""
    path = Path(__file__).resolve().parents[1] / "levels" / "logger_lines.ndjson"
    return [json.loads(text)["record"] for text in path.read_text("utf-8").split("\n")[:-1]]


def comparable(items: list[Item]) -> list[object]:
    """Return items as values; unremarkable lines are told by their bytes and their number."""
    return [(one.raw, one.count) if isinstance(one, Lines) else one for one in items]


@pytest.mark.parametrize("before", BEFORE)
def test_quick_and_exact_way_agree_on_every_line(before: str) -> None:
    """Each alone in a batch, also behind what another program may write before it."""
    rules = LineRules(error_level=Level.INFO if before else Level.ERROR)
    for record in records():
        text = before + record if isinstance(record, str) else record
        body = batch([line(text)])

        quick = read_batch(body, rules=rules, open_id=FIRST.encode())

        assert comparable(quick) == comparable(parser._read_exactly(body, rules, FIRST.encode()))


@pytest.mark.parametrize("path", sorted(CAPTURED.glob("*.ndjson")), ids=lambda path: path.stem)
@pytest.mark.parametrize("error_level", [Level.ERROR, OFF])
def test_every_captured_failure_is_found_in_a_batch(path: Path, error_level: int) -> None:
    """Neither way passes by what :func:`look_at` would call a failure."""
    rules = LineRules(error_level=error_level)
    for text in path.read_text(encoding="utf-8").split("\n")[:-1]:
        record = json.loads(text)["record"]
        failure = look_at(record, rules=rules).failure

        items = read_batch(batch([line(record)]), rules=rules, open_id=FIRST.encode())

        assert [one.facts.failure for one in items if isinstance(one, Line)] == (
            [failure] if failure else [None] * isinstance(items[0], Line)
        ), text


@pytest.mark.timeout(1800)  # for ./build.sh fuzz; an ordinary run takes seconds
@settings(max_examples=max(150, settings().max_examples), deadline=None)
@given(
    bodies(),
    st.sampled_from([Level.ERROR, Level.WARN, Level.INFO, Level.FATAL, OFF]),
    st.sampled_from([REQUEST_ID, REQUEST_ID, FIRST, SECOND, ""]),
)
def test_quick_and_exact_way_agree_on_any_batch(
    body: bytes, error_level: int, open_id: str
) -> None:
    """They find the same failures, levels, ids and metrics, and pass by the same lines."""
    rules = LineRules(error_level=error_level)

    quick = read_batch(body, rules=rules, open_id=open_id.encode())
    exact = parser._read_exactly(body, rules, open_id.encode())

    assert comparable(quick) == comparable(exact)
    for item in quick:
        if isinstance(item, Lines) and item.is_text:
            events = split_events(item.raw, item.count)
            assert not any(object_of(json.loads(event)["record"]) for event in events)


UNITS = (
    *(
        "a=",
        "a=a ",
        'a="',
        "level=",
        "time=1 ",
        "[",
        "[a] ",
        "(a) ",
        "<a> ",
        "{",
        "{a} ",
        '{"a":',
        "message: '",
    ),
    *(
        "1",
        "12:00:00 ",
        "2026-11-28 12:00:00 ",
        "Nov 28 ",
        "a:1: ",
        "a/",
        "a.b-",
        "a-",
        "- ",
        "| ",
        ": ",
    ),
    *(
        " ",
        "\t",
        "\n",
        "\r\n",
        "\\",
        '"',
        "\x1b[",
        "\x1b[31m",
        "\ufeff",
        "\u00a0",
        "\x1e",
        "\u2716 ",
        "\u203a ",
    ),
    *(
        "A",
        "ERROR ",
        "error: ",
        "Exception: ",
        "\n   at ",
        "a: a.B\na.B",
        "Task timed out after ",
        "RequestId: ",
    ),
)


@pytest.mark.parametrize(
    "before", ["", "2026-11-28 12:00:00 ", "[", '{"level":"INFO","a":"', node_line("")[:-1]]
)
@pytest.mark.timeout(60)  # thousands of times what it takes: quadratic time would not end within it
def test_no_line_is_slow_either_way(before: str) -> None:
    """Lines of one thing over and over: no pattern tries them in many ways, and nothing recurs for each."""
    for unit in UNITS:
        text = before + unit * (256 * 1024 // len(unit))
        body = batch([line(text)])

        quick = read_batch(body, rules=LineRules(), open_id=FIRST.encode())

        assert comparable(quick) == comparable(
            parser._read_exactly(body, LineRules(), FIRST.encode())
        ), unit
