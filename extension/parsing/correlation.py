"""The id by which a function's own JSON lines name the transaction (CORRELATION_FIELDS).

Pure. Only what holds a field's name is parsed: most lines cost a part of one search over their batch.
"""

import json

from extension.model.levels import parse_object
from extension.model.segment import split_events

MIN_SHARED_CHARS = 6
"""Of names that are searched for together: shorter, it would be found in every other batch."""

MAX_ID_CHARS = 256
"""An id is carried by every record, and is no place for a document."""


class Correlation:
    """Looks for the fields.

    Attributes:
        fields: the first of them that a line has counts.
    """

    __slots__ = ("_needles", "fields")

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self._needles = [needle.encode() for needle in _needles(fields)]

    def found_in(self, raw: bytes, count: int) -> str:
        """Gives the id that lines name first; empty if they name none.

        Args:
            raw: the JSON of events, as it came.
            count: how many.
        """
        for needle in self._needles:
            if needle in raw:
                break
        else:
            return ""
        for event in split_events(raw, count):
            if any(needle in event for needle in self._needles):
                found = self._named_by(event)
                if found:
                    return found
        return ""

    def _named_by(self, event: bytes) -> str:
        try:
            parsed = json.loads(event)
        except (ValueError, RecursionError):
            return ""
        record = parsed.get("record") if isinstance(parsed, dict) else None
        line = parse_object(record) if isinstance(record, str) else record
        if not isinstance(line, dict):
            return ""
        for field in self.fields:
            value = line.get(field)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
                return str(value)[:MAX_ID_CHARS]
        return ""


def _needles(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Gives what to search for: what all names have in common, if that is long enough, else each of them."""
    if not fields:
        return ()
    shortest = min(fields, key=len)
    for length in range(len(shortest), MIN_SHARED_CHARS - 1, -1):
        for start in range(len(shortest) - length + 1):
            shared = shortest[start : start + length]
            if all(shared in field for field in fields):
                return (shared,)
    return fields
