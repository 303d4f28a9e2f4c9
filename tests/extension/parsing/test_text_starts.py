"""What the first bytes of text lines tell, and what is remembered of them."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.levels.level import Level
from extension.levels.reading import read
from extension.parsing import text_starts
from extension.parsing.text_starts import (
    MAX_REMEMBERED,
    START,
    lines_are_plain,
    may_begin_prefix,
)
from tests.doubles.lambda_events import FIRST, SECOND, TIME, node_line, python_line
from tests.extension.parsing.lines import REMARKABLE
from tests.extension.parsing.logger_lines import rows

pytestmark = pytest.mark.every_python

OPEN = FIRST.encode()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    text_starts._harmless_starts.clear()
    text_starts._judged.clear()


def as_sent(text: str) -> bytes:
    """Write a line as it stands in a batch, from behind its opening quote on."""
    return json.dumps(text, ensure_ascii=False).encode()[1:] + b"}]"


def are_plain(*texts: str, open_id: bytes = OPEN, careful_from: int = Level.ERROR) -> bool:
    lines = list(map(as_sent, texts))
    return lines_are_plain(lines, set(map(START, lines)), open_id, careful_from)


PLAIN = [
    "",
    "printed\n",
    "order 17 stored",
    "2 orders",
    "17 orders stored",
    "123456 orders stored",
    "Error handling is tested",
    "Critical paths are short",
    "Request 17 is in",
    "RequestId is not known",
    "thread is done",
    "No publisher",
    "AWS is reached",
    "ERRORS: 0",
    "[shop] order 17 stored",
    "[topic] banner shown",
    "<b>bold</b>",
    "\u00c9clair",
    "\u2713 order 17 stored",
    "\U0001f680 AWS is reached",
    "\u2705\u2705 done",
    '"quoted"',
    "  indented",
    "a=1 b=2",
    "order=17 stored",
    "2026-11-28 12:00:00 order 17 stored",
    "2026-11-28 12:00:00,123 - shop - INFO - m",
    "2026/11/28 12:00:00 order 17 stored",
    f"2026-11-28 12:00:00 {FIRST} INFO  Handler - order 17 stored",
    "INFO:shop:order 17 stored",
    "[INFO] order 17 stored",
    python_line("order 17 stored"),
    python_line("order 17 stored", level="WARNING"),
    node_line("order 17 stored"),
    node_line("[shop] order 17 stored", level="WARN"),
    node_line("INFO: order 17 stored"),
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_line_is_passed(text: str) -> None:
    """Alone, and a second time, when its beginning is remembered."""
    assert are_plain(text)
    assert are_plain(text, text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            one
            for one in REMARKABLE
            if isinstance(one, str) and "Traceback" not in one and "\n\tat" not in one
        ),
        "ERROR: m",
        "ERROR-=m",
        "error: m",
        "[ERROR] m",
        "[ERROR shop] m",
        "[error] m",
        "<3>m",
        "2026-11-28 12:00:00 ERROR m",
        "2026-11-28 12:00:00 [Error] m",
        "20261128 12:00:00 ERROR m",
        "1795894337.123 ERROR m",
        "28.11.2026 12:00:00 ERROR m",
        "Sat, 28 Nov 2026 12:00:00 GMT ERROR m",
        "Nov 28 12:00:00 host shop[8]: ERROR m",
        "0    [main] ERROR shop - m",
        "E1128 12:00:00.123456 8 shop.go:17] m",
        "level=error msg=m",
        "at=ERROR msg=m",
        "main  12:00:00 ERROR: m",
        "\u2716  error     m",
        "\u274c ERROR m",
        "\x1b[31mERROR\x1b[0m m",
        "a\x1b[31mERROR",
        "2026-11-28 19:49:10 a shop\x1b[1m[8] ERROR",
        "  ERROR  m",
        "\ufeff{}",
        "\u00a0ERROR: m",
        "\\u001b",
        node_line("error: m"),
        node_line('{"level":"error"}'),
        node_line("m", request_id=SECOND),
        f"2026-11-28 12:00:00 {SECOND} INFO  Handler - m",
        f"[INFO]\t{TIME}\t{SECOND}\tm",
        '{"level":"info"}',
        '2026-11-28 12:00:00 {"level":"error"}',
        'INFO: {"level":"error"}',
        "thread 'main' (8) panicked at src/main.rs:33:20:",
        "No public method named m with appropriate method signature found on class shop.Plain",
    ],
)
def test_line_that_may_matter_is_refused(text: str) -> None:
    """Alone, and between plain ones: by its level, its id, or because it may be JSON."""
    assert not are_plain(text)
    assert not are_plain("order 17 stored", text, python_line("m"))
    assert not are_plain(python_line("m"), text)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (python_line("m"), Level.INFO),
        (python_line("m", level="WARNING"), Level.WARN),
        (node_line("m", level="WARN"), Level.WARN),
        ("2026-11-28 12:00:00 INFO order 17 stored", Level.INFO),
        ("INFO: order 17 stored", Level.INFO),
    ],
)
def test_line_is_refused_from_its_own_level_on(text: str, level: Level) -> None:
    """ERROR_LEVEL may be lower."""
    assert are_plain(text, careful_from=level + 1)
    assert not are_plain(text, careful_from=level)


def test_no_id_is_passed_without_an_open_invocation() -> None:
    """Before the first start, every id is somebody else's."""
    assert not are_plain(python_line("m"), open_id=b"")
    assert not are_plain(node_line("m"), open_id=b"")
    assert are_plain("order 17 stored", open_id=b"")


def test_beginning_is_asked_for_by_its_first_bytes() -> None:
    """The reader of JSON lines asks so, for what stands in ``message``."""
    assert may_begin_prefix(b"ERROR: m")
    assert may_begin_prefix(b"{}")
    assert not may_begin_prefix(b"order 17 stored")
    assert not may_begin_prefix(b'"')


def test_what_is_remembered_is_bounded() -> None:
    """A function that begins each line in another way costs time, and no memory."""
    for number in range(0, 3 * MAX_REMEMBERED, 100):
        numbers = range(number, number + 100)
        assert are_plain(*(f"INFO: o{one:05d} stored" for one in numbers))
        assert are_plain(*(f"o{one:05d} stored" for one in numbers))
        assert text_starts._harmless_starts
        assert len(text_starts._harmless_starts) <= MAX_REMEMBERED + 100
        assert len(text_starts._judged) <= MAX_REMEMBERED + 1
    assert text_starts._judged


_TEXTS = st.sampled_from([*PLAIN, *(row.record for row in rows() if isinstance(row.record, str))])


@given(st.lists(_TEXTS, min_size=1, max_size=5), st.lists(_TEXTS, max_size=20))
def test_memory_of_beginnings_changes_no_answer(texts: list[str], before: list[str]) -> None:
    """A batch is judged alike whatever came before it."""
    text_starts._harmless_starts.clear()
    text_starts._judged.clear()
    first = are_plain(*texts)

    for text in before:
        are_plain(text)

    assert are_plain(*texts) is first


@given(st.lists(_TEXTS, min_size=1, max_size=4), st.sampled_from([Level.ERROR, Level.WARN]))
def test_lines_that_pass_have_no_level_and_no_other_id(texts: list[str], careful_from: int) -> None:
    """An exact reading of each agrees."""
    if are_plain(*texts, careful_from=careful_from):
        readings: list[Any] = [read(text) for text in texts]

        assert all(one.level is None or one.level < careful_from for one in readings)
        assert all(set(one.request_ids) <= {FIRST} for one in readings)
        assert not any(one.objects for one in readings)
