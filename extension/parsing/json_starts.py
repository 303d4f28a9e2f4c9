"""Judge JSON lines by their first bytes, as they stand in a batch: can they have a level, an id or metrics that matter?

A line is text that holds JSON, whose quotes are escaped in the batch, or an object, as with the JSON log format. Most loggers
write the level first, or right behind the time.

Pure. Every answer is that of :mod:`extension.levels.reading`, or "it may matter", which only costs time.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from operator import itemgetter
from typing import NamedTuple

from extension.levels.level import PLAIN_NAMES, Level
from extension.levels.metrics import DIRECTIVES
from extension.levels.reading import WRAPPER_KEYS, is_wide
from extension.model.segment import BATCH_BEGIN, BETWEEN
from extension.parsing.text_starts import (
    START,
    START_BYTES,
    harmless_of,
    lines_are_plain,
    may_begin_prefix,
)

CENTURY = b"20"
"""Each time begins with it. A search that includes it is quicker, because its last byte is rarer."""

EMF = DIRECTIVES.encode()
_BREF = b"Invoke Error\\t{"
"""In Lambda's wrapper, behind the request id."""

HEAD_BYTES = 320
"""Of a JSON line: its time, its level, its request id, and the first bytes of its message."""

_SPARE_BYTES = 8
"""A window is cut behind the first line's message start; a level may be so much longer than the first one's."""

_MOST_OF_NUMBERS = 30
"""The highest number of a level that is below ERROR on every scale: WARN on Python's, INFO on pino's."""

_PLAIN = rb"[^\[\]{}\"\\]*"
_PAIR = rb"\[" + _PLAIN + rb"(?:\"" + _PLAIN + rb"\"" + _PLAIN + rb")*\]"
"""Both brackets stand in one text, or in none."""

_MAX_PAIRS = 16 * 1024
"""Of a batch that is looked through as a whole. They take half a MiB for the moment; common batches have a tenth as many."""

_WRAPPER_KEYS = frozenset(key.encode() for key in WRAPPER_KEYS)


def holds(body: bytes, needle: bytes, rarest: bytes) -> bool:
    """Tell whether a batch holds a needle. A search for its rarest byte alone takes a twentieth of the time (measured)."""
    return rarest in body and needle in body


class Start(NamedTuple):
    """Describe how a JSON line begins.

    Attributes:
        level: its level.
        end: the offset behind the first bytes of its message, or behind its level where something else follows.
        body_at: the offset of a message whose start may begin a prefix or JSON; 0 where it does not.
        has_id: whether it names the open invocation.
        may_wrap: whether a message may follow that has to be looked at.
        says: all before a harmless message of which enough is there; empty for any other beginning.
    """

    level: int
    end: int
    body_at: int = 0
    has_id: bool = False
    may_wrap: bool = False
    says: bytes = b""


class JsonForm:
    """Read the beginnings of JSON lines, with their quotes as they stand in the batch."""

    def __init__(self, quote: bytes, *, begin: bytes, end: bytes) -> None:
        self.quote = quote
        self.end = end
        q = re.escape(quote)
        self.begin = begin
        self.timed = begin + quote + b"timestamp" + quote + b":"
        self._time = rb"(?: ?%s(?:timestamp|time|ts|@timestamp)%s: ?(?:%s[^\"\\]*%s|[0-9.]+))?" % (
            q,
            q,
            q,
            q,
        )
        self._level = rb"(?:, ?)? ?%slevel%s: ?(?:%s(\w+)%s|([0-9]{2})(?![0-9.eE]))" % (q, q, q, q)
        self._next = rb", ?%s([^\"\\]*)%s: ?" % (q, q)
        self._common = self._level + rb", ?%smessage%s: ?%s(?=[a-zA-Z0-9])" % (q, q, q)
        self.ids = [
            name + quote + colon + quote
            for name in (b"equestId", b"equest_id")
            for colon in (b":", b": ")
        ]
        self.message_keys = [b"essage" + quote + colon for colon in (b":", b" :")]

    def read_start(self, head: bytes, open_id: bytes, *, timed: bool = False) -> Start | None:
        """Read the beginning of a line behind its brace; None where it tells no level, or names another invocation.

        ``timed`` tells whether a time may stand before the level.
        """
        if not timed and (match := _compiled(self._common).match(head)) and match[1]:
            level = _level_of(match[1], None)
            return None if level is None else self._with_text(head, match.end(), Start(level, 0))
        match = _compiled(self._time + self._level if timed else self._level).match(head)
        level = _level_of(*match.groups()) if match is not None else None
        if match is None or level is None:
            return None
        return self._behind_level(head, match.end(), level, open_id)

    def _behind_level(self, head: bytes, end: int, level: Level, open_id: bytes) -> Start | None:
        has_id = False
        while following := _compiled(self._next).match(head, end):
            key, value_at = following[1], following.end()
            if key in (b"message", b"msg"):
                return self._with_message(head, value_at, Start(level, value_at, has_id=has_id))
            if key not in (b"requestId", b"AWSRequestId"):
                return Start(level, value_at, has_id=has_id, may_wrap=key in _WRAPPER_KEYS)
            own = self.quote + open_id + self.quote
            if not open_id or not head.startswith(own, value_at):
                return None
            end, has_id = value_at + len(own), True
        is_last = head[end : end + 1] == b"}"
        return Start(level, end + 1, has_id=has_id) if is_last else None

    def _with_message(self, head: bytes, at: int, start: Start) -> Start | None:
        if head.startswith(self.quote, at):
            return self._with_text(head, at + len(self.quote), start)
        return None if head[at : at + 1] in (b"{", b"") else start

    def _with_text(self, head: bytes, at: int, start: Start) -> Start | None:
        end = at + START_BYTES
        body = head[at : end + 1]
        ending = body.find(self.quote)
        if ending < 0 and len(body) < START_BYTES:
            return None
        if not may_begin_prefix(body if ending < 0 else body[:ending] + b'"'):
            return start._replace(end=end, says=b"" if 0 <= ending < START_BYTES else head[:at])
        # Escaped twice is seldom, and read exactly.
        return None if len(self.quote) > 1 else start._replace(end=end, body_at=at)


AS_TEXT = JsonForm(b'\\"', begin=b'","type":"function","record":"{', end=b'}"')
AS_OBJECT = JsonForm(b'"', begin=b'","type":"function","record":{', end=b"}")


def count_plain_json(body: bytes, form: JsonForm, open_id: bytes, careful_from: int) -> int:
    """Count the lines of a batch of JSON lines whose level stands first, or right behind a time of one length.

    Return 0 unless all of its events are unremarkable lines of this form.
    """
    is_timed = body.startswith(form.timed, body.find(form.begin))
    begin = form.timed if is_timed else form.begin
    lines, at = (_text_lines if form is AS_TEXT else _object_lines)(body, begin)
    # What JSON says of failure, it says by its level. Metrics are kept whatever it is.
    if not lines or holds(body, EMF, b"W") or (form is AS_OBJECT and holds(body, _BREF, b"E")):
        return 0
    level_at = _behind_time(lines[0], at) if is_timed else at
    first = form.read_start(lines[0][level_at : level_at + HEAD_BYTES], open_id)
    if first is None:
        return 0
    has_ids, may_wrap = True, False
    cut = itemgetter(slice(level_at, level_at + first.end))
    for window in _unusual(set(map(cut, lines)), first, careful_from):
        start = form.read_start(window, open_id) or _read_longer(
            {
                line[level_at : level_at + first.end + _SPARE_BYTES]
                for line in lines
                if cut(line) == window
            },
            form,
            open_id,
        )
        if start is None or start.level >= careful_from:
            return 0
        if start.body_at:
            at = level_at + start.body_at
            bodies = [line[at:] for line in lines if cut(line) == window]
            if not lines_are_plain(bodies, set(map(START, bodies)), open_id, careful_from):
                return 0
        has_ids &= start.has_id
        may_wrap |= start.may_wrap
    if may_wrap and any(key in body for key in form.message_keys):
        return 0
    is_plain = (has_ids and first.has_id) or _ids_are(lines, body, form, open_id)
    return len(lines) if is_plain else 0


def _text_lines(body: bytes, begin: bytes) -> tuple[list[bytes], int]:
    """Split a batch where its lines begin; return them from there on, and 0. No lines if there are other events."""
    lines = body.split(begin)
    del lines[0]
    return (lines if len(lines) == body.count(BETWEEN + CENTURY) + 1 else []), 0


def _object_lines(body: bytes, begin: bytes) -> tuple[list[bytes], int]:
    """Split a batch into its events; return them, and where in each the line begins. No lines if there are other events.

    Data may hold an event of its own, separators and all, and is no event.
    """
    lines = body.split(BETWEEN)
    lines[0] = lines[0][len(BATCH_BEGIN) :]
    at = max(lines[0].find(b'"'), 0)
    if set(map(itemgetter(slice(at, at + len(begin))), lines)) != {begin}:
        lines, at = [line[max(line.find(b'"'), 0) :] for line in lines], 0
        if not all(line.startswith(begin) for line in lines):
            return [], 0
    lines[-1] = lines[-1][:-2]
    return (lines if _are_whole(lines, body) else []), at + len(begin)


def _are_whole(lines: list[bytes], body: bytes) -> bool:
    """Tell whether every separator stands between two events, and none of them within an object.

    A separator within an object stands in an array, so behind it a ``]`` comes without its ``[``. Seen from the end of the
    batch: if what stands behind a separator is an event by itself, the separator is none of an array.
    """
    if body.find(b"]", 0, -1) < 0 or _has_pairs_alone(body[:-1]):
        return True
    return all(b"]" not in line or _has_pairs_alone(line) or _is_whole(line) for line in lines)


def _has_pairs_alone(part: bytes) -> bool:
    """Tell whether each ``]`` has its ``[`` before it, with neither braces nor half a text between them."""
    count = part.count(b"]")
    return count <= _MAX_PAIRS and len(_compiled(_PAIR).findall(part)) == count


def _is_whole(line: bytes) -> bool:
    """Tell whether what stands between two separators is an event by itself; of a wide one that is not told."""
    if is_wide(line):
        return False
    try:
        json.loads(b'{"time":"%b}' % line)
    except (ValueError, RecursionError):
        return False
    return True


def _unusual(windows: set[bytes], first: Start, careful_from: int) -> Iterable[bytes]:
    """Leave out windows that begin as the first one, whose message begins as harmlessly."""
    if not first.says or first.level >= careful_from:
        return windows
    usual, size = first.says, len(first.says)
    behind = set(map(itemgetter(slice(size, None)), windows))
    harmless = harmless_of(behind)
    # What begins the first and the last in order begins all.
    if (
        len(harmless) == len(behind)
        and min(windows).startswith(usual)
        and max(windows).startswith(usual)
    ):
        return ()
    return [one for one in windows if not (one.startswith(usual) and one[size:] in harmless)]


def _read_longer(windows: set[bytes], form: JsonForm, open_id: bytes) -> Start | None:
    """Read windows that begin alike, and were too short; return None unless all are harmless."""
    starts = [form.read_start(window, open_id) for window in windows]
    if any(start is None or start.body_at for start in starts):
        return None
    return max((start for start in starts if start is not None), default=None)


def _behind_time(line: bytes, at: int) -> int:
    """Return the offset behind the closing quote of a time that begins at an offset."""
    opening = line.find(b'"', at) + 1
    return line.find(b'"', opening) + 1


def _ids_are(lines: list[bytes], body: bytes, form: JsonForm, open_id: bytes) -> bool:
    """Tell whether lines name the open invocation, or none."""
    key = next((one for one in form.ids if one in lines[0]), b"")
    own = open_id + form.quote
    if key and open_id:
        # The last member of the whole line: whatever stands before it, the line names this invocation.
        end = form.quote + b"r" + key + own + form.end
        last = lines[-1] if form is AS_OBJECT else lines[-1].removesuffix(b"]").removesuffix(b"}")
        if last.endswith(end) and body.count(end + BETWEEN + CENTURY) == len(lines) - 1:
            return True
        if body.count(key + own) == len(lines) == body.count(b"equest"):
            return True
    return all(b"equest" not in line or _names(line, form, open_id) for line in lines)


def _names(line: bytes, form: JsonForm, open_id: bytes) -> bool:
    """Tell whether a JSON line names the open invocation wherever it has a request id."""
    own = sum(line.count(key + open_id + form.quote) for key in form.ids) if open_id else 0
    return own > 0 and own == line.count(b"equestId") + line.count(b"equest_id")


def json_line_is_plain(piece: bytes, at: int, open_id: bytes, careful_from: int) -> bool:
    """Judge one text line that holds JSON, from its brace at ``at`` on."""
    start = AS_TEXT.read_start(piece[at + 1 : at + 1 + HEAD_BYTES], open_id, timed=True)
    if start is None or start.level >= careful_from or EMF in piece:
        return False
    if start.may_wrap and any(key in piece for key in AS_TEXT.message_keys):
        return False
    return b"equest" not in piece or _names(piece, AS_TEXT, open_id)


def _level_of(word: bytes | None, number: bytes | None) -> Level | None:
    if word is not None:
        return PLAIN_NAMES.get(word.lower().decode())
    scaled = int(number or b"0")
    if scaled % 10 or not 10 <= scaled <= _MOST_OF_NUMBERS:  # noqa: PLR2004 - pino's and Python's steps
        return None
    return Level.WARN if scaled == _MOST_OF_NUMBERS else Level.INFO


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def says_plainly(line: dict[str, object]) -> bool:
    """Tell whether a decoded object, in which something may be wrapped, certainly holds no more than words."""
    message = line["msg"] if "msg" in line else line.get("message")
    if not isinstance(message, str):
        return False
    start = json.dumps(message[:START_BYTES], ensure_ascii=False)[1:]
    return (
        not may_begin_prefix(start.encode("utf-8", "replace")) and "Invoke Error\t{" not in message
    )
