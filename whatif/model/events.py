"""Define the events that readers return: of CloudWatch Logs, or of the Logs or Telemetry API.

Pure values.
"""

from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Logged(NamedTuple):
    """One event of CloudWatch Logs.

    Attributes:
        stream: Its log stream, which is one execution environment; empty where the file has none.
        time: ISO 8601 in UTC, ending in Z.
        message: As written, without the newline at its end.
        group: Its log group, perhaps behind the account's number and a colon; empty where the file has none.
    """

    stream: str
    time: str
    message: str
    group: str = ""


class Received(NamedTuple):
    """One event of the Logs or Telemetry API, or one record that an extension delivered.

    Attributes:
        stream: The name of the execution environment; empty where the file has none.
        event: The decoded object with ``time``, ``type`` and ``record``.
        function: The name of the function, where the file has it.
    """

    stream: str
    event: dict[str, Any]
    function: str = ""


class Reading:
    """The progress of reading one file.

    Attributes:
        name: The file's name, as given.
        form: The kind of file; empty until it is known.
        events: The number of events read.
        unreadable: The number of lines, or values, that could not be read.
        notes: Remarks for the reader of the result, each once.
    """

    __slots__ = ("events", "form", "name", "notes", "unreadable")

    def __init__(self, name: str) -> None:
        self.name = name
        self.form = ""
        self.events = 0
        self.unreadable = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Add a remark for the reader of the result."""
        if text not in self.notes:
            self.notes.append(text)


def iso_of_ms(epoch_ms: int) -> str:
    """Write a time in milliseconds since 1970 as Lambda writes it, ``2026-10-12T00:01:15.123Z``.

    Raises:
        ValueError: The time is beyond the calendar.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    except OverflowError:
        raise ValueError(epoch_ms) from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
