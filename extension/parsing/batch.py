"""Parse a batch of the Logs or the Telemetry API, without decoding unremarkable lines.

Most lines are dropped, so the common line costs a look at its first bytes. :func:`read_batch` splits the batch where
events begin and keeps consecutive unremarkable lines together, as the bytes that arrived. It decodes platform events,
and lines that may matter: an error, metrics, another invocation's id. From the first event that cannot be split this way on,
each event is decoded; both ways yield the same items.

Pure. Assumes of AWS (Telemetry API schema reference):

- A batch is a JSON array of ``{"time","type","record"}``. Lambda's encoder writes it compactly and in that key order.
  Every other form is read too, but slower.
- ``record`` has any JSON type, and unknown types are to be ignored.
- A batch may be garbage. Its unreadable parts come back as :class:`Unreadable`, to be counted.
"""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from extension.levels.level import PLAIN_NAMES, Level
from extension.levels.metrics import DIRECTIVES
from extension.levels.reading import WRAPPER_KEYS, is_wide, keep_first
from extension.model.segment import BATCH_BEGIN, BETWEEN, UNREADABLE, scan
from extension.parsing.fast_path import (
    FUNCTION,
    FUNCTION_OBJECT,
    count_plain,
    is_plain,
    stretches,
    telltales_in,
)
from extension.parsing.json_starts import says_plainly
from extension.parsing.line import ID_NESTS, LineFacts, LineRules, look_at
from extension.parsing.platform_events import Ended, PlatformEvent, Started, event_of

FLOOD_BYTES = 16 * 1024
"""A larger batch probably holds lines alone. A first search for other events would cost each of its lines."""

_EVENT_BEGIN = BATCH_BEGIN[1:]

_PLATFORM = b'","type":"platform.'

_QUOTE = ord('"')

_decode_at = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # as of 3.10 to 3.14
"""A third of the cost of :func:`json.loads`, which also skips white space. Raises StopIteration where there is no JSON."""

_decode_first_at = json.JSONDecoder(object_pairs_hook=keep_first).raw_decode

_LEVEL = b'"level"'
"""Of an event that holds it twice, the first one may be the line's own; see :func:`keep_first`."""


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

DECODED_BYTES = 32 * 1024
"""Events are decoded so many at a time. Small objects take ten times their bytes, so a batch as a whole would take megabytes."""

_Found = tuple[int, int, object]
"""Where an event begins and ends in the batch, and the event as decoded."""

MAX_STRAY_VALUES = 64
"""Of a batch, that are no events. Lambda writes none, so the rest of such a batch is not worth the time it takes."""


def read_batch(body: bytes, *, rules: LineRules, open_id: bytes) -> Iterator[Item]:
    """Parse the body of one POST; yield its items one by one, in order. No content raises an error.

    Lines without an id belong to the invocation whose request id is ``open_id``. A ``platform.start`` within the batch
    changes that for the items behind it.
    """
    return _Batch(body, rules, open_id).items()


class _Batch:
    """Read one batch. Unremarkable lines that follow each other become one item."""

    def __init__(self, body: bytes, rules: LineRules, open_id: bytes) -> None:
        self._body = body
        self._rules = rules
        self._open_id = open_id
        self._careful_from = min(rules.error_level, Level.ERROR)
        # The first event that is not read yet, and the run of unremarkable lines before it.
        self._at = 0
        self._run_begin = self._run_end = self._run_count = 0
        self._run_is_text = False

    def items(self) -> Iterator[Item]:
        """Yield the items: those of the quick way, as far as it goes, and then those of the exact way."""
        body, rules = self._body, self._rules
        if not rules.reads_all and _is_compact(body):
            self._at = 1
            has_objects = not rules.texts_only and FUNCTION_OBJECT in body
            if has_objects:
                # Behind a line of text, what looks like one more line may be data of an object.
                is_flood = body.startswith(FUNCTION_OBJECT, body.find(FUNCTION[:-1]))
            else:
                is_flood = len(body) >= FLOOD_BYTES
            if is_flood:
                count, is_text = count_plain(body, self._open_id, self._careful_from)
                if count:
                    yield Lines(body[1:-1], count, is_text=is_text)
                    return
            if not has_objects:
                yield from self._quickly()
                if self._at >= len(body) - 1:
                    return
        yield from self._exactly()

    def _quickly(self) -> Iterator[Item]:
        """Read events in Lambda's compact form. Stop at the first one of any other form.

        In text lines quotes are escaped, so the beginning of a platform event cannot be mistaken. Objects may contain the
        same bytes, so a batch with objects is not read here.
        """
        body, last = self._body, len(self._body) - 1
        while self._at < last:
            at = body.find(_PLATFORM, self._at)
            event_begin = body.rfind(_EVENT_BEGIN, self._at, at) if at >= 0 else last + 1
            if event_begin > self._at:
                yield from self._lines(event_begin - 1)
                if self._at < event_begin - 1:
                    return
            if at < 0:
                self._at = last
                break
            end = body.find(BETWEEN, at) + 1 or last
            item = _read_event(body[event_begin:end], self._rules)
            if isinstance(item, Unreadable):
                break  # Not of the form after all.
            if self._run_count:
                yield from self._passed()
            self._at = end + 1
            if isinstance(item, Started):
                self._open_id = item.request_id.encode("utf-8", "replace")
            if item is not None:
                yield item
        if self._run_count:
            yield from self._passed()

    def _lines(self, until: int) -> Iterator[Item]:
        """Read the lines before an offset; stop at one that is not text, and keep the run before it."""
        errors_matter = self._rules.error_level <= Level.ERROR
        for end in stretches(self._body, self._at, until) if errors_matter else [until]:
            yield from self._stretch(end)
            if self._at < end:
                return

    def _stretch(self, until: int) -> Iterator[Item]:
        """Read lines as :meth:`_lines` does: at once if all are unremarkable, or else one by one."""
        body, rules = self._body, self._rules
        run = body[self._at : until]
        count, self._run_is_text = count_plain(run, self._open_id, self._careful_from)
        if count:
            yield Lines(run, count, is_text=self._run_is_text)
            self._at = until + 1
            return
        telltales = telltales_in(run)
        del run
        time_bytes = 0
        current = self._open_id.decode("utf-8", "replace")
        while self._at < until:
            begin = self._at
            end = body.find(BETWEEN, begin, until) + 1 or until
            piece = body[begin + len(_EVENT_BEGIN) : end - 1]
            if not piece.startswith(FUNCTION, time_bytes):
                time_bytes = max(piece.find(b'"'), 0)
            if not piece.startswith(FUNCTION, time_bytes) or piece[-1] != _QUOTE:
                self._run_is_text = False
                return
            item: Item | None = None
            plain = is_plain(piece, time_bytes + len(FUNCTION), self._open_id, self._careful_from)
            if not plain or (telltales and any(needle in piece for needle in telltales)):
                item = _read_event(body[begin:end], rules)
                plain = _is_plain(item, rules, current)
            if plain:
                self._pass_by(begin, end)
            else:
                yield from self._passed()
                if item is not None:
                    yield item
            self._at = end + 1
        yield from self._passed()

    def _exactly(self) -> Iterator[Item]:
        """Read any other form, by decoding each event."""
        rules = self._rules
        current = self._open_id.decode("utf-8", "replace")
        strays = 0
        for events in self._events():
            for begin, end, event in events:
                item: Item | None = None
                plain = _is_plain_object(event, rules, current)
                if not plain:
                    raw = self._body[begin:end]
                    item = Unreadable(raw) if event is UNREADABLE else _item_of(event, raw, rules)
                    plain = _is_plain(item, rules, current)
                if plain:
                    self._pass_by(begin, end)
                    continue
                if self._run_count:
                    yield from self._passed()
                strays += isinstance(item, Unreadable)
                if strays > MAX_STRAY_VALUES:
                    yield Unreadable(self._body[begin:])
                    return
                if item is not None:
                    yield item
                if isinstance(item, Started):
                    current = item.request_id
        yield from self._passed()

    def _events(self) -> Iterator[Iterable[_Found]]:
        """Yield where each event begins and ends in the body, and the event as decoded; some of them at a time.

        A batch in compact form is decoded in slices, and from the first separator within an object on value by value.
        """
        body, at = self._body, self._at
        is_compact = at or (body.startswith(BATCH_BEGIN) and body.endswith(b"}]"))
        at = max(at, 1) if is_compact else 0
        last = len(body) - 1
        while is_compact and at < last:
            until = body.find(BETWEEN, at + DECODED_BYTES) + 1 or last
            raw = body[at:until]
            events = _skimmed(raw, at) if is_wide(raw) else _aligned(raw, at)
            if events is None:
                break
            yield events
            at = until + 1
        if not is_compact or at < last:
            yield self._one_by_one(at)

    def _one_by_one(self, at: int) -> Iterator[_Found]:
        """Decode the values from an offset on, one by one, in any form."""
        body = self._body
        text = body[at:].decode("utf-8", "replace")
        self._body = body[:at] + text.encode("utf-8", "replace")
        passed = 0
        for begin, end, event in scan(text):
            at += len(text[passed:begin].encode("utf-8", "replace"))
            event_at, passed = at, end
            raw = text[begin:end].encode("utf-8", "replace")
            at += len(raw)
            yield event_at, at, _decoded(raw) if raw.count(_LEVEL) > 1 else event

    def _pass_by(self, begin: int, end: int) -> None:
        """Add an unremarkable line to the run, or begin one with it."""
        if not self._run_count:
            self._run_begin = begin
        self._run_end = end
        self._run_count += 1

    def _passed(self) -> Iterator[Item]:
        """End the run of unremarkable lines, if there is one."""
        if self._run_count:
            raw = self._body[self._run_begin : self._run_end]
            yield Lines(raw, self._run_count, is_text=self._run_is_text)
            self._run_count = 0


def _is_compact(body: bytes) -> bool:
    """Tell whether a batch begins and ends in compact form, and its second event follows as in compact form."""
    if not (body.startswith(BATCH_BEGIN) and body.endswith(b"}]")):
        return False
    second = body.find(_EVENT_BEGIN, len(BATCH_BEGIN))
    return second < 0 or body.startswith(BETWEEN, second + len(_EVENT_BEGIN) - len(BETWEEN))


def _aligned(raw: bytes, at: int) -> list[_Found] | None:
    """Decode some events in compact form, which begin at an offset of the batch, at once.

    Return None for other forms, and if an object contains a separator, so that there are more of them than events.
    """
    try:
        events = json.loads(b"[%b]" % raw)
    except (ValueError, RecursionError):
        return None
    pieces = raw[len(_EVENT_BEGIN) : -1].split(BETWEEN)
    if len(pieces) != len(events) or not raw.startswith(_EVENT_BEGIN):
        return None
    found: list[_Found] = []
    for piece, event in zip(pieces, events, strict=True):
        end = at + len(piece) + len(_EVENT_BEGIN) + 1
        is_clear = piece.count(_LEVEL) <= 1
        found.append((at, end, event if is_clear else _decoded(b"%b%b}" % (_EVENT_BEGIN, piece))))
        at = end + 1
    return found


def _skimmed(raw: bytes, at: int) -> list[_Found] | None:
    """Read some events as :func:`_aligned` does, and of a wide line no more than its text."""
    # Imported here: few functions write such lines.
    from extension.parsing.wide_lines import events_in, text_of

    events = events_in(raw)
    if events is None:
        return None
    found: list[_Found] = []
    for begin, end in events:
        piece = raw[begin:end]
        text = text_of(piece)
        event = _decoded(piece) if text is None else {"type": "function", "record": text}
        found.append((at + begin, at + end, event))
    return found


def _decoded(raw: bytes) -> object:
    """Decode one event that begins with its brace; return UNREADABLE for anything else."""
    text = raw.decode("utf-8", "replace")
    hook = keep_first if raw.count(_LEVEL) > 1 else None
    try:
        event, end = _decode_at(text, 0) if hook is None else _decode_first_at(text)
        if end != len(text):
            # White space may follow, and nothing else.
            event = json.loads(text, object_pairs_hook=hook)
    except (ValueError, RecursionError, StopIteration):
        return UNREADABLE
    return event


def _read_event(raw: bytes, rules: LineRules) -> Item | None:
    event = _decoded(raw)
    return Unreadable(raw) if event is UNREADABLE else _item_of(event, raw, rules)


def _item_of(event: object, raw: bytes, rules: LineRules) -> Item | None:
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(kind, str):
        return Unreadable(raw)
    record = event.get("record")
    if kind == "function":
        return Line(raw, look_at(record, rules=rules))
    time = event.get("time")
    told = event_of(kind, record, time=time if isinstance(time, str) else "", raw=raw)
    # Whose beginning or end it is, nobody can tell.
    is_nobodys = isinstance(told, (Started, Ended)) and not told.request_id
    return Unreadable(raw) if is_nobodys else told


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
