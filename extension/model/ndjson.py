"""The record format: one JSON object a line, the event as Lambda delivered it, and what we know of it behind that.

``time``, ``type`` and ``record`` stand as they came, byte for byte; after them come ``level`` (where known),
``requestId``, ``traceId``, ``correlationId``, ``function``, ``version``, ``reason``, ``weight`` and ``id``. The README documents the
fields; a golden file holds the format. Two further types tell about an invocation rather than being part of it:
``flightRecorder.invocation`` (its outcome and counts) and ``flightRecorder.gap`` (what is missing at that place).

Pure.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from extension.model.chunk import Chunk, Metadata
from extension.model.record import Record, dumps, records_in


def encode(chunks: list[Chunk]) -> bytes:
    """Writes chunks out, a line for each record, each line ended by a newline."""
    return b"".join(lines_of(records_in(chunks)))


def lines_of(records: Iterable[Record]) -> list[bytes]:
    """Writes records out, one JSON object and a newline each."""
    lines: list[bytes] = []
    metadata, tail = None, b""
    for kept in records:
        if kept.metadata is not metadata:
            metadata = kept.metadata
            tail = _tail(metadata)
        level = b"" if kept.level is None else b',"level":"%s"' % kept.level.name.encode()
        lines.append(kept.raw[:-1] + level + tail + b',"id":"%s"}\n' % kept.id.encode())
    return lines


def _tail(metadata: Metadata) -> bytes:
    fields = {
        "requestId": metadata.request_id,
        "traceId": metadata.trace_id,
        "correlationId": metadata.correlation_id,
        "function": metadata.function,
        "version": metadata.version,
        "reason": metadata.reason,
        "weight": weight_of(metadata),
    }
    told = {name: value for name, value in fields.items() if value != ""}
    return b"," + dumps(told)[1:-1].encode("utf-8", "replace")


def weight_of(metadata: Metadata) -> float:
    """Gives the weight as it is written: whole where it is whole."""
    return int(metadata.weight) if metadata.weight == int(metadata.weight) else metadata.weight


RECORDS_AT_ONCE = 256
"""Enough that a call costs nothing beside them, and a small part of a batch: what a batch of short lines is as NDJSON,
with all that is known of each, is four times its size (measured)."""


def numbered_lines(chunks: list[Chunk]) -> Iterator[tuple[int, bytes]]:
    """Gives the number and the line, with its newline, of each record, in order."""
    records = records_in(chunks)
    while some := list(islice(records, RECORDS_AT_ONCE)):
        yield from zip((kept.number for kept in some), lines_of(some), strict=True)
