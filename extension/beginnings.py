"""A line's first bytes: whether there is anything in it to see.

Most lines are dropped, so this is where the cost of a line is decided. Each managed runtime writes a line's level and
its request id at the same place every time, so a few bytes tell that a line is below the level that matters and of
the invocation that is open, or is plain text; whatever they do not tell is left to :mod:`extension.lines`. A line that
is passed by here would be found unremarkable there: the tests hold one against the other on made-up lines.

Pure. Works on the batch's JSON as it came, so quotes and tabs in a line are seen escaped. Assumes the formats of the
runtime interface clients, as :mod:`extension.levels` does.
"""

import re
from operator import itemgetter

from .levels import LEVEL_NAMES, Level, level_named

BATCH_BEGIN = b'[{"time":"'
BETWEEN = b'},{"time":"'
FUNCTION = b'","type":"function","record":"'
FUNCTION_OBJECT = b'","type":"function","record":{'
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

_STRUCTURED = _DIGITS | {_BRACE, _BRACKET}
_SUSPECTS = frozenset(b"EIRDWFA")
"""First letters of the telling starts, and of Ruby's ``E, [...``; other letters begin nothing that is looked for."""
_FIRST_BYTE = itemgetter(0)
_BRACKETED = itemgetter(slice(0, _MAX_LEVEL_BYTES))
_TABBED_COLUMNS = itemgetter(slice(_TIME_BYTES, _TIME_BYTES + 2 + _UUID_BYTES + 2 + 5))
_MAX_TIME_BYTES = _TIME_BYTES + 10
"""How far a time may reach that a tab and an id follow; Node.js's and .NET's have ``_TIME_BYTES``."""
_LEVEL_WINDOW_BYTES = 28
"""Holds ``,"level":"Information"`` with escaped quotes."""


class _JsonForm:
    """What is looked for in JSON lines, with their quotes as they stand in the batch.

    Attributes:
        begin: where a line's first key stands.
        brace: what precedes that key in the batch.
        time: how a line begins whose time stands first; a space may follow.
        level: the level, at the place where it is expected.
        ids: what a request id's own key looks like up to its value.
    """

    __slots__ = ("begin", "brace", "ids", "level", "quote", "time")

    def __init__(self, quote: bytes, *, begin: int, brace: bytes) -> None:
        self.quote = quote
        self.begin = begin
        self.brace = brace
        self.time = quote + b"timestamp" + quote + b":"
        key, value = re.escape(quote + b"level" + quote + b":"), re.escape(quote)
        self.level = re.compile(rb"(?:, ?)?%s ?%s(\w+)%s" % (key, value, value))
        names = (b"equestId", b"equest_id")
        self.ids = [name + quote + colon + quote for name in names for colon in (b":", b": ")]


_AS_TEXT = _JsonForm(b'\\"', begin=1, brace=b'"{')
_AS_OBJECT = _JsonForm(b'"', begin=0, brace=FUNCTION_OBJECT)


def telltales_in(body: bytes) -> list[bytes]:
    """Gives those of the telltales that occur anywhere in a batch: lines that hold one are to be looked at."""
    return [needle for needle in (*_TELLTALES, _EMF) if needle in body]


def count_plain(body: bytes, open_id: bytes, careful_from: int) -> int:
    """Counts the lines of a batch that holds nothing but lines with nothing in them to see; 0 for any other.

    A flood comes in such batches, so this is where the cost of a line is decided: no Python runs per line, the batch
    is searched as a whole, and each different beginning is looked at once.
    """
    events = body.count(BETWEEN) + 1
    if careful_from > Level.INFO and _are_all_pythons(body, open_id, events):
        return events
    lines = body.split(FUNCTION)
    check = _texts_are_plain
    if len(lines) == 1:
        lines = body.split(FUNCTION_OBJECT)
        check = _objects_are_plain
    del lines[0]
    return events if len(lines) == events and check(lines, body, open_id, careful_from) else 0


def _are_all_pythons(body: bytes, open_id: bytes, events: int) -> bool:
    """Tells whether all lines are Python's at INFO or DEBUG, with this invocation's id: by counting alone."""
    first = body.find(FUNCTION)
    if body[first + len(FUNCTION) : first + len(FUNCTION) + 1] != b"[":
        return False
    if body.count(b"Z\\t" + open_id + b"\\t") != events:
        return False
    found = body.count(FUNCTION + b"[INFO]\\t")
    return found == events or found + body.count(FUNCTION + b"[DEBUG]\\t") == events


def _texts_are_plain(lines: list[bytes], body: bytes, open_id: bytes, careful_from: int) -> bool:
    firsts = set(map(_FIRST_BYTE, lines))
    if firsts == {_BRACE}:
        # What JSON says of failure, it says by its level: of the telltales only metrics matter.
        return _EMF not in body and _json_are_plain(lines, _AS_TEXT, body, open_id, careful_from)
    if firsts <= _DIGITS and _tabbed_are_plain(
        lines, open_id, min(careful_from, Level.WARN), without_exception=True
    ):
        # Below WARN no rule for text applies.
        return True
    if telltales_in(body):
        return False
    for first in firsts & _STRUCTURED:
        alike = [line for line in lines if line[0] == first]
        if first == _BRACE:
            plain = _json_are_plain(alike, _AS_TEXT, b"".join(alike), open_id, careful_from)
        elif first == _BRACKET:
            plain = _bracketed_are_plain(alike, open_id, careful_from)
        else:
            plain = _tabbed_are_plain(alike, open_id, careful_from)
        if not plain:
            return False
    return firsts.isdisjoint(_SUSPECTS) or all(
        is_plain(line, 0, open_id, careful_from) for line in lines if line[0] in _SUSPECTS
    )


def _objects_are_plain(lines: list[bytes], body: bytes, open_id: bytes, careful_from: int) -> bool:
    return _EMF not in body and _json_are_plain(lines, _AS_OBJECT, body, open_id, careful_from)


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


def _tabbed_are_plain(
    lines: list[bytes], open_id: bytes, careful_from: int, *, without_exception: bool = False
) -> bool:
    """For a time, the id and the level between tabs, as Node.js and .NET write them.

    Args:
        lines: that begin with a digit.
        open_id: the only request id that they may name.
        careful_from: the level that they must be below.
        without_exception: whether text that merely begins with a digit will not do.
    """
    others = False
    for columns in set(map(_TABBED_COLUMNS, lines)):
        if not columns.startswith(b"\\t"):
            others = True
            if without_exception:
                return False
            continue
        level = _LEVELS.get(columns[_UUID_BYTES + 4 :].rstrip(b"\\").lower())
        if columns[2 : _UUID_BYTES + 2] != open_id or level is None or level >= careful_from:
            return False
    # Text that begins with a digit, or another way to write the time.
    return not others or not any(
        b"\\t" in line[:_MAX_TIME_BYTES] and line[_TIME_BYTES : _TIME_BYTES + 2] != b"\\t"
        for line in lines
    )


def _json_are_plain(
    lines: list[bytes], form: _JsonForm, body: bytes, open_id: bytes, careful_from: int
) -> bool:
    """For JSON objects whose level stands first, or right behind a time of one length.

    Args:
        lines: with their opening brace where it is text, without it where it is an object.
        form: which of the two.
        body: in which all of them stand, to be searched at once.
        open_id: the only request id that they may name.
        careful_from: the level that they must be below.
    """
    level_at = begin = form.begin
    if lines[0].startswith(form.time, begin):
        value = lines[0].find(form.quote, begin + len(form.time)) + len(form.quote)
        level_at = lines[0].find(form.quote, value) + len(form.quote)
        if body.count(form.brace + form.time) < len(lines):
            return False
    for window in set(map(itemgetter(slice(level_at, level_at + _LEVEL_WINDOW_BYTES)), lines)):
        match = form.level.match(window)
        level = _LEVELS.get(match.group(1).lower()) if match is not None else None
        if level is None or level >= careful_from:
            return False
    key = next((one for one in form.ids if one in lines[0]), b"")
    if key and open_id and body.count(key + open_id) == len(lines) == body.count(b"equest"):
        return True
    return not any(b"equest" in line and (not open_id or open_id not in line) for line in lines)


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
            return b"\\t" not in piece[at : at + _MAX_TIME_BYTES]
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
