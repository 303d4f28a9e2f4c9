"""The record format: one JSON object a line, the event as Lambda delivered it, and what we know of it behind that.

``time``, ``type`` and ``record`` stand as they came, byte for byte; after them come ``level`` (where known),
``requestId``, ``traceId``, ``function``, ``version``, ``reason``, ``weight`` and ``id``. The README documents the
fields; a golden file holds the format. Two further types tell about an invocation rather than being part of it:
``flightRecorder.invocation`` (its outcome and counts) and ``flightRecorder.gap`` (what is missing at that place).

Pure. This runs for what is delivered, not for what is received, so it may parse.
"""

import json

from .levels import level_of
from .outbox import Parcel, Stamp
from .recording import Kind, Segment
from .records import split_events

_TIME_AT = len(b'{"time":"')


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def encode(parcels: list[Parcel]) -> bytes:
    """Writes parcels out, a line for each record, each line ended by a newline."""
    lines: list[bytes] = []
    for parcel in parcels:
        tail = _tail(parcel.stamp)
        environment_id = parcel.stamp.environment_id.encode()
        time = b""
        for segment in parcel.segments:
            if segment.kind is Kind.GAP:
                lines.append(
                    _gap(segment, time)
                    + tail
                    + b',"id":"%s-%d"}\n' % (environment_id, segment.first_number)
                )
                continue
            for number, event in enumerate(
                split_events(segment.raw, segment.count), segment.first_number
            ):
                head = _head(event)
                time = (
                    head[_TIME_AT : head.find(b'"', _TIME_AT)]
                    if head.startswith(b'{"time":"')
                    else time
                )
                lines.append(head + tail + b',"id":"%s-%d"}\n' % (environment_id, number))
    return b"".join(lines)


def _tail(stamp: Stamp) -> bytes:
    fields = {
        "requestId": stamp.request_id,
        "traceId": stamp.trace_id,
        "function": stamp.function,
        "version": stamp.version,
        "reason": stamp.reason,
        "weight": int(stamp.weight) if stamp.weight == int(stamp.weight) else stamp.weight,
    }
    return b"," + _dumps({name: value for name, value in fields.items() if value != ""})[1:-1]


def _head(event: bytes) -> bytes:
    """Gives the event without its closing brace, with the level added; repaired if it is no JSON."""
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
        event = _dumps(parsed)
    head = event.rstrip()[:-1]
    if parsed.get("type") != "function":
        return head
    level = level_of(parsed.get("record"))
    return head if level is None else head + b',"level":"%s"' % level.name.encode()


def _gap(segment: Segment, time: bytes) -> bytes:
    told = {"evictedLines": segment.count, "evictedBytes": segment.gone_bytes}
    return _dumps(
        {"time": time.decode("utf-8", "replace"), "type": "flightRecorder.gap", "record": told}
    )[:-1]
