"""``stdout:``: records on the extension's own standard output, which Lambda sends to CloudWatch Logs.

Assumes: Lambda delivers an extension's output as ``extension`` records, which we do not subscribe to, so that nothing
comes round (AWS: Telemetry API). If the role may not write logs, they go nowhere.
"""

import os

from extension.ndjson import encode
from extension.parcels import Answer, Parcel, Receipt

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

    def send(self, parcels: list[Parcel], *, timeout_s: float) -> Receipt:  # noqa: ARG002 - a pipe has no time-out
        """Writes the parcels as NDJSON."""
        data = encode(parcels)
        try:
            write_all(STDOUT, data)
        except OSError as error:
            return Receipt(Answer.UNAVAILABLE, f"stdout: {error.strerror}")
        return Receipt(Answer.TAKEN, sent_bytes=len(data))

    def abort(self) -> None:
        """Can do nothing about a write that hangs."""

    def close(self) -> None:
        """Leaves standard output open: the process's end closes it."""
