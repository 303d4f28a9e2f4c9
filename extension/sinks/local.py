"""``file:PATH`` and ``stdout:``: records as NDJSON, appended to a file or written to standard output.

The file is opened for each delivery, so that it may be moved away at any time. A delivery is one write, so that several
environments may share a file, such as one on a mounted file system (POSIX: O_APPEND).
"""

import os

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig

FILE_MODE = 0o644
STDOUT = 1


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however the system cuts it.

    Raises:
        OSError: as ``os.write``; a part may have been written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class _LocalSink:
    """Write to a file descriptor. The system sets no time-out for it, and a write that hangs cannot be aborted."""

    def abort(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: a file is closed after each delivery, standard output by the end of the process."""


class FileSink(_LocalSink):
    """Append to one file."""

    def __init__(self, config: SinkConfig) -> None:
        self._path = config.url.partition(":")[2].removeprefix("//")

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - see _LocalSink
        """Append chunks. A full disk or a missing directory may be corrected, so the delivery is tried again."""
        data = encode(chunks)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, FILE_MODE)
            try:
                write_all(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"file: {error.strerror}")
        return Receipt(Answer.TAKEN, sent_bytes=len(data))


class StdoutSink(_LocalSink):
    """Write to the process's standard output."""

    def __init__(self, config: SinkConfig) -> None:
        """Open nothing."""

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - see _LocalSink
        """Write chunks."""
        data = encode(chunks)
        try:
            write_all(STDOUT, data)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"stdout: {error.strerror}")
        return Receipt(Answer.TAKEN, sent_bytes=len(data))
