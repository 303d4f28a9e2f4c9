"""A line's first bytes: whether there is anything in it to see.

Most lines are dropped, so this is where the cost of a line is decided. Each managed runtime writes a line's level and
its request id at the same place every time, so a few bytes tell that a line is below the level that matters and of
the invocation that is open, or is plain text; whatever they do not tell is left to :mod:`extension.lines`. A line that
is passed by here would be found unremarkable there: the tests hold one against the other on made-up lines.

Pure. Works on the batch's JSON as it came, so quotes and tabs in a line are seen escaped. Assumes the formats of the
runtime interface clients, as :mod:`extension.levels` does.
"""

import re
from collections.abc import Callable
from operator import itemgetter

from .levels import LEVEL_NAMES, Level, level_named

BATCH_BEGIN = b'[{"time":"'
BETWEEN = b'},{"time":"'
FUNCTION = b'","type":"function","record":"'
_BRACE, _BRACKET, _BACKSLASH = b"{[\\"
_DIGITS = frozenset(b"0123456789")

_LEVELS = {word.encode(): level for word, level in LEVEL_NAMES.items()}
_MAX_LEVEL_BYTES = 16

# What makes a text line worth reading although it begins like any other: a runtime's report of an unhandled error
# that is joined to other text, and platform messages. Every rule of ``failures`` that is not found by the first
# bytes of its line needs one of these.
_TELLTALES = (b"Traceback (most recent call last)", b"\\n\\tat ", b"Task timed out after")
_TELLING_STARTS = (b"Error ra", b"Init err", b"RequestI")
_EMF = b"CloudWatchMetrics"

_JSON_LEVEL = re.compile(
    rb'\{ ?(?:\\"(?:timestamp|time|ts|@timestamp)\\": ?(?:\\"[^"\\]*\\"|[0-9.]+), ?)?'
    rb'\\"level\\": ?(?:\\"(\w+)\\"|([0-9]+))'
)
_UUID_BYTES = 36
_TIME_BYTES = 24  # 2026-11-24T12:00:00.000Z

_ID_KEYS = tuple(
    name + between for name in (b"equestId", b"equest_id") for between in (b'\\":\\"', b'\\": \\"')
)

_STRUCTURED = _DIGITS | {_BRACE, _BRACKET}
_BEGINNING = itemgetter(slice(0, 8))
_BRACKETED = itemgetter(slice(0, _MAX_LEVEL_BYTES))
_JSON_BEGINNING = itemgetter(slice(0, 26))
_TABBED_COLUMNS = itemgetter(slice(_TIME_BYTES, _TIME_BYTES + 2 + _UUID_BYTES + 2 + 5))


def telltales_in(body: bytes) -> list[bytes]:
    """Gives those of the telltales that occur anywhere in a batch: lines that hold one are to be looked at."""
    return [needle for needle in (*_TELLTALES, _EMF) if needle in body]


def count_plain(body: bytes, open_id: bytes, careful_from: int) -> int:
    """Counts the lines of a batch that holds nothing but lines with nothing in them to see; 0 for any other.

    A flood comes in such batches, so this is where the cost of a line is decided: no Python runs per line, the batch
    is searched as a whole, and each different beginning is looked at once.
    """
    events = body.count(BETWEEN) + 1
    if careful_from > Level.INFO and body.count(b"Z\\t" + open_id + b"\\t") == events:
        lines_of_python = body.count(FUNCTION + b"[INFO]\\t")
        if lines_of_python < events:
            lines_of_python += body.count(FUNCTION + b"[DEBUG]\\t")
        if lines_of_python == events:
            return events
    if telltales_in(body):
        return 0
    lines = body.split(FUNCTION)
    del lines[0]
    if len(lines) != events:
        return 0
    beginnings = set(map(_BEGINNING, lines))
    firsts = {beginning[0] for beginning in beginnings}
    for beginning in beginnings:
        if beginning[0] not in _STRUCTURED and not is_plain(beginning, 0, open_id, careful_from):
            return 0
    for first in firsts & _STRUCTURED:
        alike = lines if len(firsts) == 1 else [line for line in lines if line[0] == first]
        check = _CHECKS.get(first, _tabbed_are_plain)
        if not check(alike, open_id, careful_from):
            return 0
    return events


def _bracketed_are_plain(lines: list[bytes], open_id: bytes, careful_from: int) -> bool:
    """For ``[LEVEL]`` and what may follow: Python's time and id, or anything."""
    for word in {beginning[1:].partition(b"]")[0] for beginning in set(map(_BRACKETED, lines))}:
        level = _LEVELS.get(word.lower())
        if level is None:
            continue
        if level >= careful_from:
            return False
        close = len(word) + 2
        id_at = close + 4 + _TIME_BYTES
        ids = {
            line[id_at : id_at + _UUID_BYTES]
            for line in lines
            if line.startswith(word, 1) and line[close] == _BACKSLASH
        }
        if not ids <= {open_id}:
            return False
    return True


def _tabbed_are_plain(lines: list[bytes], open_id: bytes, careful_from: int) -> bool:
    """For a time, the id and the level between tabs, as Node.js and .NET write them."""
    for columns in set(map(_TABBED_COLUMNS, lines)):
        if columns.startswith(b"\\t"):
            level = _LEVELS.get(columns[_UUID_BYTES + 4 :].rstrip(b"\\").lower())
            if columns[2 : _UUID_BYTES + 2] != open_id or level is None or level >= careful_from:
                return False
    return True


def _json_are_plain(lines: list[bytes], open_id: bytes, careful_from: int) -> bool:
    """For JSON as text whose level stands first, or right behind a time."""
    for beginning in set(map(_JSON_BEGINNING, lines)):
        if not is_plain(beginning, 0, b"", careful_from):
            return False
    joined = b"".join(lines)
    own = sum(joined.count(key + open_id) for key in _ID_KEYS)
    return joined.count(b"equest") == own or not any(
        b"equest" in line and open_id not in line for line in lines
    )


_CHECKS: dict[int, Callable[[list[bytes], bytes, int], bool]] = {
    _BRACKET: _bracketed_are_plain,
    _BRACE: _json_are_plain,
}


def is_plain(  # noqa: C901, PLR0911 - as above
    piece: bytes, at: int, open_id: bytes, careful_from: int
) -> bool:
    """Tells by a line's first bytes that there is nothing in it to see.

    Args:
        piece: the event's JSON.
        at: where the record's text begins in it.
        open_id: the only request id that may stand in the line.
        careful_from: the level from which on a line is looked at.
    """
    first = piece[at]
    if first == _BRACKET:
        close = piece.find(b"]", at, at + _MAX_LEVEL_BYTES)
        level = _LEVELS.get(piece[at + 1 : close].lower()) if close > 0 else None
        if level is None:
            return True
        if level >= careful_from:
            return False
        if piece[close + 1] != _BACKSLASH:
            return True
        id_at = close + 5 + _TIME_BYTES
        return piece[id_at : id_at + _UUID_BYTES] == open_id
    if first in _DIGITS:
        id_at = at + _TIME_BYTES + 2
        if piece[id_at - 2 : id_at] != b"\\t":
            return True
        if piece[id_at : id_at + _UUID_BYTES] != open_id:
            return False
        word_at = id_at + _UUID_BYTES + 2
        word = piece[word_at : piece.find(b"\\", word_at, word_at + _MAX_LEVEL_BYTES)]
        level = _LEVELS.get(word.lower())
        return level is None or level < careful_from
    if first == _BRACE:
        match = _JSON_LEVEL.match(piece, at)
        if match is None:
            return False
        word, number = match.groups()
        level = _LEVELS.get(word.lower()) if word is not None else level_named(int(number))
        if level is None or level >= careful_from:
            return False
        return (bool(open_id) and open_id in piece) or b"equest" not in piece
    return piece[at + 1 : at + 4] != b", [" and not piece.startswith(_TELLING_STARTS, at)
