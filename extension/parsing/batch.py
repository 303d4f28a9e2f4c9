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

from extension.model.levels import LEVEL_NAMES, Level
from extension.model.segment import BATCH_BEGIN, BETWEEN, UNREADABLE, Events, scan
from extension.parsing.fast_path import (
    FUNCTION,
    FUNCTION_OBJECT,
    count_plain,
    is_plain,
    telltales_in,
)
from extension.parsing.line import REQUEST_ID_KEYS, LineFacts, LineRules, look_at

FLOOD_BYTES = 16 * 1024
"""From here on a batch is probably one of lines only, and looking for anything else in it first would be paid by each."""

_EVENT_BEGIN = BATCH_BEGIN[1:]

_PLATFORM = b'","type":"platform.'

_QUOTE = ord('"')


class Lines:
    """Consecutive lines of which none needs a look: the events' JSON, comma-separated, as it came.

    Attributes:
        raw: all of it.
        count: how many.
        is_text: whether it is certain that none of them is JSON.
    """

    __slots__ = ("count", "is_text", "raw")

    def __init__(self, raw: bytes, count: int, *, is_text: bool = False) -> None:
        self.raw = raw
        self.count = count
        self.is_text = is_text


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


def _read_compact(body: bytes, rules: LineRules, open_id: bytes) -> list[Item] | None:
    """Reads a batch in Lambda's own compact form; None if it is not of that form throughout.

    In text lines quotes are escaped, so what looks like the beginning of a platform event is one. In objects it may be
    anything: a batch that holds any is read here if they are plain, all of them, and nothing else is in it.
    """
    if not body.startswith(BATCH_BEGIN) or not body.endswith(b"}]"):
        return None
    careful_from = min(rules.error_level, Level.ERROR)
    is_flood = len(body) >= FLOOD_BYTES
    if is_flood or FUNCTION_OBJECT in body:
        count, is_text = count_plain(body, open_id, careful_from)
        if count or not is_flood or FUNCTION_OBJECT in body:
            return [Lines(body[1:-1], count, is_text=is_text)] if count else None
    items: list[Item] = []
    begin, last = 1, len(body) - 1
    while begin < last:
        at = body.find(_PLATFORM, begin)
        event_begin = body.rfind(_EVENT_BEGIN, begin, at) if at >= 0 else last + 1
        if event_begin > begin and not _add_lines(
            items, body[begin : event_begin - 1], rules, open_id, careful_from
        ):
            return None
        if at < 0:
            break
        end = body.find(BETWEEN, at) + 1 or last
        item = _read_event(body[event_begin:end], rules)
        if isinstance(item, Unreadable):
            return None  # Not of the form after all.
        if isinstance(item, PlatformEvent) and item.type == "platform.start":
            open_id = item.request_id.encode("utf-8", "replace")
        if item is not None:
            items.append(item)
        begin = end + 1
    return items


def _add_lines(
    items: list[Item], run: bytes, rules: LineRules, open_id: bytes, careful_from: int
) -> bool:
    """Adds what stands between two platform events; tells whether it was nothing but text lines."""
    count, is_text = count_plain(run, open_id, careful_from)
    if count:
        items.append(Lines(run, count, is_text=is_text))
        return True
    telltales = telltales_in(run)
    begin = plain_begin = plain_count = time_bytes = 0
    for piece in run[len(_EVENT_BEGIN) : -1].split(BETWEEN):
        end = begin + len(piece) + len(_EVENT_BEGIN) + 1
        if not piece.startswith(FUNCTION, time_bytes):
            time_bytes = max(piece.find(b'"'), 0)
        if not piece.startswith(FUNCTION, time_bytes) or piece[-1] != _QUOTE:
            return False
        if is_plain(piece, time_bytes + len(FUNCTION), open_id, careful_from) and not (
            telltales and any(needle in piece for needle in telltales)
        ):
            if not plain_count:
                plain_begin = begin
            plain_count += 1
        else:
            if plain_count:
                items.append(Lines(run[plain_begin : begin - 1], plain_count))
                plain_count = 0
            item = _read_event(run[begin:end], rules)
            if item is not None:
                items.append(item)
        begin = end + 1
    if plain_count:
        items.append(Lines(run[plain_begin : begin - 1], plain_count))
    return True


def _read_event(raw: bytes, rules: LineRules) -> Item | None:
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
        as_text = rules.pattern is not None and not isinstance(record, str)
        text = json.dumps(record, ensure_ascii=False) if as_text else None
        return Line(raw, look_at(record, rules=rules, text=text))
    if kind.startswith("platform."):
        time = event.get("time")
        return PlatformEvent(
            raw, time=time if isinstance(time, str) else "", type=kind, record=event.get("record")
        )
    return None


def _read_exactly(body: bytes, rules: LineRules, open_id: bytes) -> list[Item]:
    """Reads any batch, by decoding all of it."""
    source, events = _aligned(body) or _scanned(body)
    items: list[Item] = []
    run_begin = run_end = run_count = 0
    current = open_id.decode("utf-8", "replace")
    for begin, end, event in events:
        if _is_plain_object(event, rules, current):
            item: Item | None = None
            is_plain = True
        else:
            raw = _bytes(source[begin:end])
            item = Unreadable(raw) if event is UNREADABLE else _item_of(event, raw, rules)
            is_plain = isinstance(item, Line) and _is_plain(item.facts, rules, current)
        if is_plain:
            if not run_count:
                run_begin = begin
            run_end = end
            run_count += 1
            continue
        if run_count:
            items.append(Lines(_bytes(source[run_begin:run_end]), run_count))
            run_count = 0
        if isinstance(item, PlatformEvent) and item.type == "platform.start":
            current = item.request_id
        if item is not None:
            items.append(item)
    if run_count:
        items.append(Lines(_bytes(source[run_begin:run_end]), run_count))
    return items


def _bytes(part: bytes | str) -> bytes:
    return part if isinstance(part, bytes) else part.encode("utf-8", "replace")


def _is_plain(facts: LineFacts, rules: LineRules, current: str) -> bool:
    if rules.by_id_only or facts.failure is not None or facts.is_emf:
        return False
    return not facts.request_id or facts.request_id == current


def _is_plain_object(event: object, rules: LineRules, current: str) -> bool:
    """Tells of an object with a healthy level that a full look would find nothing in it: the common JSON line."""
    if rules.by_id_only or rules.pattern is not None or not isinstance(event, dict):
        return False
    record = event.get("record")
    if not isinstance(record, dict) or event.get("type") != "function" or "_aws" in record:
        return False
    word = record.get("level")
    level = LEVEL_NAMES.get(word.lower()) if isinstance(word, str) else None
    if level is None or level >= min(rules.error_level, Level.ERROR):
        return False
    # A loop, not a generator: this runs for every line of the JSON log format.
    for key in REQUEST_ID_KEYS:  # noqa: SIM110
        if key in record and record[key] != current:
            return False
    return True


def _aligned(body: bytes) -> tuple[bytes, Events] | None:
    """Decodes a batch in compact form in one go, and finds by its separators where each event begins and ends.

    Returns:
        The body and its events, or None if the separators are not as many as the events: objects may nest their like.
    """
    if not body.startswith(BATCH_BEGIN) or not body.endswith(b"}]"):
        return None
    try:
        events = json.loads(body)
    except (ValueError, RecursionError):
        return None
    pieces = body[len(BATCH_BEGIN) : -2].split(BETWEEN)
    if len(pieces) != len(events):
        return None
    found: Events = []
    begin = 1
    for piece, event in zip(pieces, events, strict=True):
        end = begin + len(piece) + 10
        found.append((begin, end, event))
        begin = end + 1
    return body, found


def _scanned(body: bytes) -> tuple[str, Events]:
    text = body.decode("utf-8", "replace")
    return text, scan(text)
