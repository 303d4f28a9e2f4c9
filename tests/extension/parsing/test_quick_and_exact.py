"""The quick way and the exact way through a batch, held against each other on real lines.

The lines are those of ``tests/data`` and ``tests/captured``. ``tests/fuzz/batches.py`` does the same with mutations of them.
"""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from extension.levels.level import OFF, Level
from extension.model.segment import split_events
from extension.parsing.batch import FLOOD_BYTES, Line, Lines
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
from tests.extension.parsing.lines import read_all, read_exactly
from tests.extension.parsing.logger_lines import REQUEST_ID
from tests.fuzz.batches import comparable
from tests.fuzz.corpus import CAPTURED, records

pytestmark = pytest.mark.newest

BEFORE = ("", "  ", "[shop] ", "2026-11-28 12:00:00 ", "\u2716 ", "INFO: ", node_line("")[:-1])

EVENTS: tuple[Any, ...] = (start(REQUEST_ID), start(SECOND), done(), report())


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


@pytest.mark.timeout(1800)  # for ./build.sh fuzz --properties; an ordinary run takes seconds
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


@pytest.mark.parametrize("as_object", [False, True])
@pytest.mark.parametrize("error_level", [Level.WARN, Level.ERROR])
@pytest.mark.parametrize("first", ["info", "warn", "fatal"])
@pytest.mark.parametrize("second", ["info", "warn", "fatal"])
def test_level_that_is_named_twice_is_read_alike(
    first: str, second: str, error_level: Level, *, as_object: bool
) -> None:
    """The first one counts (zap, zerolog), whether the line is passed by or decoded, in a batch or alone."""
    rules = LineRules(error_level=error_level)
    twice = '{"level":"%s","msg":"m","level":"%s"}' % (first, second)  # noqa: UP031 - braces
    text = twice if as_object else json.dumps(twice)
    found = b'{"time":"2026-10-12T00:01:15.123Z","type":"function","record":%b}' % text.encode()
    healthy = found.replace(second.encode(), b"info").replace(first.encode(), b"info")
    is_failure = Level[first.upper()] >= error_level

    for body in (
        b"[%b]" % found,
        b"[%b,%b]" % (healthy, found),
        b"[%b, %b]" % (healthy, found),
    ):
        quick = read_all(body, rules=rules, open_id=FIRST.encode())
        exact = read_exactly(body, rules=rules, open_id=FIRST.encode())

        assert comparable(quick) == comparable(exact)
        failures = [one for one in quick if isinstance(one, Line) and one.facts.failure]
        assert len(failures) == is_failure


@pytest.mark.parametrize("separator", [b",", b", ", b",\n", b"\n,"])
@pytest.mark.parametrize("flood_bytes", [1, FLOOD_BYTES])
def test_events_are_told_apart_whatever_stands_between_them(
    separator: bytes, flood_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda writes a comma alone. If it ever writes more, no failure is passed by and each line is counted."""
    monkeypatch.setattr("extension.parsing.batch.FLOOD_BYTES", flood_bytes)
    records = ["a", {"level": "INFO", "message": "m"}, '{"level":"INFO"}', {"level": "ERROR"}]
    for some in permutations(records):
        parts = [batch([line(one)])[1:-1] for one in some]

        items = read_all(b"[%b]" % separator.join(parts), rules=LineRules(), open_id=FIRST.encode())

        assert sum(one.count if isinstance(one, Lines) else 1 for one in items) == len(some)
        assert [one.raw for one in items if isinstance(one, Line)] == [
            part for part, one in zip(parts, some, strict=True) if one == records[-1]
        ]


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
