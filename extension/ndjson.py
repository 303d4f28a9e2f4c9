"""The record format: one JSON object a line, the event as Lambda delivered it, and what we know of it behind that.

``time``, ``type`` and ``record`` stand as they came, byte for byte; after them come ``level`` (where known),
``requestId``, ``traceId``, ``correlationId``, ``function``, ``version``, ``reason``, ``weight`` and ``id``. The README documents the
fields; a golden file holds the format. Two further types tell about an invocation rather than being part of it:
``flightRecorder.invocation`` (its outcome and counts) and ``flightRecorder.gap`` (what is missing at that place). The
extension's own metrics are a line by themselves, with nothing around them.

Pure.
"""

from collections.abc import Iterable

from .kept import METRICS_TYPE, Kept, dumps, kept_in
from .parcels import Parcel, Stamp


def encode(parcels: list[Parcel]) -> bytes:
    """Writes parcels out, a line for each record, each line ended by a newline."""
    return b"".join(lines_of(kept_in(parcels)))


def lines_of(records: Iterable[Kept]) -> list[bytes]:
    """Writes records out, one JSON object and a newline each."""
    lines: list[bytes] = []
    stamp, tail = None, b""
    for kept in records:
        if kept.type == METRICS_TYPE:
            lines.append(kept.text.encode("utf-8", "replace") + b"\n")
            continue
        if kept.stamp is not stamp:
            stamp = kept.stamp
            tail = _tail(stamp)
        level = b"" if kept.level is None else b',"level":"%s"' % kept.level.name.encode()
        lines.append(kept.raw[:-1] + level + tail + b',"id":"%s"}\n' % kept.id.encode())
    return lines


def _tail(stamp: Stamp) -> bytes:
    fields = {
        "requestId": stamp.request_id,
        "traceId": stamp.trace_id,
        "correlationId": stamp.correlation_id,
        "function": stamp.function,
        "version": stamp.version,
        "reason": stamp.reason,
        "weight": weight_of(stamp),
    }
    told = {name: value for name, value in fields.items() if value != ""}
    return b"," + dumps(told)[1:-1].encode("utf-8", "replace")


def weight_of(stamp: Stamp) -> float:
    """Gives the weight as it is written: whole where it is whole."""
    return int(stamp.weight) if stamp.weight == int(stamp.weight) else stamp.weight
