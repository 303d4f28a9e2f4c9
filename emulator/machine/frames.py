"""Cut a function's output into records, off the framed channel and off plain pipes.

Managed runtimes get the framed channel as ``_LAMBDA_TELEMETRY_LOG_FD``. Its layout is that of AWS's own
clients (``awslambdaric/bootstrap.py``, ``FramedTelemetryLogSink``; ``LogPatch.js`` in the Node.js client): four
bytes type, four bytes length, eight bytes microseconds since 1970, big endian, then the message. One frame is one
record, newlines and all; a write may be split or joined anywhere, so reads are reassembled.
"""

import struct
from dataclasses import dataclass

HEADER = struct.Struct(">IIQ")
MAGIC = 0xA55A0000
MAGIC_MASK = 0xFFFF0000
LEVELS = {0x04: "TRACE", 0x08: "DEBUG", 0x0C: "INFO", 0x10: "WARN", 0x14: "ERROR", 0x18: "FATAL"}
# Lambda splits nothing below this (AWS "PutLogEvents": 1 MB an event); a frame over it is taken for a broken stream.
MAX_FRAME_BYTES = 64 * 1024 * 1024
# A line without a newline is cut here, so that a function that never writes one cannot fill memory.
MAX_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line as CloudWatch would have received it.

    Attributes:
        request_id: The invocation that wrote it; None outside invocations, or where the emulator cannot tell.
        text: The record verbatim, with its final newline if it has one.
        channel: ``frame``, ``stdout`` or ``stderr``.
        time_ns: Nanoseconds since 1970: of the frame, or of the reading.
        level: The frame's level, or None.
        source: ``function``, or the extension's name.
    """

    request_id: str | None
    text: str
    channel: str
    time_ns: int
    level: str | None = None
    source: str = "function"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record off a pipe, with the time and the level where the channel carries them."""

    data: bytes
    time_ns: int | None = None
    level: str | None = None


class FrameReader:
    """Reassemble frames from arbitrary chunks."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[RawRecord]:
        """Add a chunk; return the records that it completes.

        Bytes that cannot be a frame header become one plain record, so that nothing is lost silently.
        """
        self._buffer += chunk
        records = []
        offset = 0
        while len(self._buffer) - offset >= HEADER.size:
            kind, length, time_us = HEADER.unpack_from(self._buffer, offset)
            if kind & MAGIC_MASK != MAGIC or length > MAX_FRAME_BYTES:
                records.append(RawRecord(bytes(self._buffer[offset:])))
                offset = len(self._buffer)
                break
            end = offset + HEADER.size + length
            if len(self._buffer) < end:
                break
            message = bytes(self._buffer[offset + HEADER.size : end])
            records.append(RawRecord(message, time_us * 1000, LEVELS.get(kind & 0x1C)))
            offset = end
        del self._buffer[:offset]
        return records

    def close(self) -> list[RawRecord]:
        """Return the rest of an unfinished frame, without its header."""
        rest = bytes(self._buffer[HEADER.size :])
        self._buffer.clear()
        return [RawRecord(rest)] if rest else []


class LineReader:
    """Cut a plain pipe at newlines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[RawRecord]:
        """Add a chunk; return the lines that it completes, newlines included."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        records = [RawRecord(line + b"\n") for line in lines]
        while len(rest) > MAX_LINE_BYTES:
            records.append(RawRecord(rest[:MAX_LINE_BYTES]))
            rest = rest[MAX_LINE_BYTES:]
        self._rest = rest
        return records

    def close(self) -> list[RawRecord]:
        """Return an unfinished last line."""
        rest, self._rest = self._rest, b""
        return [RawRecord(rest)] if rest else []
