"""Write records in the project's own format: one JSON object a line.

``time``, ``type`` and ``record`` stand as Lambda delivered them, byte for byte. Behind them come ``level`` (where known),
``requestId``, ``traceId``, ``correlationId``, ``tenantId``, ``function``, ``version``, ``reason``, ``weight`` and ``id``. The README
documents the fields; a golden file holds the format. Two further types tell about an invocation rather than being part
of it: ``flightRecorder.invocation`` (its outcome and counts) and ``flightRecorder.gap`` (how much is missing at that
place).

Pure.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, tee

from extension.levels.level import Level
from extension.model.chunk import Chunk, Metadata
from extension.model.record import Record, fields_of, members, records_in
from extension.model.segment import Kind, Segment

_LEVELS = {level: b',"level":"%b"' % level.name.encode() for level in Level}
_BEGIN = b'{"time":"'


def encode(chunks: list[Chunk]) -> bytes:
    """Write chunks, a line for each record, each line ended by a newline."""
    return b"".join(lines_of(records_in(chunks)))


def lines_of(records: Iterable[Record]) -> Iterator[bytes]:
    """Write records, one JSON object and a newline each.

    Each is made as it is asked for: as NDJSON, with all that is known of each line, a batch of short lines is four times
    its size (measured).
    """
    metadata, tail = None, b""
    for record in records:
        if record.metadata is not metadata:
            metadata = record.metadata
            tail = _tail_of(metadata)
        level = record.level
        named = b"" if level is None else _LEVELS[level]
        yield b'%b%b%b%d"}\n' % (record.raw[:-1], named, tail, record.number)


def lines_unread(chunk: Chunk) -> list[bytes]:
    """Write the records of a chunk as :func:`lines_of` does, but for the levels, in a fifth of the time.

    Lines as Lambda writes them are not decoded, so nothing tells a line that is no JSON.
    """
    lines: list[bytes] = []
    tail = _tail_of(chunk.metadata)
    # The record before tells the time of one that has none.
    before: list[Segment] = []
    for segment in chunk.segments:
        events = segment.events() if segment.kind is Kind.LINES else []
        if events and all(map(_is_usual, events)):
            for number, event in enumerate(events, segment.first_number):
                lines.append(b'%b%b%d"}\n' % (event[:-1], tail, number))
            before = [Segment(events[-1], count=1, first_number=0)]
        else:
            read = lines_of(records_in([chunk.of([*before, segment])]))
            lines += islice(read, len(before), None)
    return lines


def _is_usual(event: bytes) -> bool:
    return event.startswith(_BEGIN) and event.endswith(b"}") and b"\n" not in event


def _tail_of(metadata: Metadata) -> bytes:
    told = members(fields_of(metadata))
    return b',%b,"id":"%b-' % (told, metadata.environment_id.encode())


def numbered_lines(chunks: list[Chunk]) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the line, with its newline, of each record, in order."""
    records, again = tee(records_in(chunks))
    return zip((record.number for record in again), lines_of(records), strict=True)
