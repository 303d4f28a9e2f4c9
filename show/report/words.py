"""Write times, lengths and texts of logs in words.

Promises: text of a log has no control character left. A log may hold what a terminal takes for a command.

Pure.
"""

import re
from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""All but tab and newline, and the marks that turn the direction of text."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
MAX_MS = 253_402_300_799_999
"""The last moment of the calendar."""

_MS, _S = 1000, 60_000
_TEN_S = 10_000


def moment_of(at_ms: int) -> datetime:
    """Return a time, in UTC."""
    return _EPOCH + timedelta(milliseconds=min(max(at_ms, 0), MAX_MS))


def time_text(at_ms: int) -> str:
    """Write a time with its date, to the millisecond, in UTC."""
    moment = moment_of(at_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def duration_text(duration_ms: float | None) -> str:
    """Write how long something took; empty if that is unknown."""
    if duration_ms is None:
        return ""
    if duration_ms < _MS:
        return f"{duration_ms:.0f} ms"
    if duration_ms < _S:
        return f"{duration_ms / 1000:.{2 if duration_ms < _TEN_S else 1}f} s"
    return f"{duration_ms // _S:.0f} min {duration_ms % _S / 1000:.0f} s"


def printable(text: str) -> str:
    """Return text without colours and control characters; a control character becomes its escape."""
    plain = _COLOURS.sub("", text).replace("\r\n", "\n")
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), plain)


def first_line(text: str) -> str:
    """Return the first line of a text that has one."""
    return next((line for line in printable(text).split("\n") if line.strip()), "")


def several(count: int, noun: str) -> str:
    """Write a count with its noun; above one ``kept line`` becomes ``2 kept lines``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
