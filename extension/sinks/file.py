"""``file:PATH``: records appended to a file, such as one on a mounted file system or in ``/tmp``.

The file is opened for each delivery, so that it may be moved away at any time, and a delivery is one write, so that
several environments may share it (POSIX: O_APPEND).
"""

import os

from extension.ndjson import encode
from extension.parcels import Answer, Parcel, Receipt
from extension.sinks.stdout import write_all

FILE_MODE = 0o644


class FileSink:
    """Appends to one file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def send(self, parcels: list[Parcel], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - the system's to keep
        """Appends the parcels as NDJSON. A full disk or a missing directory may be put right, so it is tried again."""
        data = encode(parcels)
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
