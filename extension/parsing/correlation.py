"""Find the id by which a function's own JSON lines name the transaction (CORRELATION_FIELDS).

Pure. Only events that hold a field's name are parsed, so most lines cost a part of one search over their batch.
"""

import json

from extension.levels.reading import object_of
from extension.model.segment import split_events

MIN_SHARED_CHARS = 6
"""Of a text that all names share and that is searched for them. A shorter one would be in every other batch."""

MAX_ID_CHARS = 256
"""Every record carries the id, so it must not be a document."""


class Correlation:
    """Look for the fields of CORRELATION_FIELDS, in order: the first one that a line has counts."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._fields = fields
        self._needles = [needle.encode() for needle in _needles(fields)]

    def found_in(self, raw: bytes, count: int) -> str:
        """Return the first id that the JSON of ``count`` lines names; empty if they name none."""
        if self._may_be_in(raw):
            for event in filter(self._may_be_in, split_events(raw, count)):
                found = self._named_by(event)
                if found:
                    return found
        return ""

    def _may_be_in(self, raw: bytes) -> bool:
        # A loop, not a generator: this runs for every batch that is not text.
        for needle in self._needles:  # noqa: SIM110
            if needle in raw:
                return True
        return False

    def _named_by(self, event: bytes) -> str:
        try:
            parsed = json.loads(event)
        except (ValueError, RecursionError):
            return ""
        line = object_of(parsed.get("record")) if isinstance(parsed, dict) else None
        if line is None:
            return ""
        for field in self._fields:
            value = line.get(field)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
                return str(value)[:MAX_ID_CHARS]
        return ""


def _needles(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts to search for: the longest that all names share, if it is long enough, or else each name."""
    if not fields:
        return ()
    shortest = min(fields, key=len)
    for length in range(len(shortest), MIN_SHARED_CHARS - 1, -1):
        for start in range(len(shortest) - length + 1):
            shared = shortest[start : start + length]
            if all(shared in field for field in fields):
                return (shared,)
    return fields
