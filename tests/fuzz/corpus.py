"""What fuzzers draw from: the lines of ``tests/``, values of JSON, and texts that parsers trip over. Made here, and small."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.doubles.lambda_events import FIRST, SECOND, compact, line
from tests.extension.parsing.lines import REMARKABLE
from tests.extension.parsing.logger_lines import REQUEST_ID, rows
from tests.fuzz.running import pick, some

if TYPE_CHECKING:
    from random import Random

TESTS = Path(__file__).resolve().parents[1]
CAPTURED = TESTS / "captured"

IDS = (REQUEST_ID, FIRST, SECOND, "")

INSERTED = (
    *(" ", "  ", "\t", "\n", "\r", "\ufeff", "\u00a0", "\x1e", "\x1b[31m", "\x1b[0m", "\x00", "é", "\U0001f680"),
    *("[", "]", "{", "}", "(", "<", ">", '"', "'", "\\", ":", "|", ",", "=", "-", " - ", "/", "."),
    *("INFO", "ERROR", "error", "WARN:", "E", "level=", "17", "2026-11-28 ", "12:00:00 ", "null", "undefined"),
    *('{"level":"error"}', '"message":"', '"level":"', '"requestId":"', '{"errorMessage":"', "\n\n", "\n   at "),
)  # fmt: skip
"""What mutations put into a line."""

ODD_TEXTS = (
    *("", " ", "\x00", "\u2028", "\x85", "\ud800", "\udc00x", "\U0001f680", "é" * 20, "\\", '"', "\n", "\r\n", "\x7f"),
    *("</Code>", "{{", "[" * 30, "%s%(x)b", "NaN", "-0", "1e999", "0x10", "null", "true", "[REDACTED]", "a" * 300),
)  # fmt: skip

ODD_NUMBERS = (
    0,
    -1,
    1,
    50,
    400,
    2**31,
    2**53 + 1,
    -(2**63),
    2**64,
    10**25,
    10**310,
    0.5,
    -0.0,
    1e300,
)

NAMES = (
    *("level", "message", "msg", "requestId", "AWSRequestId", "time", "type", "record", "timestamp", "error"),
    *("_aws", "CloudWatchMetrics", "traceId", "correlationId", "a", "", "é", "log.level", "severity", "stack"),
    *("errorType", "errorMessage", "metrics", "status", "items", "context", '"', "tracing", "value"),
)  # fmt: skip

NESTED_EVENT: dict[str, object] = {
    "time": "2020-01-01T00:00:00.000Z",
    "type": "function",
    "record": {"level": "INFO", "message": "FORGED"},
}
"""An event as a function may log one: what stands between events of a batch then also stands within one."""


@cache
def records() -> tuple[object, ...]:
    """Return the records of all rows, each once."""
    found = [row.record for row in rows()] + REMARKABLE + prefixed()
    for path in sorted(CAPTURED.glob("*.ndjson")):
        texts = path.read_text(encoding="utf-8").split("\n")[:-1]
        found += [json.loads(text)["record"] for text in texts]
    return tuple({json.dumps(record): record for record in found}.values())


@cache
def events() -> tuple[bytes, ...]:
    """Return the same as events of a batch."""
    return tuple(event_of(record) for record in records())


def event_of(record: object) -> bytes:
    """Write a record as an event of a batch, as Lambda does: in UTF-8, which has no half of a surrogate pair."""
    return compact(line(record)).decode("utf-8", "replace").encode()


def prefixed() -> list[object]:
    """Return the lines of ``tests/extension/levels``."""
    path = TESTS / "extension" / "levels" / "logger_lines.ndjson"
    return [json.loads(text)["record"] for text in path.read_text("utf-8").split("\n")[:-1]]


@cache
def beginnings() -> tuple[str, ...]:
    """Return the beginnings of the texts, in which their prefixes are."""
    return tuple(sorted({record[:60] for record in records() if isinstance(record, str)}))


def mutated(random: Random, record: object) -> object:
    """Return a record with one or two changes."""
    is_text = isinstance(record, str)
    text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
    for _ in range(1 + int(random.random() * 2)):
        at = int(random.random() * min(len(text) + 1, pick(random, (10, 80, 4000))))
        kind = int(random.random() * 6)
        if kind == 0:
            text = pick(random, beginnings())[: 1 + int(random.random() * 60)] + text
        elif kind == 1:
            text = text[:at] + pick(random, INSERTED) + text[at:]
        elif kind == 2:
            text = pick(random, INSERTED) + text
        elif kind == 3:
            text = text[:at]
        elif kind == 4:
            text = text[at:]
        else:
            text = text.replace(pick(random, IDS[:-1]), pick(random, IDS))
    if is_text:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def text(random: Random) -> str:
    """Return a text: odd, of a logger, or of a few letters."""
    kind = random.random()
    if kind < 0.3:
        return "".join(some(random, ODD_TEXTS, most=3))
    if kind < 0.5:
        return pick(random, beginnings()) + pick(random, INSERTED)
    return "".join(some(random, INSERTED, most=8))


def value(random: Random, depth: int = 3) -> Any:
    """Return a value of JSON."""
    kind = random.random()
    if depth and kind < 0.3:
        return {
            pick(random, NAMES): value(random, depth - 1) for _ in range(int(random.random() * 4))
        }
    if depth and kind < 0.4:
        return [value(random, depth - 1) for _ in range(int(random.random() * 4))]
    if kind < 0.8:
        return text(random)
    if kind < 0.9:
        return pick(random, ODD_NUMBERS)
    return pick(random, (None, True, False, "INFO", "ERROR", FIRST))


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Return bytes with a few of them replaced; each edit is a place, how many bytes go, and what comes."""
    for at, gone, new in edits:
        place = at % (len(data) + 1)
        data = data[:place] + new + data[place + gone :]
    return data


JUNK = (
    *(b"", b"\x00", b"\xff", b"\r\n", b"\r", b"\n", b"\r\n\r\n", b" ", b":", b"0", b"-1", b"ffffffff", b"1" * 25, b'"'),
    *(b"}", b"{", b"]", b"[", b",", b"\\", b"\\u", b"\xed\xa0\x80", b"},{", b"<Code>", b"NaN", b"1e400", b'"}', b"1" * 400),
)  # fmt: skip


def edits(random: Random, *, most: int = 3) -> list[tuple[int, int, bytes]]:
    """Return edits for :func:`edited`."""
    return [
        (int(random.random() * 5000), pick(random, (0, 0, 1, 2, 40)), pick(random, JUNK))
        for _ in range(1 + int(random.random() * most))
    ]
