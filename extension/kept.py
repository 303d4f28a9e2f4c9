"""The records of parcels, one by one, as sinks write them out.

Promises: ``text`` is the line as the function wrote it: the string, or the JSON text byte for byte where Lambda gave an
object. A gap is a record as well, with what is missing at its place. What is no JSON is kept as text, and says so.

Pure. This runs for what is delivered, not for what is received, so it may parse.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

from .levels import Level, level_of
from .parcels import Parcel, Stamp
from .recording import Kind, Segment
from .records import split_events

GAP_TYPE = "flightRecorder.gap"
METRICS_TYPE = "flightRecorder.metrics"
"""Of a record that is the extension's own metrics, written with nothing around it, as CloudWatch wants them."""
_RECORD_AT = b'"record":'


class Kept(NamedTuple):
    """One record.

    Attributes:
        number: unique in its environment; see :attr:`id`.
        stamp: of its parcel.
        raw: one JSON object, as Lambda delivered it, or as one of ours.
        time: as Lambda writes it, ISO 8601 in UTC; that of the record before where it has none of its own.
        type: ``function``, ``platform.report`` and its like, ``flightRecorder.invocation`` or ``flightRecorder.gap``.
        record: decoded: for a line, text, or an object with the JSON log format.
        level: of a line, where it tells.
    """

    number: int
    stamp: Stamp
    raw: bytes
    time: str
    type: str
    record: object
    level: Level | None

    @property
    def id(self) -> str:
        """Unique, and stable: the same if the record is sent twice."""
        return f"{self.stamp.environment_id}-{self.number}"

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


def kept_in(parcels: list[Parcel]) -> Iterator[Kept]:
    """Gives the records of parcels, in order."""
    time = ""
    for parcel in parcels:
        for segment in parcel.segments:
            if segment.kind is Kind.GAP:
                yield _gap(parcel.stamp, segment, time)
                continue
            events = split_events(segment.raw, segment.count)
            for number, event in enumerate(events, segment.first_number):
                kept = _kept(parcel.stamp, number, event, time)
                time = kept.time
                yield kept


def _kept(stamp: Stamp, number: int, event: bytes, last_time: str) -> Kept:
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
    return Kept(
        number,
        stamp,
        event.strip(),
        time if isinstance(time, str) and time else last_time,
        kind if isinstance(kind, str) else "",
        record,
        level_of(record) if kind == "function" else None,
    )


def _gap(stamp: Stamp, segment: Segment, time: str) -> Kept:
    told = {"evictedLines": segment.count, "evictedBytes": segment.gone_bytes}
    raw = dumps({"time": time, "type": GAP_TYPE, "record": told}).encode("utf-8", "replace")
    return Kept(segment.first_number, stamp, raw, time, GAP_TYPE, told, None)


def epoch_ns(time: str) -> int | None:
    """Reads a time as Lambda writes it, in nanoseconds since 1970; None if it is none.

    Lambda writes ``2022-10-12T00:00:15.064Z``, with three digits after the point or six (AWS: Telemetry API).
    """
    try:
        # Before 3.11 fromisoformat takes neither the Z nor any number of digits but three and six.
        moment = datetime.fromisoformat(time.removesuffix("Z")).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * 1_000_000_000 + moment.microsecond * 1000
