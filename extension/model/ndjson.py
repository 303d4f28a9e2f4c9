"""Write records in the project's own format: one JSON object a line.

``time``, ``type`` and ``record`` stand as Lambda delivered them, byte for byte. Behind them come ``level`` (where known),
``requestId``, ``traceId``, ``correlationId``, ``tenantId``, ``function``, ``version``, ``reason``, ``weight`` and ``id``. The README
documents the fields; a golden file holds the format. Two further types tell about an invocation rather than being part
of it: ``flightRecorder.invocation`` (its outcome and counts) and ``flightRecorder.gap`` (how much is missing at that
place).

Pure.
"""

from collections.abc import Iterable, Iterator
from itertools import tee

from extension.model.chunk import Chunk
from extension.model.record import Record, fields_of, members, records_in


def encode(chunks: list[Chunk]) -> bytes:
    """Write chunks, a line for each record, each line ended by a newline."""
    return b"".join(lines_of(records_in(chunks)))


def lines_of(records: Iterable[Record], *, with_levels: bool = True) -> Iterator[bytes]:
    """Write records, one JSON object and a newline each. Reading the levels takes two thirds of the time.

    Each is made as it is asked for: as NDJSON, with all that is known of each line, a batch of short lines is four times
    its size (measured).
    """
    metadata, tail = None, b""
    for record in records:
        if record.metadata is not metadata:
            metadata = record.metadata
            tail = b',%b,"id":"%b-' % (
                members(fields_of(metadata)),
                metadata.environment_id.encode(),
            )
        level = record.level if with_levels else None
        named = b"" if level is None else b',"level":"%b"' % level.name.encode()
        yield b'%b%b%b%d"}\n' % (record.raw[:-1], named, tail, record.number)


def numbered_lines(chunks: list[Chunk]) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the line, with its newline, of each record, in order."""
    records, again = tee(records_in(chunks))
    return zip((record.number for record in again), lines_of(records), strict=True)
