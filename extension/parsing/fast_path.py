"""Fast path: recognise unremarkable lines by their first bytes, without decoding them.

Most lines are dropped, so this module decides the cost of a line. Each managed runtime writes a line's level and its
request id at a fixed place. So a few bytes show that a line is below the level that matters and belongs to the open
invocation, or is plain text. All other lines go to :mod:`extension.parsing.line`, which would find every line passed by here
unremarkable: the tests compare both on generated lines.

Pure. Works on the batch's JSON as it arrived, so quotes and tabs in a line are escaped. Assumes the formats of the
runtime interface clients, as :mod:`extension.model.levels` does.
"""

import re
from functools import cache
from operator import itemgetter

from extension.model.levels import LEVEL_NAMES, Level, level_named
from extension.model.segment import BETWEEN

CENTURY = b"20"
"""Each time begins with it. A search that includes it is quicker, because its last byte is rarer."""
FUNCTION = b'","type":"function","record":"'
FUNCTION_OBJECT = b'","type":"function","record":{'
_BRACE, _BRACKET, _BACKSLASH = b"{[\\"
_DIGITS = frozenset(b"0123456789")

_LEVELS = {word.encode(): level for word, level in LEVEL_NAMES.items()}
_MAX_LEVEL_BYTES = 16

# A text line with one of these must be read although it begins like any other: a runtime's report of an unhandled
# error joined to other text, or a platform message. Every rule of ``failures`` that the first bytes of its line do not
# show needs one of these.
_TELLTALES = (b"Traceback (most recent call last)", b"\\n\\tat ", b"Task timed out after")
_TELLING_STARTS = (b"Error ra", b"Init err", b"RequestI")
_EMF = b"CloudWatchMetrics"


@cache
def _json_level() -> re.Pattern[bytes]:
    # Compiled on first use, and held: this is for every JSON line of a mixed batch.
    return re.compile(
        rb'\{ ?(?:\\"(?:timestamp|time|ts|@timestamp)\\": ?(?:\\"[^"\\]*\\"|[0-9.]+), ?)?'
        rb'\\"level\\": ?(?:\\"(\w+)\\"|([0-9]+))'
    )


_UUID_BYTES = 36
_TIME_BYTES = 24  # 2026-11-24T12:00:00.000Z

_SUSPECTS = frozenset(b"{EIRDWFA")
"""First bytes of JSON, of the telling starts and of Ruby's ``E, [...``; a line with another letter is unremarkable."""
_MAY_BE_JSON = frozenset(b"{ \\") | frozenset(range(0x80, 0x100))
"""A brace, or white space before one: a space, an escape, or a byte of Unicode's white space."""
_FIRST_BYTE = itemgetter(0)
_BRACKETED = itemgetter(slice(0, _MAX_LEVEL_BYTES))
_TABBED_COLUMNS = itemgetter(slice(_TIME_BYTES, _TIME_BYTES + 2 + _UUID_BYTES + 2 + 5))
_MAX_TIME_BYTES = _TIME_BYTES + 10
"""The longest time that a tab and an id may follow; Node.js's and .NET's have ``_TIME_BYTES``."""
_LEVEL_WINDOW_BYTES = 28
"""Holds ``,"level":"Information"`` with escaped quotes."""


class _JsonForm:
    """Describe JSON lines, with their quotes as they stand in the batch: escaped in text lines, plain in objects."""

    def __init__(self, quote: bytes, *, brace: bytes) -> None:
        self.quote = quote
        self.begin = FUNCTION[:-1] + brace
        self.timed = self.begin + quote + b"timestamp" + quote + b":"
        key, value = re.escape(quote + b"level" + quote + b":"), re.escape(quote)
        self.level = rb"(?:, ?)?%s ?%s(\w+)%s" % (key, value, value)
        # The keys of a request id, each up to its value.
        names = (b"equestId", b"equest_id")
        self.ids = [name + quote + colon + quote for name in names for colon in (b":", b": ")]


_AS_TEXT = _JsonForm(b'\\"', brace=b'"{')
_AS_OBJECT = _JsonForm(b'"', brace=b"{")


def telltales_in(body: bytes) -> list[bytes]:
    """Return the telltales that occur anywhere in a batch. Each line that holds one must be read."""
    return [needle for needle in (*_TELLTALES, _EMF) if needle in body]


def count_plain(body: bytes, open_id: bytes, careful_from: int) -> tuple[int, bool]:
    """Count the lines of a batch of unremarkable lines; return 0 for any other batch.

    A flood arrives in such batches, so their lines must be cheap: no Python runs for each line, the batch is searched
    as a whole, and each different beginning is read once. The second result tells whether certainly no line is JSON.

    Args:
        body: the batch, or a part of it between two platform events.
        open_id: the only request id that the lines may name.
        careful_from: the level that they must be below.
    """
    events = body.count(BETWEEN + CENTURY) + 1
    first = body.find(FUNCTION[:-1])
    for form in (_AS_OBJECT, _AS_TEXT):
        if body.startswith(form.begin, first):
            plain = _json_are_plain(body, events, form, open_id, careful_from)
            return (events if plain else 0), False
    has_level = careful_from > Level.INFO and body.startswith(b"[", first + len(FUNCTION))
    if has_level and body.count(b"Z\\t" + open_id + b"\\t") == events:
        # Python's loggers: all lines at INFO or DEBUG with this invocation's id are told by counting alone.
        found = body.count(FUNCTION + b"[INFO]\\t")
        if found == events or found + body.count(FUNCTION + b"[DEBUG]\\t") == events:
            return events, True
    lines = body.split(FUNCTION)
    del lines[0]
    if len(lines) != events:
        return 0, False
    firsts = set(map(_FIRST_BYTE, lines))
    plain = _texts_are_plain(lines, firsts, body, open_id, careful_from)
    # A text line that begins with white space may be JSON all the same.
    return (events if plain else 0), firsts.isdisjoint(_MAY_BE_JSON)


def _texts_are_plain(
    lines: list[bytes], firsts: set[int], body: bytes, open_id: bytes, careful_from: int
) -> bool:
    if firsts <= _DIGITS and _tabbed_are_plain(
        lines, open_id, min(careful_from, Level.WARN), without_exception=True
    ):
        # Below WARN no rule for text applies.
        return True
    # Metrics are JSON, so without a brace there are none.
    if any(needle in body for needle in _TELLTALES) or (_BRACE in firsts and _EMF in body):
        return False
    if _BRACKET in firsts and not _bracketed_are_plain(
        [line for line in lines if line[0] == _BRACKET], open_id, careful_from
    ):
        return False
    if not firsts.isdisjoint(_DIGITS) and not _tabbed_are_plain(
        [line for line in lines if line[0] in _DIGITS], open_id, careful_from
    ):
        return False
    return firsts.isdisjoint(_SUSPECTS) or all(
        is_plain(line, 0, open_id, careful_from) for line in lines if line[0] in _SUSPECTS
    )


def _bracketed_are_plain(lines: list[bytes], open_id: bytes, careful_from: int) -> bool:
    """Judge lines that begin with ``[LEVEL]``, with or without Python's time and id behind it."""
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
    """Judge lines with time, id and level between tabs, as Node.js and .NET write.

    ``without_exception`` tells whether to refuse other text that begins with a digit.
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
    body: bytes, events: int, form: _JsonForm, open_id: bytes, careful_from: int
) -> bool:
    """Judge JSON lines whose level stands first, or right behind a time of one length."""
    timed = body.startswith(form.timed, body.find(form.begin))
    # From behind their brace; timed ones from behind the first key.
    lines = body.split(form.timed if timed else form.begin)
    del lines[0]
    # What JSON says of failure, it says by its level: of the telltales only metrics matter.
    if len(lines) != events or _EMF in body:
        return False
    level_at = 0
    if timed:
        value = lines[0].find(form.quote) + len(form.quote)
        level_at = lines[0].find(form.quote, value) + len(form.quote)
    for window in set(map(itemgetter(slice(level_at, level_at + _LEVEL_WINDOW_BYTES)), lines)):
        match = re.match(form.level, window)
        level = _LEVELS.get(match.group(1).lower()) if match is not None else None
        if level is None or level >= careful_from:
            return False
    key = next((one for one in form.ids if one in lines[0]), b"")
    if key and open_id and body.count(key + open_id) == len(lines) == body.count(key):
        return True
    return not any(b"equest" in line and (not open_id or open_id not in line) for line in lines)


def is_plain(  # noqa: C901, PLR0911 - as above
    piece: bytes, at: int, open_id: bytes, careful_from: int
) -> bool:
    """Recognise an unremarkable line by its first bytes. Its text begins at ``at`` in the event's JSON."""
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
        match = _json_level().match(piece, at)
        if match is None:
            return False
        word, number = match.groups()
        level = _LEVELS.get(word.lower()) if word is not None else level_named(int(number))
        if level is None or level >= careful_from:
            return False
        return (bool(open_id) and open_id in piece) or b"equest" not in piece
    return piece[at + 1 : at + 4] != b", [" and not piece.startswith(_TELLING_STARTS, at)
