"""Define a record: one event or one gap of a chunk, decoded, as sinks write it.

Promises: ``text`` is the line as the function wrote it: the string, or the JSON text byte for byte where Lambda gave an
object. A gap is a record as well, and tells how much is missing at its place. An event that is not JSON becomes a text
line marked ``malformed``.

Pure. This runs for delivered lines only, so it may decode them. It decodes each JSON text once.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from extension.levels.level import Level
from extension.levels.metrics import holds_metrics
from extension.levels.reading import is_wide, level_of, object_of
from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Kind, Segment
from extension.model.timestamps import epoch_ns

GAP_TYPE = "flightRecorder.gap"
WARNING_TYPE = "flightRecorder.warning"

_UNPARSED: dict[str, object] = {}
"""In place of a line's object until somebody asks for it."""

_decode_at = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # as of 3.10 to 3.14
"""Half of the cost of ``raw_decode`` for a short text. Raises StopIteration where there is no JSON."""

dumps: Callable[[object], str] = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""Write JSON compactly."""


def to_json(value: object) -> bytes:
    """Write JSON compactly in UTF-8; a surrogate without its partner, for which UTF-8 has no bytes, becomes ``?``."""
    return dumps(value).encode("utf-8", "replace")


class Record:
    """One record.

    Attributes:
        number: unique in its environment; see :attr:`id`.
        metadata: of its chunk.
        raw: one JSON object, as Lambda delivered it, or as one of ours.
        time: as Lambda writes it, ISO 8601 in UTC; that of the record before where it has none of its own.
        type: ``function``, ``platform.report`` and its like, ``flightRecorder.invocation`` or ``flightRecorder.gap``.
        record: decoded: for a line, text, or an object with the JSON log format; a wide object as its JSON text.

    ``text_at`` is the offset in ``raw`` from which all but the last byte is the record's JSON; 0 if unknown.
    """

    __slots__ = ("_parsed", "_text_at", "metadata", "number", "raw", "record", "time", "type")

    def __init__(  # noqa: PLR0913 - a plain value
        self,
        number: int,
        metadata: Metadata,
        raw: bytes,
        time: str,
        type: str,  # noqa: A002 - the member's name
        record: object,
        *,
        text_at: int = 0,
    ) -> None:
        self.number = number
        self.metadata = metadata
        self.raw = raw
        self.time = time
        self.type = type
        self.record = record
        self._text_at = text_at
        self._parsed: dict[str, object] | None = _UNPARSED

    @property
    def id(self) -> str:
        """Unique, and stable: the same if the record is sent twice."""
        return f"{self.metadata.environment_id}-{self.number}"

    @property
    def is_line(self) -> bool:
        """Whether the function wrote it."""
        return self.type == "function"

    @property
    def parsed(self) -> dict[str, object] | None:
        """The JSON object that a line is or holds as text; None for any other line, and for what is not a line."""
        if self._parsed is _UNPARSED:
            self._parsed = object_of(self.record) if self.is_line else None
        return self._parsed

    @property
    def is_emf(self) -> bool:
        """Whether it is a line that holds metrics in CloudWatch's embedded metric format."""
        return self.is_line and holds_metrics(self.record)

    @property
    def level(self) -> Level | None:
        """The level of a line that tells one."""
        if not self.is_line:
            return None
        level, level_in = level_of(self.record), self.metadata.level_in
        return level_in(self.text) if level is None and level_in is not None else level

    @property
    def text(self) -> str:
        """The line as written; for other types, the record as JSON text."""
        if isinstance(self.record, str):
            return self.record
        if self._text_at:
            return self.raw[self._text_at : -1].decode()
        # Lambda writes ``record`` last. Where another member follows, the same value is written anew.
        text = self.raw.decode("utf-8", "replace").partition('"record":')[2][:-1].strip()
        try:
            if json.loads(text) == self.record:
                return text
        except (ValueError, RecursionError):
            pass
        return dumps(self.record)


def records_in(chunks: list[Chunk]) -> Iterator[Record]:
    """Yield the records of chunks, in order."""
    time = ""
    for chunk in chunks:
        for segment in chunk.segments:
            if segment.kind is Kind.GAP:
                yield _gap(chunk.metadata, segment, time)
                continue
            events = [segment.raw] if segment.count == 1 else segment.events()
            if segment.kind is Kind.SUMMARY:
                # Imported here: most deliveries hold no failed invocation.
                from extension.model.summary import finished

                events = [finished(segment.raw)]
            for number, event in enumerate(events, segment.first_number):
                record = _as_lambda_writes(chunk.metadata, number, event)
                record = record or _decoded(chunk.metadata, number, event, time)
                time = record.time
                yield record


def timed(records: Iterable[Record], now_ns: int) -> Iterator[tuple[Record, int]]:
    """Yield records with their times, in nanoseconds since 1970.

    A record without a readable time has that of the record before it, or else of the first one behind it, or else
    ``now_ns``.
    """
    waiting: list[Record] = []
    ns: int | None = None
    for record in records:
        own = epoch_ns(record.time)
        ns = ns if own is None else own
        if ns is None:
            waiting.append(record)
            continue
        while waiting:
            yield waiting.pop(0), ns
        yield record, ns
    for record in waiting:
        yield record, now_ns


def fields_of(metadata: Metadata) -> dict[str, object]:
    """Return what every record tells of its metadata, by field of the record format; empty where unknown."""
    weight = metadata.weight
    return {
        "requestId": metadata.request_id,
        "traceId": metadata.trace_id,
        "correlationId": metadata.correlation_id,
        "tenantId": metadata.tenant_id,
        "function": metadata.function,
        "version": metadata.version,
        "reason": metadata.reason,
        "weight": int(weight) if weight == int(weight) else weight,
    }


def members(fields: Mapping[str, object]) -> bytes:
    """Write the fields that are not empty as members of a JSON object, without its braces."""
    return to_json({name: value for name, value in fields.items() if value != ""})[1:-1]


@cache
def _beginning() -> re.Pattern[str]:
    """Compile the beginning of an event in the order in which Lambda writes its members."""
    plain = r'"([ !#-\[\]-~]*)"'
    return re.compile(rf'\{{"time":{plain},"type":{plain},"record":')


def _as_lambda_writes(metadata: Metadata, number: int, event: bytes) -> Record | None:
    """Decode an event whose members are time, type and record, in this order; None for any other.

    The JSON from this beginning to the last brace is the record's. So the event is decoded once, and the text of an
    object is known without a second look.
    """
    raw = event.strip()
    try:
        text = raw.decode()
        beginning = _beginning().match(text)
        if beginning is None or not beginning[1] or b"\n" in event:
            return None
        # The beginning is ASCII, so that offsets in the text are those in the bytes.
        at = beginning.end()
        is_object = text.startswith("{", at)
        if is_object and beginning[2] == "function" and is_wide(text):
            # Its text is the line as written, as that of any object; nothing reads its members.
            return Record(number, metadata, raw, beginning[1], beginning[2], text[at:-1])
        record, end = _decode_at(text, at)
    except (ValueError, RecursionError, StopIteration):
        return None
    if text[end:] != "}":
        return None
    return Record(number, metadata, raw, beginning[1], beginning[2], record, text_at=at)


def _decoded(metadata: Metadata, number: int, event: bytes, last_time: str) -> Record:
    try:
        parsed = json.loads(event)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or not parsed or b"\n" in event:
        # Bytes that are no UTF-8, or an event cut short: what can be read of it is kept as text.
        text = event.decode("utf-8", "replace")
        parsed = {"time": "", "type": "function", "record": text, "malformed": True}
        event = to_json(parsed)
    time, kind = parsed.get("time"), parsed.get("type")
    time = time if isinstance(time, str) and time else last_time
    kind = kind if isinstance(kind, str) else ""
    return Record(number, metadata, event.strip(), time, kind, parsed.get("record"))


def _gap(metadata: Metadata, segment: Segment, time: str) -> Record:
    told = {"evictedLines": segment.count, "evictedBytes": segment.gone_bytes}
    raw = to_json({"time": time, "type": GAP_TYPE, "record": told})
    return Record(segment.first_number, metadata, raw, time, GAP_TYPE, told)
