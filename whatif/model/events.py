"""What the readers give: one event of CloudWatch Logs, or one of the Logs or Telemetry API, whichever a file holds.

Pure values.
"""

from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Logged(NamedTuple):
    """One event of CloudWatch Logs.

    Attributes:
        stream: Its log stream, which is one execution environment; empty where the file does not say.
        time: ISO 8601 in UTC, ending in Z.
        message: As written, without the newline at its end.
    """

    stream: str
    time: str
    message: str


class Received(NamedTuple):
    """One event of the Logs or Telemetry API, or one record that an extension delivered.

    Attributes:
        stream: What tells the execution environment; empty where the file does not say.
        event: The decoded object with ``time``, ``type`` and ``record``.
    """

    stream: str
    event: dict[str, Any]


class Reading:
    """What is known of one file, while it is being read.

    Attributes:
        name: The file's, as it was given.
        form: What kind of file it was taken for; empty until that is known.
        events: How many events were read.
        unreadable: How many lines, or values, could not be read.
        notes: What whoever reads the result should know of this file, each once.
    """

    __slots__ = ("events", "form", "name", "notes", "unreadable")

    def __init__(self, name: str) -> None:
        self.name = name
        self.form = ""
        self.events = 0
        self.unreadable = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a sentence for whoever reads the result."""
        if text not in self.notes:
            self.notes.append(text)


def iso_of_ms(epoch_ms: int) -> str:
    """Write a time in milliseconds since 1970 as Lambda writes it, ``2026-10-12T00:01:15.123Z``.

    Raises:
        ValueError: It is beyond what a calendar holds.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    except OverflowError:
        raise ValueError(epoch_ms) from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
