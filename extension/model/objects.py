"""Find every JSON object that a line holds."""

import json
from collections.abc import Iterator
from itertools import islice

MAX_DEPTH = 3
"""A logger's object in the text that a runtime's own object holds, and what a wrapper adds to it."""


def objects_in(record: object) -> tuple[dict[str, object], ...]:
    """Return the objects that a ``function`` record holds, outermost first.

    They are the record itself or its JSON text, the object behind a runtime's prefix, and an object or JSON text in
    ``message``.
    """
    return tuple(islice(_objects(record), MAX_DEPTH))


def _objects(record: object) -> Iterator[dict[str, object]]:
    while True:
        if isinstance(record, str):
            at = record.find("{")
            if at < 0 or (record[:at].strip("\ufeff \t\r\n\x1e") and "\t{" not in record):
                return
            if record[:at].strip("\ufeff \t\r\n\x1e"):
                at = record.find("\t{") + 1
            try:
                record = json.loads(record[at:])
            except (ValueError, RecursionError):
                return
        if not isinstance(record, dict):
            return
        yield record
        record = record.get("message")
