"""``file:PATH`` and ``stdout:``: records as NDJSON, appended to a file or written to standard output; and no sink at all.

The file is opened for each delivery, so that it may be moved away at any time. A delivery is one write, so that several
environments may share a file, such as one on a mounted file system (POSIX: O_APPEND).

A write that fails halfway, as on a full disk, leaves half a record. It is taken back from a file. Where that is not possible,
the next delivery begins a new line, so that each whole record has a line of its own.
"""

import os
from collections.abc import Callable
from functools import partial

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig

FILE_MODE = 0o644
STDOUT = 1


class FileSink:
    """Append to one file. The system sets no time-out for it, and a write that hangs cannot be aborted."""

    scheme = "file"

    def __init__(self, config: SinkConfig) -> None:
        self._path = config.url.partition(":")[2].removeprefix("//")
        self._is_torn = False

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - see above
        """Append chunks. A full disk or a missing directory may be corrected, so the delivery is tried again."""
        data = encode(chunks)
        try:
            self._append(b"\n" + data if self._is_torn else data)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"{self.scheme}: {error.strerror}")
        self._is_torn = False
        return Receipt(Answer.TAKEN, sent_bytes=len(data))

    def abort(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: a file is closed after each delivery, standard output by the end of the process."""

    def _append(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, FILE_MODE)
        try:
            size_bytes = os.fstat(descriptor).st_size
            self._write(descriptor, data, undo=partial(_take_back, descriptor, size_bytes))
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, data: bytes, undo: Callable[[int], bool]) -> None:
        """Write all of ``data``, however the system cuts it; undo a part that was written, or note it. Raise OSError."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:
            written_bytes = len(data) - len(view)
            if written_bytes and not undo(written_bytes):
                self._is_torn = True
            raise


class StdoutSink(FileSink):
    """Write to the process's standard output."""

    scheme = "stdout"

    def _append(self, data: bytes) -> None:
        self._write(STDOUT, data, undo=lambda _written_bytes: False)


def _take_back(descriptor: int, size_bytes: int, written_bytes: int) -> bool:
    """Cut a file to the size that it had, unless others have written to it since; return whether that was done.

    What others write between the look and the cut is lost. They would need room on a disk that has just been full.
    """
    try:
        if os.fstat(descriptor).st_size != size_bytes + written_bytes:
            return False
        os.ftruncate(descriptor, size_bytes)
    except OSError:
        return False
    return True


class UnusableSink:
    """Take nothing, in the place of a sink whose setting cannot be used."""

    def __init__(self, config: SinkConfig) -> None:
        """Read the URL, which the settings make: something behind the colon means that a refresh may mend it."""
        may_be_mended = bool(config.url.partition(":")[2])
        answer = Answer.DENIED if may_be_mended else Answer.REFUSED
        self._receipt = Receipt(answer, "the setting names no sink that can be used")

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - nothing is sent
        """Let the records wait, or refuse them."""
        return self._receipt

    def abort(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
