"""The records of chunks, one by one, as sinks write them out.

Promises: ``text`` is the line as the function wrote it: the string, or the JSON text byte for byte where Lambda gave an
object. A gap is a record as well, with what is missing at its place. What is no JSON is kept as text, and says so.

Pure. This runs for what is delivered, not for what is received, so it may parse.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from extension.model.chunk import Chunk, Metadata
from extension.model.levels import Level, level_of
from extension.model.segment import Kind, Segment, split_events

GAP_TYPE = "flightRecorder.gap"

_RECORD_AT = b'"record":'


class Record(NamedTuple):
    """One record.

    Attributes:
        number: unique in its environment; see :attr:`id`.
        metadata: of its chunk.
        raw: one JSON object, as Lambda delivered it, or as one of ours.
        time: as Lambda writes it, ISO 8601 in UTC; that of the record before where it has none of its own.
        type: ``function``, ``platform.report`` and its like, ``flightRecorder.invocation`` or ``flightRecorder.gap``.
        record: decoded: for a line, text, or an object with the JSON log format.
        level: of a line, where it tells.
    """

    number: int
    metadata: Metadata
    raw: bytes
    time: str
    type: str
    record: object
    level: Level | None

    @property
    def id(self) -> str:
        """Unique, and stable: the same if the record is sent twice."""
        return f"{self.metadata.environment_id}-{self.number}"

    @property
    def is_line(self) -> bool:
        """Whether the function wrote it."""
        return self.type == "function"

    @property
    def text(self) -> str:
        """The line as written; for other types, the record as JSON text."""
        if isinstance(self.record, str):
            return self.record
        raw = self.raw.decode("utf-8", "replace")
        # Lambda writes ``record`` last; whoever does not gets the same value, written anew.
        text = raw[raw.find('"record":') + len(_RECORD_AT) : -1].strip()
        try:
            if json.loads(text) == self.record:
                return text
        except (ValueError, RecursionError):
            pass
        return dumps(self.record)


def dumps(value: object) -> str:
    """Writes JSON compactly."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def records_in(chunks: list[Chunk]) -> Iterator[Record]:
    """Gives the records of chunks, in order."""
    time = ""
    for chunk in chunks:
        for segment in chunk.segments:
            if segment.kind is Kind.GAP:
                yield _gap(chunk.metadata, segment, time)
                continue
            events = split_events(segment.raw, segment.count)
            for number, event in enumerate(events, segment.first_number):
                kept = _kept(chunk.metadata, number, event, time)
                time = kept.time
                yield kept


def _kept(metadata: Metadata, number: int, event: bytes, last_time: str) -> Record:
    try:
        parsed = json.loads(event)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or not parsed or b"\n" in event:
        # Bytes that are no UTF-8, or an event cut short: what can be read of it is kept as text.
        parsed = {
            "time": "",
            "type": "function",
            "record": event.decode("utf-8", "replace"),
            "malformed": True,
        }
        event = dumps(parsed).encode("utf-8", "replace")
    time, kind, record = parsed.get("time"), parsed.get("type"), parsed.get("record")
    return Record(
        number,
        metadata,
        event.strip(),
        time if isinstance(time, str) and time else last_time,
        kind if isinstance(kind, str) else "",
        record,
        level_of(record) if kind == "function" else None,
    )


def _gap(metadata: Metadata, segment: Segment, time: str) -> Record:
    told = {"evictedLines": segment.count, "evictedBytes": segment.gone_bytes}
    raw = dumps({"time": time, "type": GAP_TYPE, "record": told}).encode("utf-8", "replace")
    return Record(segment.first_number, metadata, raw, time, GAP_TYPE, told, None)


def is_emf(parsed: dict[str, object] | None) -> bool:
    """Tells whether a line is in CloudWatch's embedded metric format (AWS: EMF specification).

    Metrics are taken from such lines and from nowhere else, so they are never sampled away.
    """
    metadata = parsed.get("_aws") if parsed is not None else None
    return isinstance(metadata, dict) and "CloudWatchMetrics" in metadata
