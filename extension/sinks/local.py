"""``file:PATH``: records appended to a file, such as one on a mounted file system or in ``/tmp``.

The file is opened for each delivery, so that it may be moved away at any time, and a delivery is one write, so that
several environments may share it (POSIX: O_APPEND).
"""

import os

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt

FILE_MODE = 0o644


class FileSink:
    """Appends to one file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - the system's to keep
        """Appends the chunks as NDJSON. A full disk or a missing directory may be put right, so it is tried again."""
        data = encode(chunks)
        try:
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE
            )
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"file: {error.strerror}")
        try:
            write_all(descriptor, data)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"file: {error.strerror}")
        finally:
            os.close(descriptor)
        return Receipt(Answer.TAKEN, sent_bytes=len(data))

    def abort(self) -> None:
        """Can do nothing about a write that hangs."""

    def close(self) -> None:
        """Has nothing open."""


STDOUT = 1


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of ``data``, however the system cuts it.

    Raises:
        OSError: as ``os.write``; a part may have been written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class StdoutSink:
    """Writes to the process's standard output."""

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - a pipe has no time-out
        """Writes the chunks as NDJSON."""
        data = encode(chunks)
        try:
            write_all(STDOUT, data)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"stdout: {error.strerror}")
        return Receipt(Answer.TAKEN, sent_bytes=len(data))

    def abort(self) -> None:
        """Can do nothing about a write that hangs."""

    def close(self) -> None:
        """Leaves standard output open: the process's end closes it."""
