"""Fast path: recognise unremarkable lines by their first bytes, without decoding them.

Most lines are dropped, so this module decides the cost of a line. A flood is searched as a whole: no Python runs for each
line, and each different beginning is read once. All other lines go to :mod:`extension.parsing.line`, which would find
every line passed by here unremarkable: a fuzz test compares both.

Pure. Works on the batch's JSON as it arrived, so quotes and tabs in a line are escaped.
"""

from extension.levels.level import Level
from extension.model.segment import BATCH_BEGIN, BETWEEN
from extension.parsing.json_starts import (
    AS_OBJECT,
    AS_TEXT,
    CENTURY,
    count_plain_json,
    holds,
    json_line_is_plain,
)
from extension.parsing.text_starts import (
    START,
    are_alike,
    line_is_plain,
    lines_are_plain,
    tabbed_are_plain,
)

FUNCTION = b'","type":"function","record":"'
FUNCTION_OBJECT = b'","type":"function","record":{'

# Text with one of these must be read although it begins like any other: Java's client ends its report of an unhandled
# error with an empty line, .NET's begins it with the name of a class, bref's with the request id, and Go's with any prefix.
_JAVA = b'\\n\\n"'
_JAVA_WITHIN = _JAVA + b'},{"time":"' + CENTURY
"""The same with what follows in a batch. A search for more bytes is quicker."""
_DOTNET = b"Exception:"
_BREF = b"Invoke Error\\t{"
_ERROR_OF_PYTHON = FUNCTION + b"[ERROR]\\t"
_GO = b'{\\"errorMessage\\":'
"""In text. Where Go's logger has a prefix of the function's own, what its client writes begins with anything."""
MAX_ERRORS_ALONE = 4
"""Of a run of lines: each of them costs one more search of the lines behind it."""

_ENDING_BYTES = len(_JAVA) + 2
_CAPITALS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset(b"0123456789")
_MAY_BE_JSON = frozenset(b"{ \\") | frozenset(range(0x80, 0x100))
"""A brace, or white space before one: a space, an escape, or a byte of Unicode's white space."""


def telltales_in(body: bytes) -> list[bytes]:
    """Return the telltales that occur anywhere in a batch. Each line that holds one must be read."""
    return [needle for needle in (_JAVA, _DOTNET, _BREF, _GO) if needle in body]


def count_plain(body: bytes, open_id: bytes, careful_from: int) -> tuple[int, bool]:
    """Count the lines of a batch of unremarkable lines; return 0 for any other batch.

    The second result tells whether certainly no line is JSON; one may hold JSON behind a prefix all the same.

    Args:
        body: the batch, or a part of it between two platform events.
        open_id: the only request id that the lines may name.
        careful_from: the level that they must be below.
    """
    first = body.find(FUNCTION[:-1])
    for form in (AS_OBJECT, AS_TEXT):
        if body.startswith(form.begin, first):
            return count_plain_json(body, form, open_id, careful_from), False
    events = body.count(BETWEEN + CENTURY) + 1
    if body.startswith(b"[", first + len(FUNCTION)):
        told = _are_of_python(body, events, open_id, careful_from)
        if told is not None:
            return (events if told else 0), told
    lines = body.split(FUNCTION)
    del lines[0]
    if len(lines) != events:
        return 0, False
    if tabbed_are_plain(lines, open_id, careful_from):
        # Below ERROR no rule for text applies.
        return events, True
    if lines[0][:1].isalnum() and are_alike(lines, open_id, careful_from):
        return (0 if _may_tell(body, {lines[0][0]}) else events), True
    starts = set(map(START, lines))
    firsts = {start[0] for start in starts}
    plain = not _may_tell(body, firsts) and lines_are_plain(lines, starts, open_id, careful_from)
    # A text line that begins with white space may be JSON all the same.
    return (events if plain else 0), firsts.isdisjoint(_MAY_BE_JSON)


def _are_of_python(body: bytes, events: int, open_id: bytes, careful_from: int) -> bool | None:
    """Tell by counting alone whether all lines are of Python's loggers, at INFO or DEBUG, with this invocation's id.

    Return False if one is at ERROR, and None if all have to be looked at.
    """
    prefix_end = b"Z\\t" + open_id + b"\\t"
    if careful_from > Level.INFO and open_id and body.count(prefix_end) == events:
        found = body.count(FUNCTION + b"[INFO]\\t")
        if found == events or found + body.count(FUNCTION + b"[DEBUG]\\t") == events:
            return prefix_end + b"{" not in body or None
    return False if _ERROR_OF_PYTHON in body else None


def _may_tell(body: bytes, firsts: set[int]) -> bool:
    """Tell whether a line may be a runtime's report although it begins like any other."""
    if _JAVA_WITHIN in body or _JAVA in body[-_ENDING_BYTES:] or holds(body, _BREF, b"E"):
        return True
    # With a digit a time begins, which is read as a start of its own.
    if firsts <= _DIGITS:
        return False
    return holds(body, _GO, b"M") or (not firsts.isdisjoint(_CAPITALS) and _DOTNET in body)


def stretches(body: bytes, at: int, until: int) -> list[int]:
    """Return where a run of lines is to be cut, so that a few errors of Python's client stand alone, and at last its end.

    The lines between them are passed by at once.
    """
    count = body.count(_ERROR_OF_PYTHON, at, until)
    if not 0 < count <= MAX_ERRORS_ALONE:
        return [until]
    ends = []
    while at < until and (error := body.find(_ERROR_OF_PYTHON, at, until)) >= 0:
        begin = body.rfind(BATCH_BEGIN[1:], at, error)
        if begin > at:
            ends.append(begin - 1)
        at = (body.find(BETWEEN, error, until) + 1 or until) + 1
        ends.append(at - 1)
    return [*ends, until] if at < until else ends


def is_plain(piece: bytes, at: int, open_id: bytes, careful_from: int) -> bool:
    """Recognise an unremarkable line by its first bytes. Its text begins at ``at`` in the event's JSON."""
    if piece.startswith(b"{", at):
        return json_line_is_plain(piece, at, open_id, careful_from)
    return line_is_plain(piece[at:], open_id, careful_from)
