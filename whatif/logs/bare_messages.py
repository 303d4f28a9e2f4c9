"""Recognise messages without the times and streams of their events.

Firehose's message extraction leaves nothing else (AWS: Amazon Data Firehose, "Message extraction after decompression of
CloudWatch Logs"), and so does ``--query events[].message``. Which environment wrote a line cannot be told any more, nor
when, so such a file is refused.

Pure.
"""

import json
import re
from collections.abc import Sequence

REFUSAL = (
    "These are bare messages, as Firehose's message extraction leaves them: without times and streams they cannot be"
    " replayed. Turn the extraction off, or export the log group."
)

_ID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_PLATFORM_LINE = re.compile(
    rf"(?:START|END|REPORT) RequestId: {_ID}\b|INIT_START Runtime Version: "
)
_EVENT_KEYS = frozenset({"@message", "logStreamName", "logEvents", "eventId", "ingestionTime"})
"""One of these has each event of CloudWatch's own answers and deliveries."""

_FOLLOWS = re.compile(r"\}\s*\{")


def is_bare_text(lines: Sequence[str], begin: re.Pattern[str] | None) -> bool:
    """Tell whether Lambda's own lines stand in a text without their times.

    Args:
        lines: The first ones of a file.
        begin: Matches the beginning of an event, with the group ``message``; None if the text has no known form.
    """
    if not any(_PLATFORM_LINE.match(line) for line in lines):
        return False
    matches = [begin.match(line) for line in lines] if begin is not None else []
    # A function may print Lambda's lines of another one: within events that have times.
    return not any(
        match is not None and _PLATFORM_LINE.match(match.group("message") or "")
        for match in matches
    )


def is_bare_json(head: str) -> bool:
    """Tell whether a text is what the JSON log format writes: objects of the function's, perhaps between Lambda's."""
    values = [_value(line) for line in _FOLLOWS.sub("}\n{", head).split("\n")]
    objects = [one for one in values if isinstance(one, dict)]
    events = [one for one in objects if isinstance(one.get("type"), str) and "record" in one]
    if any(one["type"] == "function" for one in events):
        return False
    lines = [one for one in objects if one not in events and not one.keys() & _EVENT_KEYS]
    if events and lines:
        return True
    return any(_is_time(one.get("timestamp")) and "level" in one for one in lines)


def _is_time(value: object) -> bool:
    """Return whether a value is a time in words, as loggers write it; CloudWatch's events have numbers."""
    return isinstance(value, str) and "T" in value


def _value(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
