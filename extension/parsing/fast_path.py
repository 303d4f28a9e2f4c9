"""Fast path: recognise unremarkable lines by their first bytes, without decoding them.

Most lines are dropped, so this module decides the cost of a line. A flood is searched as a whole: no Python runs for each
line, and each different beginning is read once. All other lines go to :mod:`extension.parsing.line`, which would find
every line passed by here unremarkable: a fuzz test compares both.

Pure. Works on the batch's JSON as it arrived, so quotes and tabs in a line are escaped.
"""

from extension.levels.level import Level
from extension.model.segment import BETWEEN
from extension.parsing.json_starts import (
    AS_OBJECT,
    AS_TEXT,
    EMF,
    json_line_is_plain,
    json_lines_are_plain,
)
from extension.parsing.text_starts import lines_are_plain

CENTURY = b"20"
"""Each time begins with it. A search that includes it is quicker, because its last byte is rarer."""
FUNCTION = b'","type":"function","record":"'
FUNCTION_OBJECT = b'","type":"function","record":{'
_BRACE = ord("{")

# Text with one of these must be read although it begins like any other: Java's client ends its report of an unhandled
# error with an empty line, .NET's begins it with any name.
_TELLTALES = (b'\\n\\n"', b"\\n   at ")
_PAYLOADS = (b"errorMessage", b"Invoke Error\\t{", EMF)
"""The same, of Go's client, of bref, and of metrics. Only lines that hold a brace can have them."""

_MAY_BE_JSON = frozenset(b"{ \\") | frozenset(range(0x80, 0x100))
"""A brace, or white space before one: a space, an escape, or a byte of Unicode's white space."""


def telltales_in(body: bytes) -> list[bytes]:
    """Return the telltales that occur anywhere in a batch. Each line that holds one must be read."""
    return [needle for needle in (*_TELLTALES, *_PAYLOADS) if needle in body]


def count_plain(body: bytes, open_id: bytes, careful_from: int) -> tuple[int, bool]:
    """Count the lines of a batch of unremarkable lines; return 0 for any other batch.

    The second result tells whether certainly no line is JSON, or holds JSON behind a prefix.

    Args:
        body: the batch, or a part of it between two platform events.
        open_id: the only request id that the lines may name.
        careful_from: the level that they must be below.
    """
    first = body.find(FUNCTION[:-1])
    for form in (AS_OBJECT, AS_TEXT):
        if body.startswith(form.begin, first):
            events = body.count(BETWEEN + CENTURY) + 1
            plain = json_lines_are_plain(body, events, form, open_id, careful_from)
            return (events if plain else 0), False
    braces = body.count(b"{")
    has_level = careful_from > Level.INFO and body.startswith(b"[", first + len(FUNCTION))
    if has_level and open_id and body.count(b"Z\\t" + open_id + b"\\t") == braces:
        # Python's loggers: all lines at INFO or DEBUG with this invocation's id are told by counting alone. There are no
        # more events than braces, and no JSON without another brace.
        found = body.count(FUNCTION + b"[INFO]\\t")
        if found == braces or found + body.count(FUNCTION + b"[DEBUG]\\t") == braces:
            return braces, True
    lines = body.split(FUNCTION)
    del lines[0]
    if len(lines) != braces and len(lines) != body.count(BETWEEN + CENTURY) + 1:
        return 0, False
    needles = _TELLTALES if len(lines) == braces else (*_TELLTALES, *_PAYLOADS)
    if any(needle in body for needle in needles):
        return 0, False
    plain = lines_are_plain(lines, open_id, careful_from)
    return (len(lines) if plain else 0), len(lines) == braces


def is_plain(piece: bytes, at: int, open_id: bytes, careful_from: int) -> bool:
    """Recognise an unremarkable line by its first bytes. Its text begins at ``at`` in the event's JSON."""
    if piece[at] == _BRACE:
        return json_line_is_plain(piece, at, open_id, careful_from)
    return lines_are_plain([piece[at:]], open_id, careful_from)
