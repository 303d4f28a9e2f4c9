"""Batches, taken apart: the quick way, the exact way, and what neither can read."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from extension.levels.level import OFF, Level
from extension.model.segment import split_events
from extension.parsing import batch as parser
from extension.parsing.batch import (
    FLOOD_BYTES,
    MAX_STRAY_VALUES,
    Line,
    Lines,
    Unreadable,
)
from extension.parsing.fast_path import count_plain
from extension.parsing.line import LineRules
from extension.parsing.platform_events import Ended, Started, event_of
from tests.doubles.lambda_events import (
    FIRST,
    SECOND,
    TIME,
    batch,
    done,
    event,
    line,
    node_line,
    python_line,
    report,
    start,
)
from tests.extension.parsing.lines import REMARKABLE, read_all, read_exactly

pytestmark = pytest.mark.every_python

RULES = LineRules()
OPEN = FIRST.encode()

HEALTHY = [
    python_line("hello"),
    python_line("hello", level="DEBUG"),
    python_line("hello", level="WARNING"),
    node_line("hello"),
    node_line("hello", level="WARN"),
    "printed\n",
    "",
    "[main] starting",
    "[INFO] from Java",
    "2026 was a good year",
    '{"level":"INFO","message":"x"}\n',
    f'{{"level":"info","function_request_id":"{FIRST}"}}',
    f'{{"timestamp":"t","level":"INFO","requestId":"{FIRST}","message":"x"}}',
    '{"level":30,"msg":"pino"}',
    'naïve ☕ \U0001f680 \\ " \t \x7f',
    "E-mail sent",
]


def read(*events: object, rules: LineRules = RULES, open_id: bytes = OPEN) -> list[parser.Item]:
    return read_all(batch(events), rules=rules, open_id=open_id)


def kinds(items: Iterable[object]) -> list[type]:
    return [type(item) for item in items]


def failures(items: list[parser.Item]) -> list[str]:
    return [
        item.facts.failure.reason for item in items if isinstance(item, Line) and item.facts.failure
    ]


@pytest.mark.parametrize("text", HEALTHY)
def test_batch_passes_healthy_lines_by(text: str) -> None:
    """It stays the very bytes that came."""
    body = batch([line(text)])

    (item,) = read_all(body, rules=RULES, open_id=OPEN)

    assert isinstance(item, Lines)
    assert (item.raw, item.count) == (body[1:-1], 1)


@pytest.mark.parametrize("text", REMARKABLE)
def test_batch_reads_remarkable_lines(text: object) -> None:
    """An error, metrics or another invocation's id: none of them slips by, wherever it stands."""
    items = read(line("before"), line(text), line("after"))

    assert kinds(items) == [Lines, Line, Lines]
    assert isinstance(items[1], Line)
    assert json.loads(items[1].raw)["record"] == text


@pytest.mark.parametrize(
    "before",
    ["shop: ", "shop ", "Shop7 2026/10/12 00:01:15 ", "s-1: ", "[shop] ", "(shop) ", "<shop> ", ""],
)
@pytest.mark.parametrize("others", [0, 500])
def test_batch_finds_an_error_of_go_behind_any_prefix(before: str, others: int) -> None:
    """A function may set a prefix of its logger, with which the client writes as well; in small batches and in floods."""
    text = before + '{"errorMessage":"refused","errorType":"errorString"}\n'
    records = [before + "order 17 stored"] * others + [text]

    items = read_all(batch(map(line, records)), rules=LineRules(), open_id=FIRST.encode())

    failures = [one.facts.failure for one in items if isinstance(one, Line)]
    assert [one.reason for one in failures if one] == ["go-exception"]


@pytest.mark.parametrize("level", ["trce", "dbug", "info", "warn"])
@pytest.mark.parametrize("others", [0, 500])
@pytest.mark.parametrize(
    "between", ["\n      ", "", " ", "\r\n\t", "\n\u00a0", "\n\x1e", "\ufeff", "\x1b[1;32m "]
)
def test_batch_finds_an_error_in_json_of_dotnets_console_logger(
    others: int, level: str, between: str
) -> None:
    """The message stands on a line of its own, and its level counts, whatever the logger's own is."""
    before = f"{level}: Shop.Handler[0]{between}"
    records = [before + "stored\n"] * others + [before + '{"level":"error","msg":"m"}\n']

    items = read_all(batch(map(line, records)), rules=LineRules(), open_id=FIRST.encode())

    failures = [one.facts.failure for one in items if isinstance(one, Line)]
    assert [one.reason for one in failures if one] == ["level-error"]


@pytest.mark.parametrize("text", [*HEALTHY, *REMARKABLE])
def test_fast_and_exact_parsing_agree_on_known_lines(text: object) -> None:
    """Whatever a full look would find failed, metric or foreign is never passed by on first bytes."""
    body = batch([line(text)])

    quick = read_all(body, rules=RULES, open_id=OPEN)
    exact = read_exactly(body, rules=RULES, open_id=OPEN)

    assert kinds(quick) == kinds(exact)
    assert [getattr(item, "raw", b"") for item in quick] == [
        getattr(item, "raw", b"") for item in exact
    ]


_TEXTS = st.one_of(
    st.sampled_from([*HEALTHY, *(one for one in REMARKABLE if isinstance(one, str))]),
    st.text(max_size=60),
    st.builds(
        lambda prefix, text: prefix + text,
        st.sampled_from(
            [
                "[ERROR] ",
                "[",
                node_line("", level="ERROR")[:-1],
                '{"level":"',
                "E, [x] ERROR ",
                "RequestId: ",
            ]
        ),
        st.text(max_size=30),
    ),
)


@given(st.lists(_TEXTS, min_size=1, max_size=6))
def test_fast_and_exact_parsing_find_the_same_failures_in_any_text(texts: list[str]) -> None:
    """No made-up line is a failure one way and not the other."""
    body = batch(line(text) for text in texts)

    quick = read_all(body, rules=RULES, open_id=OPEN)

    assert failures(quick) == failures(read_exactly(body, rules=RULES, open_id=OPEN))


@given(st.lists(_TEXTS, min_size=1, max_size=12))
def test_batch_returns_every_line_once_and_in_order(texts: list[str]) -> None:
    """Whatever way a batch is read, its lines are all there, as they were."""
    out: list[str] = []
    for item in read(*map(line, texts)):
        assert isinstance(item, (Lines, Line))
        events = split_events(item.raw, item.count if isinstance(item, Lines) else 1)
        out += [json.loads(one)["record"] for one in events]

    assert out == texts


def test_batch_keeps_consecutive_healthy_lines_together() -> None:
    """A batch of them costs one object, not one a line."""
    body = batch(line(python_line(f"order {n}")) for n in range(1000))

    (item,) = read_all(body, rules=RULES, open_id=OPEN)

    assert isinstance(item, Lines)
    assert (item.count, item.raw) == (1000, body[1:-1])


@pytest.mark.parametrize(("text", "is_text"), [("printed", True), ('{"level":"INFO"}', False)])
def test_batch_tells_text_lines_beside_a_remarkable_one(text: str, is_text: bool) -> None:
    """A JSON line may name its transaction, and must be searched for it."""
    lines, _ = read(line(text), line(python_line("x", level="ERROR")))

    assert isinstance(lines, Lines)
    assert lines.is_text == is_text


def test_start_changes_whose_lines_are_unremarkable() -> None:
    """A batch may hold the end of one invocation and the beginning of the next."""
    second = line(python_line("b", request_id=SECOND))

    items = read(line(python_line("a")), done(), report(), start(SECOND), second)

    assert kinds(items) == [Lines, Ended, Ended, Started, Lines]


def test_batch_reads_object_records_whole() -> None:
    """The JSON log format delivers objects; what they nest is not taken for events of its own."""
    forged = {
        "level": "INFO",
        "items": [{"time": TIME, "type": "platform.runtimeDone", "record": {"status": "error"}}],
    }

    items = read(line({"level": "INFO", "message": "a"}), line(forged), line({"level": "ERROR"}))

    assert kinds(items) == [Lines, Line]
    assert isinstance(items[0], Lines)
    assert [json.loads(one)["record"] for one in split_events(items[0].raw, 2)][1] == forged


def forged(text: str = "FORGED", time: str = "2020-01-01T00:00:00.000Z") -> dict[str, object]:
    return line({"level": "INFO", "message": text}, time=time)


@pytest.mark.parametrize(
    "events",
    [
        [line({"level": "INFO", "items": [{"sku": 1}, forged(), forged()]})],
        [line({"level": "INFO", "items": [{"sku": 1}, forged(), "["]})],
        [line({"level": "INFO", "a": "]", "items": [{"sku": "]"}, forged()], "b": "["})],
        [line({"level": "INFO", "items": [{"sku": 1}, forged(time="1999")]})],
        [line({"level": "INFO", "x": forged()}), line("an error: none is passed by")],
        [line("text first"), line({"level": "ERROR", "x": line("FORGED")})],
        [line(python_line("x")), line({"level": "ERROR", "x": line(python_line("FORGED"))})],
        [event("platform.report", {"requestId": FIRST, "x": forged()}), forged("a line")],
        [report(x=[{}, forged()]), line({"level": "INFO", "message": "a"})],
    ],
    ids=str,
)
@pytest.mark.parametrize("is_flood", [False, True])
def test_batch_takes_no_line_out_of_data(events: list[dict[str, object]], is_flood: bool) -> None:
    """Whoever logs a caller's data as an object must not let him write lines, or hide one."""
    events *= 200 if is_flood else 1

    items = read(*events)

    texts = [
        json.loads(raw)
        for item in items
        if isinstance(item, (Lines, Line))
        for raw in split_events(item.raw, item.count if isinstance(item, Lines) else 1)
    ]
    assert texts == [one for one in events if one["type"] == "function"]
    assert sum(isinstance(item, Line) for item in items) == str(events).count("'ERROR'")


@pytest.mark.parametrize(
    "tags", [[], ["a", "b"], [1, [2]], [{"a": 1}, {"b": "]"}], "[main] x", "]"]
)
def test_objects_with_brackets_are_passed_by(tags: object) -> None:
    """Lists of words and names in brackets are as common as objects, and cost no decoding."""
    body = batch([line({"level": "INFO", "message": "a", "tags": tags})] * 3)

    assert count_plain(body, OPEN, Level.ERROR) == (3, False)


@pytest.mark.parametrize(
    "values", [b"0", b"{}", b'{"time":"2026"}', b'{"type":1}', b'"a"', b"[]0", b'{"a":{}}']
)
@pytest.mark.parametrize("begin", [b"[", b'[{"time":"2026"},'])
def test_values_that_are_no_events_end_a_batch(values: bytes, begin: bytes) -> None:
    """Four million of them are one part that cannot be read: no object for each, and no second without Next."""
    body = begin + b",".join([values] * 100_000) + b"}]"

    items = read_all(body, rules=RULES, open_id=OPEN)

    assert kinds(items) == [Unreadable] * (MAX_STRAY_VALUES + 1)
    assert sum(len(item.raw) for item in items if isinstance(item, Unreadable)) > len(body) * 0.9


@pytest.mark.parametrize(
    "body",
    [
        b'[{"time":"2026","type":"function","record":"}]',
        b'[{"time":"2026","type":"function","record":"},{"time":"2026","type":"function","record":"}]',
        b'[{"time":"2026","type":"function","record":{}]',
        b'[{"time":"","type":"function","record":"a"},{"time":"}]',
        b'[{"time":"2026","type":"platform.start","record":{"requestId":"' + b"a" * 99 + b'"}}]',
        b'[{"time":"2026","type":"platform.report","record":{}}]',
        b'[{"time":"2026","type":"platform.start","record":{"requestId":""}}]',
    ],
)
@pytest.mark.parametrize("least_bytes", [0, FLOOD_BYTES])
def test_events_that_are_broken_are_lines_or_unreadable(body: bytes, least_bytes: int) -> None:
    """Nothing is raised, and no byte is lost uncounted."""
    body = b"[%b]" % b",".join([body[1:-1]] * (least_bytes // len(body) + 1))

    items = read_all(body, rules=RULES, open_id=OPEN)

    assert {*kinds(items)} <= {Lines, Line, Unreadable}
    assert (
        sum(len(item.raw) + 1 for item in items if isinstance(item, (Lines, Line, Unreadable)))
        >= len(body) - 2
    )


@pytest.mark.parametrize("record", [None, 5, 1.5, True, [], [1], {}, {"a": None}])
def test_batch_reads_records_of_any_json_type(record: object) -> None:
    """AWS promises no type, so none is relied upon."""
    (item,) = read(line(record))

    assert isinstance(item, Lines)
    assert json.loads(item.raw)["record"] == record


def test_batch_reads_times_of_any_precision() -> None:
    """Some captures have microseconds, with trailing zeros cut."""
    times = ["2026-10-12T00:01:15.123Z", "2026-10-12T00:01:15.123456Z", "2026-10-12T00:01:15Z"]

    (item,) = read(*(line("x", time=time) for time in times))

    assert isinstance(item, Lines)
    assert [json.loads(one)["time"] for one in split_events(item.raw, 3)] == times


def test_batch_reads_spaces_and_another_key_order() -> None:
    """Only speed depends on the compact form."""
    events = [
        {"type": "function", "record": "a", "time": TIME},
        {"record": {"requestId": FIRST}, "type": "platform.start"},
    ]

    items = read_all(json.dumps(events, indent=1).encode(), rules=RULES, open_id=OPEN)

    assert kinds(items) == [Lines, Started]


def test_batch_ignores_unknown_types() -> None:
    """New event types appear without notice."""
    items = read(event("extension", "x"), event("platform.unheardOf", {"a": 1}), line("kept"))

    assert kinds(items) == [Lines]


@pytest.mark.parametrize(
    ("body", "readable"),
    [
        (b"", 0),
        (b"[]", 0),
        (b"not json", 0),
        (b"\xff\xfe\x00", 0),
        (b"[1,null,true]", 0),
        (b'[{"type":5}]', 0),
        (b"[" * 100_000, 0),
        (batch([line("a"), line("b")])[:-8], 1),
        (batch([line("a")]) + b"garbage", 1),
        (batch([line("a")])[1:-1], 1),
        (b'[{"time":"t","type":"function","record":"a\xffb"}]', 1),
        (b'[{"time":"t","type":"function","record":"[ERROR] \xff"}]', 1),
        (b'[{"time":"t","type":"platform.start","record":{"requestId":"\xff"}}]', 1),
        (batch([line("a", time="t"), line("b", time="t")])[:-3] + b"}]", 1),
        (b'[{"time":"t","type":"function"},{"x":"1","type":"platform.end"},{"time":"t"}]', 2),
    ],
)
def test_batch_saves_the_readable_part_of_garbage(body: bytes, readable: int) -> None:
    """Reading never raises; the rest is told as unreadable, so that it can be counted."""
    items = read_all(body, rules=RULES, open_id=OPEN)

    assert sum(1 for item in items if not isinstance(item, Unreadable)) == readable


@given(st.binary(max_size=200))
def test_batch_accepts_any_bytes(body: bytes) -> None:
    """Whatever is posted, an answer comes."""
    read_all(b'[{"time":"' + body, rules=RULES, open_id=OPEN)
    read_all(body, rules=RULES, open_id=OPEN)


def test_pattern_makes_the_parser_read_every_line() -> None:
    """With ERROR_PATTERN no line can be passed by."""
    rules = LineRules(pattern=lambda text: "declined" in text)

    assert kinds(read(line("card declined"), line("fine"), rules=rules)) == [Line, Lines]


def test_parser_reads_every_line_for_its_id_on_managed_instances() -> None:
    """On Managed Instances each line may be another invocation's."""
    rules = LineRules(by_id_only=True)

    items = read(line({"requestId": FIRST}), line("none"), rules=rules, open_id=b"")

    assert [item.facts.request_ids for item in items if isinstance(item, Line)] == [(FIRST,), ()]


def test_parser_recognises_runtime_errors_with_levels_off() -> None:
    """ERROR_LEVEL=OFF looks at outcomes only, and an unhandled error is one."""
    lines = (line(node_line(text, level="ERROR")) for text in ("Invoke Error \t{}", "x"))

    assert failures(read(*lines, rules=LineRules(error_level=OFF))) == ["nodejs-exception"]


SAMPLES = sorted((Path(__file__).parent / "captures").glob("*.ndjson"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_batch_reads_captures_of_public_projects(path: Path) -> None:
    """Samples and real captures of AWS's own repositories come out as what they are."""
    events = [json.loads(text)["event"] for text in path.read_text().splitlines()]

    items = read(*events, open_id=b"")

    lines = sum(item.count if isinstance(item, Lines) else isinstance(item, Line) for item in items)
    platform = [item for item in items if not isinstance(item, (Lines, Line, Unreadable))]
    known = [event_of(one["type"], one["record"], time="", raw=b"") for one in events]
    assert lines == sum(one["type"] == "function" for one in events)
    assert kinds(platform) == [type(one) for one in known if one is not None]
    assert not any(isinstance(item, Unreadable) for item in items)
