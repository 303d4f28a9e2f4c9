"""The prefix that a logger writes, and phrases that only look like one.

``logger_lines.ndjson`` has lines that real loggers wrote, with their versions; ``config`` is the format or the formatter. They are
of loggers that ``tests/data`` does not have.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from extension.levels.forms import NOTHING
from extension.levels.grammar import MAX_TOKENS, Grammar
from extension.levels.level import Level
from extension.levels.reading import level_of
from tests.doubles.lambda_events import FIRST


class Row(NamedTuple):
    """A line of ``logger_lines.ndjson``."""

    logger: str
    version: str
    config: str
    level: str
    record: str


ROWS = [
    Row(**json.loads(line))
    for line in (Path(__file__).parent / "logger_lines.ndjson").read_text("utf-8").split("\n")[:-1]
]

WRITTEN: list[tuple[str, Level]] = [
    ("2026-11-28 12:00:00.123 UTC [17] ERROR:  relation does not exist", Level.ERROR),  # PostgreSQL
    ("2026-11-28T12:00:00.123456Z 0 [ERROR] [MY-010123] [Server] m", Level.ERROR),  # MySQL
    ("[2026-11-28 12:00:00] local.ERROR: m {}", Level.ERROR),  # Laravel
    ("2026-11-28 12:00:00 [127.0.0.1][-][-][error][application] m", Level.ERROR),  # Yii
    ("2026-11-28 12:00:00 error: m", Level.ERROR),  # CakePHP
    ("ERROR - 2026-11-28 12:00:00 --> m", Level.ERROR),  # CodeIgniter
    ("12:00:00.123 [error] m", Level.ERROR),  # Elixir
    ("[2026-11-28 12:00:00][shop][Error][host][PID 1] m", Level.ERROR),  # katip
    ("ERR 2026-11-28 12:00:00.123+00:00 m topics=shop", Level.ERROR),  # chronicles
    ("2026-11-28T12:00:00.123Z host ERROR [shop:12] - m", Level.ERROR),  # Timbre
    ("00:17 ERROR: m", Level.ERROR),  # minlog
    ("2026/11/28 12:00:00 [error] 17#17: *1 m", Level.ERROR),  # nginx
    ("[12:00:00 ERR] m", Level.ERROR),  # Serilog
    ("SHOUT: 2026-11-28 12:00:00: m", Level.FATAL),  # Dart
    ("2026-11-28T12:00:00.123456Z E [8:main] Shop -- m", Level.ERROR),  # semantic_logger
    ("ERR! code E17", Level.ERROR),  # npmlog
    ("main  12:00:00 ERROR: m", Level.ERROR),  # sanic
    ("\u274c ERROR m", Level.ERROR),
    ("\u26a0\ufe0f WARNING: m", Level.WARN),
    ("\u2716  error     m", Level.ERROR),  # signale
    ("  ERROR  m", Level.ERROR),  # consola
    ("error: m", Level.ERROR),
    ("fatal: not a git repository", Level.FATAL),
]
"""Of programs that cannot be had here. Nobody captured these lines: they are typed in the forms that are commonly shown."""

HEALTHY = [
    "ERRORS: 0",
    "Errors: none",
    "ERROR=0",
    "ERROR_COUNT 0",
    "Error",
    "errors: 17 -> 0",
    "error rate: 0",
    "warning signs were checked",
    "critical: the path is 17 long",
    "17 ERROR lines",
    "17: ERROR",
    "an ERROR in the middle",
    "orders - ERROR - 0",
    "orders | ERROR | 0",
    "orders\tERROR\t0",
    "[Alert] banner shown",
    "[Panic] button test passed",
    "[Critical] path length is 17",
    "[Fail] 0 of 17 checks",
    "[Error] 0",
    "[main] no ERROR later",
    "[ERRORS] 0",
    "[alert] banner shown",
    "[critical] path",
    "[E] is a vitamin",
    "[17 ERROR] lines",
    "(ERROR) in brackets",
    "<error>0</error>",
    "<ERROR> 0",
    "ALERT banner shown",
    "PANIC button test passed",
    "EMERGENCY exit is open",
    "OK",
    "I am done",
    "FAIL-over was tested",
    "ERROR-free since 2026",
    "ERROR.log was rotated",
    "2026-11-28 12:00:00 error count 0",
    "2026-11-28 12:00:00 errors: 0",
    "2026-11-28 12:00:00 processed, 0 ERROR",
    "2026-11-28 12:00:00 [Alert] banner shown",
    "2026-11-28 12:00:00 E 17",
    "2026-11-28T12:00:00.000Z\torder-17\tfail\t3",
    "2026-11-28,ERROR,17",
    "2026-11-28 12:00:00,ERROR,17",
    "29 Foo 2026 12:00:00 ERROR m",
    "order=17 state=ERROR",
    "order=17 message=m error=none level=info",
    "\u2713 error handling is tested",
    "\u2713 no ERROR",
    "\u2716 0 errors",
    "\u00c9RROR",
    "E=mc2",
    "",
    " ",
    "[",
    "[]",
    "[ERROR",
    "<",
    "---",
    "| ERROR | 0 |",
    ": ERROR",
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.logger} {row.config} {row.level}")
def test_level_of_a_logger_s_line_is_read(row: Row) -> None:
    """Whatever stands before the level, and in whatever order."""
    level = level_of(row.record)

    assert level is not None
    assert level.name == row.level


@pytest.mark.parametrize(("text", "level"), WRITTEN)
def test_level_is_read_where_loggers_put_it(text: str, level: Level) -> None:
    """Behind a time, in brackets, before a colon, or as the first word in capitals."""
    assert level_of(text) is level


@pytest.mark.parametrize("text", HEALTHY)
def test_phrase_that_only_looks_like_a_prefix_has_no_level(text: str) -> None:
    """No message is searched for a level."""
    level = level_of(text)

    assert level is None or level < Level.WARN


@pytest.mark.parametrize(
    ("text", "request_id"),
    [
        (f"2026-11-28 12:00:00 {FIRST} INFO  Handler - m", FIRST),
        (f"2026-11-28 12:00:00 <{FIRST}> INFO  Handler - m", FIRST),
        (f"[2026-11-28 12:00:00] [{FIRST}] INFO m", FIRST),
        (
            f'2026-11-28T12:00:00.000000Z  INFO Lambda runtime invoke{{requestId="{FIRST}"}}: shop: m',
            FIRST,
        ),
        (f"2026-11-28 12:00:00 {FIRST} m", FIRST),
        (f"2026-11-28 12:00:00 INFO m {FIRST}", ""),
        (f"{FIRST} INFO m", ""),
    ],
)
def test_request_id_in_a_prefix_is_read(text: str, request_id: str) -> None:
    """An id in the message names no invocation, and no logger begins with one."""
    assert Grammar(text).read().request_id == request_id


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-28 12:00:00 - shop - INFO - m", "m"),
        ("[2026-11-28 12:00:00] [INFO] shop - m", "shop - m"),
        ("INFO: m", "m"),
        ('2026-11-28 12:00:00 {"a": 1}', '{"a": 1}'),
        ("12:00:00 m", "12:00:00 m"),
    ],
)
def test_message_begins_behind_the_prefix(text: str, message: str) -> None:
    """JSON may stand there."""
    assert text[Grammar(text).read().end :] == message


def test_tokens_before_the_level_are_bounded() -> None:
    """A line of brackets is not read to its end."""
    assert Grammar("[a] " * (MAX_TOKENS - 1) + "ERROR m").read().level is Level.ERROR
    assert Grammar("[a] " * (MAX_TOKENS + 1) + "ERROR m").read() == NOTHING
