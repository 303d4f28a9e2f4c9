"""``file:PATH`` and ``stdout:``: records as NDJSON, appended to a file or written to standard output; and no sink at all.

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


class FileSink:
    """Append to one file. The system sets no time-out for it, and a write that hangs cannot be aborted."""

    scheme = "file"

    def __init__(self, config: SinkConfig) -> None:
        self._path = config.url.partition(":")[2].removeprefix("//")

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - see above
        """Append chunks. A full disk or a missing directory may be corrected, so the delivery is tried again."""
        data = encode(chunks)
        try:
            self._write(data)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"{self.scheme}: {error.strerror}")
        return Receipt(Answer.TAKEN, sent_bytes=len(data))

    def abort(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: a file is closed after each delivery, standard output by the end of the process."""

    def _write(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, FILE_MODE)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)


class StdoutSink(FileSink):
    """Write to the process's standard output."""

    scheme = "stdout"

    def _write(self, data: bytes) -> None:
        write_all(STDOUT, data)


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
