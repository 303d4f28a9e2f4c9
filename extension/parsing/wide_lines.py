"""Take events apart without decoding them, where an object among them is too wide to be decoded.

Pure. See :func:`extension.levels.reading.is_wide`. The events are in the compact form in which Lambda's encoder writes them.
"""

import re

from extension.levels.reading import is_wide
from extension.model.segment import BATCH_BEGIN, BETWEEN
from extension.parsing.fast_path import FUNCTION_OBJECT

_EVENT_BEGIN = BATCH_BEGIN[1:]

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def events_in(raw: bytes) -> list[tuple[int, int]] | None:
    """Return where each event begins and ends; None if the last one is not whole.

    A separator ends an event where all is closed that the event has opened. None stands within a string, where its quotes
    would be escaped.
    """
    events: list[tuple[int, int]] = []
    begin = passed = depth = 0
    while begin < len(raw):
        end = raw.find(BETWEEN, passed) + 1 or len(raw)
        bare = _STRING.sub(b"", raw[passed:end])
        depth += bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
        passed = end
        if not depth:
            events.append((begin, end))
            begin = passed = end + 1
        elif end == len(raw):
            return None
    return events


def text_of(event: bytes) -> str | None:
    """Return the JSON text of a wide object that a function wrote; None for any other event."""
    at = event.find(FUNCTION_OBJECT)
    is_line = event.startswith(_EVENT_BEGIN) and event.find(b'"', len(_EVENT_BEGIN)) == at
    if not is_line or not is_wide(event):
        return None
    return event[at + len(FUNCTION_OBJECT) - len(b"{") : -len(b"}")].decode("utf-8", "replace")
