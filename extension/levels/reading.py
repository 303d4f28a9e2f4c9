"""Read one line: its level, the JSON objects that it holds, and the text that it says.

A runtime or Lambda may wrap what the function writes: in a prefix, or as ``message`` of an object. What is inside is read
as well, and the higher of the levels counts, because ``console.log`` says INFO whatever it writes.

Pure. A ``function`` record may be text, an object, or any other JSON value, and is one record however many newlines it holds
(AWS: Telemetry API schema reference).
"""

import json
import re
from typing import NamedTuple

from extension.levels.forms import LOOKED_AT_CHARS, NODE, NOTHING, PYTHON, Prefix
from extension.levels.level import LEVEL_NAMES, Level, level_of_word, without_colours
from extension.levels.objects import Members, level_of_object
from extension.levels.prefixes import of_python, prefix_of

MAX_DEPTH = 3
"""Of wrappers: Lambda's object, a runtime's prefix, and a logger's object in it."""

MAX_OBJECTS = 16
"""Of one text, on lines of their own."""

NARROW_CHARS = 64 * 1024
MAX_BRACKETS = 4096
"""JSON that is longer and opens more objects and arrays is wide, and not decoded: an empty object takes 72 bytes, and 3 as
JSON. Of a wide object its outermost members are read that stand before all inner objects and arrays, or behind them."""

_END_CHARS = 4096
"""Of a wide object, in which its last members are looked for."""

_MEMBER = r'"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)'
_FIRST_MEMBERS = rf"\{{\s*({_MEMBER}(?:\s*,\s*{_MEMBER})*)\s*,"
_LAST_MEMBERS = rf",\s*({_MEMBER}(?:\s*,\s*{_MEMBER})*)\s*\}}\s*$"

WRAPPER_KEYS = frozenset(
    ("timestamp", "time", "level", "message", "requestId", "AWSRequestId", "tenantId", "traceId")
)
"""An object with no other members is a runtime's or Lambda's wrapper of what the function wrote."""

_LEAST_MEMBERS = 3
"""Of a wrapper: a time, a level and the message."""

_BEFORE_JSON = " \t\r\n\ufeff\u00a0\x1e"
"""White space, a byte order mark, and the record separator of JSON text sequences (RFC 7464)."""

_CUT_OFF = r'\{(?:(?!"level":)[^{}]){0,200}"level": ?"(\w+)"'

_INSPECTED = r"\{\s(?=[^{}]{0,600}?\bmessage: ['\"`])[^{}]{0,600}?\blevel: '(\w+)'"
"""As Node.js prints an object (winston's prettyPrint)."""

UUID_CHARS = 36

_NODE_WARNING = r"\(node:\d+\) "
"""Node.js prints its own warnings through ``console.error``, which its runtime client calls ERROR."""


class Reading(NamedTuple):
    """Hold what one line says.

    Attributes:
        level: the highest that is told; None where nothing tells one.
        objects: the JSON objects in it, outermost first.
        text: the innermost text, without colours and without a runtime's or Lambda's wrapper; empty where an object is
            innermost. A logger's own prefix is still there.
        prefix: of the innermost text.
        request_ids: those in prefixes, outermost first.
    """

    level: Level | None = None
    objects: tuple[Members, ...] = ()
    text: str = ""
    prefix: Prefix = NOTHING
    request_ids: tuple[str, ...] = ()


def is_wide(text: str | bytes) -> bool:
    """Tell whether JSON would take many times its size in memory if it were decoded."""
    if len(text) <= NARROW_CHARS:
        return False
    opened = (
        text.count("{") + text.count("[")
        if isinstance(text, str)
        else text.count(b"{") + text.count(b"[")
    )
    return opened > MAX_BRACKETS


def keep_first(pairs: list[tuple[str, object]]) -> Members:
    """Make an object in which the first of two members of one name counts: a decoder's ``object_pairs_hook``.

    Go's zap and zerolog write their own level first, and their caller's fields behind it, whatever those are called.
    """
    members: Members = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


_decode_at = json.JSONDecoder().raw_decode
_decode_first_at = json.JSONDecoder(object_pairs_hook=keep_first).raw_decode
_LEVEL = '"level"'


def object_of(record: object) -> Members | None:
    """Return the object that a record is or holds as text; None for other records."""
    if isinstance(record, str):
        text = record.lstrip(_BEFORE_JSON)
        if not text.startswith("{") or is_wide(text):
            return None
        try:
            hook = keep_first if text.count(_LEVEL) > 1 else None
            record = json.loads(text.rstrip(_BEFORE_JSON), object_pairs_hook=hook)
        except (ValueError, RecursionError):
            return None
    return record if isinstance(record, dict) else None


def level_of(record: object) -> Level | None:
    """Read the level of a ``function`` record of any JSON type; None where nothing tells."""
    if isinstance(record, str) and record.startswith("[") and (told := of_python(record)):
        # The most common line that is delivered. Nothing behind this prefix tells another level.
        return LEVEL_NAMES.get(told[1].lower())
    return read(record).level


def objects_in(record: object) -> tuple[Members, ...]:
    """Return the JSON objects that a record is or holds, outermost first.

    Loggers also write one behind the message and a tab (zap, pino-lambda). Its level would be no other than the prefix's.
    """
    if isinstance(record, str) and "{" not in record:
        return ()
    reading = read(record)
    behind = reading.text.rpartition("\t{")[2] if not reading.objects else ""
    return _objects_of("{" + behind) if behind else reading.objects


def read(record: object, depth: int = MAX_DEPTH) -> Reading:
    """Read one ``function`` record of any JSON type."""
    if isinstance(record, dict) and depth:
        return _read_object(record, depth)
    if not isinstance(record, str) or not depth:
        return Reading()
    text = record.lstrip(_BEFORE_JSON)
    if text.startswith("{"):
        objects = _objects_of(text)
        if objects:
            reading = _read_object(objects[0], depth)
            return reading._replace(objects=reading.objects + objects[1:])
        match = re.match(_CUT_OFF, text) or re.match(_INSPECTED, text)
        return Reading(level_of_word(match.group(1)) if match else None, (), text)
    return _read_text(_uncoloured(record), depth)


def _read_object(line: Members, depth: int) -> Reading:
    level = level_of_object(line)
    message = line.get("message")
    is_wrapper = WRAPPER_KEYS.issuperset(line) and "level" in line and len(line) >= _LEAST_MEMBERS
    if not is_wrapper or not isinstance(message, (str, dict)):
        return Reading(level, (line,))
    if isinstance(message, str) and re.match(_NODE_WARNING, message):
        return Reading(_lowered(level), (line,), message)
    inner = read(message, depth - 1)
    return inner._replace(level=_highest(level, inner.level), objects=(line, *inner.objects))


def _read_text(text: str, depth: int) -> Reading:
    prefix = prefix_of(text)
    ids = (prefix.request_id,) if prefix.request_id else ()
    body = text[prefix.end :]
    if prefix.writer == NODE:
        if re.match(_NODE_WARNING, body):
            return Reading(_lowered(prefix.level), (), text, prefix, ids)
        inner = read(body, depth - 1)
        if inner.level is not None or inner.objects or inner.request_ids:
            level = _highest(prefix.level, inner.level)
            return inner._replace(level=level, request_ids=ids + inner.request_ids)
    elif prefix.end and (body if prefix.writer == PYTHON else body.lstrip(_BEFORE_JSON)).startswith(
        "{"
    ):
        inner = read(body, depth - 1)
        if inner.objects:
            level = _highest(prefix.level, inner.level)
            return Reading(level, inner.objects, text, prefix, ids)
    return Reading(prefix.level, (), text, prefix, ids)


def _objects_of(text: str) -> tuple[Members, ...]:
    """Decode the objects that a text consists of, one a line; none if it holds anything else.

    The embedded metric format is written so. Of the level, the first one tells.
    """
    objects: list[Members] = []
    if is_wide(text):
        outline = _outline_of(text)
        return (outline,) if outline else ()
    decode = _decode_at if text.count(_LEVEL) < 2 else _decode_first_at  # noqa: PLR2004 - twice
    at = 0
    while len(objects) < MAX_OBJECTS:
        try:
            found, at = decode(text, at)
        except (ValueError, RecursionError):
            return ()
        if not isinstance(found, dict):
            return ()
        objects.append(found)
        if not text.startswith("\n{", at):
            return () if text[at:].strip(_BEFORE_JSON) else tuple(objects)
        at += 1
    return tuple(objects)


def _outline_of(text: str) -> Members:
    """Return the first and the last members of a wide object, those that hold no others; empty where it cannot be read."""
    first = re.match(_FIRST_MEMBERS, text)
    last = re.search(_LAST_MEMBERS, text[-_END_CHARS:])
    told = [match.group(1) for match in (first, last) if match]
    try:
        found: Members = json.loads(f"{{{','.join(told)}}}")
    except ValueError:
        return {}
    return found


def _highest(*levels: Level | None) -> Level | None:
    told = [level for level in levels if level is not None]
    return max(told) if told else None


def _lowered(level: Level | None) -> Level | None:
    return Level.WARN if level is not None and level > Level.WARN else level


def _uncoloured(text: str) -> str:
    """Leave colours out of the part of a line in which a prefix may stand."""
    # Bref writes a request id and a tab, and no colours.
    if "\x1b" not in text[:LOOKED_AT_CHARS] or text[UUID_CHARS : UUID_CHARS + 1] == "\t":
        return text
    return without_colours(text[:LOOKED_AT_CHARS]) + text[LOOKED_AT_CHARS:]
