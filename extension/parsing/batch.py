"""Parse a batch of the Logs or the Telemetry API, without decoding unremarkable lines.

Most lines are dropped, so the common line costs a look at its first bytes. :func:`read_batch` splits the batch where
events begin and keeps consecutive unremarkable lines together, as the bytes that arrived. It decodes platform events,
and lines that may matter: an error, metrics, another invocation's id. A batch that cannot be split this way is decoded
as a whole; both ways return the same items.

Pure. Assumes of AWS (Telemetry API schema reference):

- A batch is a JSON array of ``{"time","type","record"}``. Lambda's encoder writes it compactly and in that key order.
  Every other form is read too, but slower.
- ``record`` has any JSON type, and unknown types are to be ignored.
- A batch may be garbage. Its unreadable parts come back as :class:`Unreadable`, to be counted.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from extension.levels.level import PLAIN_NAMES, Level
from extension.levels.metrics import DIRECTIVES
from extension.levels.reading import WRAPPER_KEYS
from extension.model.segment import BATCH_BEGIN, BETWEEN, UNREADABLE, Events, scan
from extension.parsing.fast_path import (
    FUNCTION,
    FUNCTION_OBJECT,
    count_plain,
    is_plain,
    telltales_in,
)
from extension.parsing.json_starts import says_plainly
from extension.parsing.line import ID_NESTS, LineFacts, LineRules, look_at
from extension.parsing.platform_events import PlatformEvent, Started, event_of

FLOOD_BYTES = 16 * 1024
"""A larger batch probably holds lines alone. A first search for other events would cost each of its lines."""

_EVENT_BEGIN = BATCH_BEGIN[1:]

_PLATFORM = b'","type":"platform.'

_QUOTE = ord('"')

_decode_at = json.JSONDecoder().raw_decode
"""Half of the cost of :func:`json.loads`, which also skips white space."""


class Lines:
    """Hold consecutive unremarkable lines: their events' JSON, comma-separated, as it arrived.

    ``is_text`` tells whether certainly no line is JSON.
    """

    __slots__ = ("count", "is_text", "raw")

    def __init__(self, raw: bytes, count: int, *, is_text: bool = False) -> None:
        self.raw = raw
        self.count = count
        self.is_text = is_text


class Line(NamedTuple):
    """Hold one line that was read: its event's JSON, and its facts."""

    raw: bytes
    facts: LineFacts


class Unreadable(NamedTuple):
    """Hold a part of a batch that is not an event."""

    raw: bytes


Item = Lines | Line | PlatformEvent | Unreadable


def read_batch(body: bytes, *, rules: LineRules, open_id: bytes) -> list[Item]:
    """Parse the body of one POST into its items, in order. No content raises an error.

    Lines without an id belong to the invocation whose request id is ``open_id``. A ``platform.start`` within the batch
    changes that for the items behind it.
    """
    items = None
    if not rules.reads_all:
        items = _read_compact(body, rules, open_id)
    return _read_exactly(body, rules, open_id) if items is None else items


def _read_compact(body: bytes, rules: LineRules, open_id: bytes) -> list[Item] | None:
    """Parse a batch in Lambda's compact form; return None for any other form.

    In text lines quotes are escaped, so the beginning of a platform event cannot be mistaken. Objects may contain the
    same bytes. So a batch with objects is parsed here only if all its events are objects and plain.
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
        if isinstance(item, Started):
            open_id = item.request_id.encode("utf-8", "replace")
        if item is not None:
            items.append(item)
        begin = end + 1
    return items


class _Items:
    """Collect items in order; unremarkable lines that follow each other become one of them."""

    def __init__(self, cut: Callable[[int, int], bytes], *, is_text: bool = False) -> None:
        self.items: list[Item] = []
        self._cut = cut
        self._is_text = is_text
        self._begin = self._end = self._count = 0

    def pass_by(self, begin: int, end: int) -> None:
        """Add the unremarkable line between two offsets."""
        if not self._count:
            self._begin = begin
        self._end = end
        self._count += 1

    def add(self, item: Item | None) -> None:
        """Add what ends a run of such lines; None only ends it."""
        if self._count:
            raw = self._cut(self._begin, self._end)
            self.items.append(Lines(raw, self._count, is_text=self._is_text))
            self._count = 0
        if item is not None:
            self.items.append(item)


def _add_lines(
    items: list[Item], run: bytes, rules: LineRules, open_id: bytes, careful_from: int
) -> bool:
    """Add the lines between two platform events; return False unless all are text."""
    count, is_text = count_plain(run, open_id, careful_from)
    if count:
        items.append(Lines(run, count, is_text=is_text))
        return True
    telltales = telltales_in(run)
    begin = time_bytes = 0
    current = open_id.decode("utf-8", "replace")
    found = _Items(lambda begin, end: run[begin:end], is_text=is_text)
    for piece in run[len(_EVENT_BEGIN) : -1].split(BETWEEN):
        end = begin + len(piece) + len(_EVENT_BEGIN) + 1
        if not piece.startswith(FUNCTION, time_bytes):
            time_bytes = max(piece.find(b'"'), 0)
        if not piece.startswith(FUNCTION, time_bytes) or piece[-1] != _QUOTE:
            return False
        item: Item | None = None
        plain = is_plain(piece, time_bytes + len(FUNCTION), open_id, careful_from)
        if not plain or (telltales and any(needle in piece for needle in telltales)):
            item = _read_event(run[begin:end], rules)
            plain = _is_plain(item, rules, current)
        if plain:
            found.pass_by(begin, end)
        else:
            found.add(item)
        begin = end + 1
    found.add(None)
    items += found.items
    return True


def _read_event(raw: bytes, rules: LineRules) -> Item | None:
    """Read one event that begins with its brace."""
    text = raw.decode("utf-8", "replace")
    try:
        event, end = _decode_at(text)
        if end != len(text):
            event = json.loads(text)  # White space may follow, and nothing else.
    except (ValueError, RecursionError):
        return Unreadable(raw)
    return _item_of(event, raw, rules)


def _item_of(event: object, raw: bytes, rules: LineRules) -> Item | None:
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(kind, str):
        return Unreadable(raw)
    record = event.get("record")
    if kind == "function":
        return Line(raw, look_at(record, rules=rules))
    time = event.get("time")
    return event_of(kind, record, time=time if isinstance(time, str) else "", raw=raw)


def _read_exactly(body: bytes, rules: LineRules, open_id: bytes) -> list[Item]:
    """Parse any batch, by decoding all of it."""
    events = _aligned(body)
    text = "" if events is not None else body.decode("utf-8", "replace")

    def cut(begin: int, end: int) -> bytes:
        return text[begin:end].encode("utf-8", "replace") if text else body[begin:end]

    found = _Items(cut)
    current = open_id.decode("utf-8", "replace")
    for begin, end, event in scan(text) if events is None else events:
        item: Item | None = None
        plain = _is_plain_object(event, rules, current)
        if not plain:
            raw = cut(begin, end)
            item = Unreadable(raw) if event is UNREADABLE else _item_of(event, raw, rules)
            plain = _is_plain(item, rules, current)
        if plain:
            found.pass_by(begin, end)
            continue
        found.add(item)
        if isinstance(item, Started):
            current = item.request_id
    found.add(None)
    return found.items


def _is_plain(item: Item | None, rules: LineRules, current: str) -> bool:
    if not isinstance(item, Line):
        return False
    facts = item.facts
    remarkable = rules.by_id_only or facts.failure is not None or facts.is_emf
    return not remarkable and (not facts.request_ids or current in facts.request_ids)


def _is_plain_object(event: object, rules: LineRules, current: str) -> bool:
    """Recognise the common JSON line: an object with a healthy level, in which :func:`look_at` would find nothing."""
    if rules.reads_all or not isinstance(event, dict):
        return False
    record = event.get("record")
    if not isinstance(record, dict) or event.get("type") != "function":
        return False
    word = record.get("level")
    level = PLAIN_NAMES.get(word.lower()) if isinstance(word, str) else None
    is_healthy = level is not None and level < min(rules.error_level, Level.ERROR)
    if (
        not is_healthy
        or "_aws" in record
        or DIRECTIVES in record
        or not ID_NESTS.isdisjoint(record)
    ):
        return False
    if ("msg" in record or WRAPPER_KEYS.issuperset(record)) and not says_plainly(record):
        return False
    # A loop, not a generator: this runs for every line of the JSON log format.
    for key in record:  # noqa: SIM110
        if "equest" in key and record[key] != current:
            return False
    return True


def _aligned(body: bytes) -> Events | None:
    """Decode a batch in compact form at once, and find each event by the separators.

    Return None for other forms, and if an object contains a separator, so that there are more of them than events.
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
    return found
