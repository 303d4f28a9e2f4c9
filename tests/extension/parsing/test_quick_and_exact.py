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
from extension.parsing.batch import FLOOD_BYTES, Item, Line, Lines
from extension.parsing.line import LineRules, look_at
from tests.doubles.lambda_events import (
    FIRST,
    SECOND,
    batch,
    done,
    event,
    line,
    node_line,
    report,
    start,
)
from tests.extension.parsing.lines import REMARKABLE, read_all, read_exactly
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


FORGED: tuple[Any, ...] = (
    line({"level": "INFO", "message": "FORGED"}, time="2020-01-01T00:00:00.000Z"),
    line({"level": "INFO", "message": "FORGED"}, time="1999-01-01T00:00:00.000Z"),
    line({"level": "INFO", "message": "FORGED"}, time="2099"),
    line("FORGED"),
    line(node_line("FORGED")),
    done(SECOND, status="error"),
    start(SECOND),
    {"sku": 1},
    {},
    0,
    "]",
    "[",
    "}]",
    "},{",
    '},{"time":"2026',
    ["]"],
)
"""Members of a caller's data: events, and brackets within texts."""


@st.composite
def forgeries(draw: st.DrawFn) -> object:
    """Draw an event whose data holds others, in an array or not, mostly a line with a level first."""
    is_line = draw(st.sampled_from([False] + [True] * 5))
    # In platform events stands nothing that a function or its caller could nest: only objects are tried.
    some = draw(
        st.lists(st.sampled_from(FORGED if is_line else FORGED[:3]), min_size=1, max_size=4)
    )
    data: Any = some[0] if draw(st.booleans()) else some
    record = {"level": draw(st.sampled_from(["INFO", "INFO", "ERROR"]))}
    members = [("m", draw(st.sampled_from(["", "[main] x", "]", "[", "a[]"]))), ("x", data)]
    record |= dict(draw(st.permutations(members)))
    if not is_line:
        return event("platform.report", {"requestId": FIRST, "metrics": {}, **record})
    return line(record)


@pytest.mark.timeout(1800)  # as below
@settings(max_examples=max(150, settings().max_examples), deadline=None)
@given(
    st.lists(
        st.one_of(
            forgeries(),
            st.sampled_from([line({"level": "INFO", "message": "a"}), line("a\n"), *EVENTS]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([1, 1, FLOOD_BYTES]),
)
def test_data_of_a_line_holds_no_lines(events: list[object], least_bytes: int) -> None:
    """Whoever logs a caller's data lets him write no line of his own, and hide none."""
    events *= least_bytes // len(batch(events)) + 1
    body, rules = batch(events), LineRules()

    quick = read_all(body, rules=rules, open_id=FIRST.encode())
    exact = read_exactly(body, rules=rules, open_id=FIRST.encode())

    assert comparable(quick) == comparable(exact)
    lines = [one for item in quick if isinstance(item, (Line, Lines)) for one in events_of(item)]
    assert lines == [one for one in events if one["type"] == "function"]  # type: ignore[index]


def events_of(item: Line | Lines) -> list[object]:
    count = item.count if isinstance(item, Lines) else 1
    return [json.loads(one) for one in split_events(item.raw, count)]


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

        quick = read_all(body, rules=rules, open_id=FIRST.encode())

        assert comparable(quick) == comparable(
            read_exactly(body, rules=rules, open_id=FIRST.encode())
        )


@pytest.mark.parametrize("path", sorted(CAPTURED.glob("*.ndjson")), ids=lambda path: path.stem)
@pytest.mark.parametrize("error_level", [Level.ERROR, OFF])
def test_every_captured_failure_is_found_in_a_batch(path: Path, error_level: int) -> None:
    """Neither way passes by what :func:`look_at` would call a failure."""
    rules = LineRules(error_level=error_level)
    for text in path.read_text(encoding="utf-8").split("\n")[:-1]:
        record = json.loads(text)["record"]
        failure = look_at(record, rules=rules).failure

        items = read_all(batch([line(record)]), rules=rules, open_id=FIRST.encode())

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

    quick = read_all(body, rules=rules, open_id=open_id.encode())
    exact = read_exactly(body, rules=rules, open_id=open_id.encode())

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

        quick = read_all(body, rules=LineRules(), open_id=FIRST.encode())

        assert comparable(quick) == comparable(
            read_exactly(body, rules=LineRules(), open_id=FIRST.encode())
        ), unit
