"""A batch of the Logs or the Telemetry API, taken apart without parsing what nobody will read.

Most lines are dropped, so the common line costs a look at its first bytes: :func:`read_batch` splits the batch where
events begin, keeps consecutive unremarkable lines together as the very bytes that came, and decodes only platform
events and the lines that may mean something (an error, metrics, another invocation's id). What it cannot take apart
that way, it decodes exactly; both ways give the same items.

Pure. Assumes of AWS: a batch is a JSON array of ``{"time","type","record"}``, written compactly and in that key order
by Go's encoder, where it is quick (anything else is read as well, slower); ``record`` is of any JSON type; types that
are not known are to be ignored (AWS: Telemetry API schema reference). A batch may be garbage: then what can be saved
is, and the rest comes back as :class:`Unreadable`, to be counted.
"""

import json
import re

from .levels import LEVEL_NAMES, Level, level_named
from .lines import LineFacts, LineRules, look_at

_BEGIN = b'[{"time":"'
_BETWEEN = b'},{"time":"'
_FUNCTION = b'","type":"function","record":"'
_PLATFORM = b'","type":"platform.'
_QUOTE, _BRACE, _BRACKET, _BACKSLASH = b'"{[\\'
_DIGITS = frozenset(b"0123456789")

_LEVELS = {word.encode(): level for word, level in LEVEL_NAMES.items()}
_MAX_LEVEL_BYTES = 16

# What makes a text line worth reading although it begins like any other: a runtime's report of an unhandled error
# that is joined to other text, and platform messages. Every rule of ``failures`` that is not found by the first
# bytes of its line needs one of these.
_TELLTALES = (b"Traceback (most recent call last)", b"\\tat ", b"Task timed out after")
_TELLING_STARTS = (b"Error raised from", b"Init error when", b"RequestId: ")
_EMF = b"CloudWatchMetrics"

_JSON_LEVEL = re.compile(
    rb'\{(?:\\"(?:timestamp|time|ts|@timestamp)\\":(?:\\"[^"\\]*\\"|[0-9.]+),)?\\"level\\":(?:\\"(\w+)\\"|([0-9]+))'
)
_UUID_BYTES = 36
_TIME_BYTES = 24  # 2026-11-24T12:00:00.000Z


class Lines:
    """Consecutive lines of which none needs a look: the events' JSON, comma-separated, as it came."""

    __slots__ = ("count", "raw")

    def __init__(self, raw: bytes, count: int) -> None:
        self.raw = raw
        self.count = count


class Line:
    """One line that was looked at: its event's JSON, and what it told."""

    __slots__ = ("facts", "raw")

    def __init__(self, raw: bytes, facts: LineFacts) -> None:
        self.raw = raw
        self.facts = facts


class PlatformEvent:
    """One platform event; ``record`` is whatever JSON it held, ``type`` with its ``platform.``."""

    __slots__ = ("raw", "record", "time", "type")

    def __init__(self, raw: bytes, *, time: str, type: str, record: object) -> None:  # noqa: A002 - AWS's word
        self.raw = raw
        self.time = time
        self.type = type
        self.record = record

    def field(self, name: str) -> object:
        """A field of the record; None where there is none, or the record is no object."""
        return self.record.get(name) if isinstance(self.record, dict) else None

    @property
    def request_id(self) -> str:
        """The invocation the event is about; empty for events of the environment."""
        value = self.field("requestId")
        return value if isinstance(value, str) else ""


class Unreadable:
    """A part of a batch that is no event."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


Item = Lines | Line | PlatformEvent | Unreadable


def read_batch(body: bytes, *, rules: LineRules, open_id: bytes) -> list[Item]:
    """Takes a batch apart.

    Args:
        body: the body of one POST.
        rules: what makes a line remarkable.
        open_id: the request id of the invocation that lines without an id belong to; a ``platform.start`` within
            the batch changes it for what follows.

    Returns:
        The batch's items in its order. Never raises for what the batch holds.
    """
    if rules.pattern is None and not rules.by_id_only:
        items = _read_compact(body, rules, open_id)
        if items is not None:
            return items
    return _read_exactly(body, rules, open_id)


def split_events(raw: bytes, count: int) -> list[bytes]:
    """Gives the single events' JSON of what :class:`Lines` holds."""
    if count == 1:
        return [raw]
    pieces = raw[len(_BEGIN) - 1 : -1].split(_BETWEEN)
    if len(pieces) == count and raw.startswith(_BEGIN[1:]):
        return [_BEGIN[1:] + piece + b"}" for piece in pieces]
    text = raw.decode("utf-8", "replace")
    return [text[start:end].encode() for start, end, _ in _scan(text)]


def _read_compact(  # noqa: C901 - one loop: each call in it would be paid by every line
    body: bytes, rules: LineRules, open_id: bytes
) -> list[Item] | None:
    """Reads a batch of text lines in Lambda's own compact form; None if it is not of that form throughout."""
    if not body.startswith(_BEGIN) or not body.endswith(b"}]"):
        return None
    careful_from = min(rules.error_level, Level.ERROR)
    telltales = [needle for needle in (*_TELLTALES, _EMF) if needle in body]
    items: list[Item] = []
    begin = 1
    run_begin = run_count = time_bytes = 0
    for piece in body[len(_BEGIN) : -2].split(_BETWEEN):
        end = begin + len(piece) + 10
        if not piece.startswith(_FUNCTION, time_bytes):
            time_bytes = max(piece.find(b'"'), 0)
        if piece.startswith(_FUNCTION, time_bytes):
            if piece[-1] != _QUOTE:
                return None
            if _passes(piece, time_bytes + 30, open_id, careful_from) and not (
                telltales and any(needle in piece for needle in telltales)
            ):
                if not run_count:
                    run_begin = begin
                run_count += 1
                begin = end + 1
                continue
        elif not piece.startswith(_PLATFORM, time_bytes):
            return None
        if run_count:
            items.append(Lines(body[run_begin : begin - 1], run_count))
            run_count = 0
        item = _read_event(body[begin:end], rules)
        if isinstance(item, PlatformEvent) and item.type == "platform.start":
            open_id = item.request_id.encode()
        if item is not None:
            items.append(item)
        begin = end + 1
    if run_count:
        items.append(Lines(body[run_begin : begin - 1], run_count))
    return items


def _passes(  # noqa: C901, PLR0911 - as above
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


def _read_event(raw: bytes, rules: LineRules) -> Item | None:
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        try:
            event = json.loads(raw.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return Unreadable(raw)
    return _item_of(event, raw, rules)


def _item_of(event: object, raw: bytes, rules: LineRules) -> Item | None:
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(kind, str):
        return Unreadable(raw)
    if kind == "function":
        record = event.get("record")
        text = None if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        return Line(raw, look_at(record, rules=rules, text=text))
    if kind.startswith("platform."):
        time = event.get("time")
        return PlatformEvent(
            raw, time=time if isinstance(time, str) else "", type=kind, record=event.get("record")
        )
    return None


def _read_exactly(body: bytes, rules: LineRules, open_id: bytes) -> list[Item]:
    text = body.decode("utf-8", "replace")
    items: list[Item] = []
    run_begin = run_end = run_count = 0
    current = open_id.decode("utf-8", "replace")
    for begin, end, event in _scan(text):
        raw = text[begin:end].encode("utf-8", "replace")
        item = Unreadable(raw) if event is _UNREADABLE else _item_of(event, raw, rules)
        if isinstance(item, Line) and _is_plain(item.facts, rules, current):
            if not run_count:
                run_begin = begin
            run_end = end
            run_count += 1
            continue
        if run_count:
            items.append(Lines(text[run_begin:run_end].encode("utf-8", "replace"), run_count))
            run_count = 0
        if isinstance(item, PlatformEvent) and item.type == "platform.start":
            current = item.request_id
        if item is not None:
            items.append(item)
    if run_count:
        items.append(Lines(text[run_begin:run_end].encode("utf-8", "replace"), run_count))
    return items


def _is_plain(facts: LineFacts, rules: LineRules, current: str) -> bool:
    if rules.by_id_only or facts.failure is not None or facts.is_emf:
        return False
    return not facts.request_id or facts.request_id == current


_DECODER = json.JSONDecoder()
_UNREADABLE = object()
_FILLER = re.compile(r"[\s,\[\]]*")


def _skip_filler(text: str, at: int) -> int:
    match = _FILLER.match(text, at)
    return match.end() if match else at


def _scan(text: str) -> list[tuple[int, int, object]]:
    """Finds the JSON values of an array, or of lines of JSON, with where each begins and ends.

    What follows the first place that is no JSON comes back as one value that is ``_UNREADABLE``.
    """
    found: list[tuple[int, int, object]] = []
    at = _skip_filler(text, 0)
    while at < len(text):
        try:
            event, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            found.append((at, len(text), _UNREADABLE))
            break
        found.append((at, end, event))
        at = _skip_filler(text, end)
    return found
