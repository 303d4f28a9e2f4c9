"""Records as sinks write them, for tests that read them back."""

import json
from typing import Any

from extension.model.timestamps import epoch_ns
from show.model.entry import Entry
from show.reading.entries import entry_of_record

FIRST_MS = 1_795_521_600_000
"""2026-11-24T12:00:00Z."""
ENVIRONMENT = "f11e000000000001"


def request_id(number: int) -> str:
    """Give a request id that begins with its number."""
    return f"{number:08d}-0000-4000-8000-000000000000"


def time_of(at_ms: int) -> str:
    """Give a time of the first minute after FIRST_MS, as Lambda writes it."""
    text = f"2026-11-24T12:00:{at_ms // 1000:02d}.{at_ms % 1000:03d}Z"
    assert epoch_ns(text) == (FIRST_MS + at_ms) * 1_000_000
    return text


def record(
    number: int,
    content: Any,
    *,
    request: int = 1,
    at_ms: int | None = None,
    kind: str = "function",
    **fields: Any,
) -> dict[str, Any]:
    """Give a record; its time follows its number unless one is given."""
    return {
        "time": time_of(number if at_ms is None else at_ms),
        "type": kind,
        "record": content,
        "requestId": request_id(request),
        "function": "shop",
        "version": "$LATEST",
        "reason": "crash",
        "weight": 1,
        "id": f"{ENVIRONMENT}-{number}",
        **fields,
    }


def summary(
    number: int, *, request: int = 1, outcome: str = "crash", told: Any = None, **fields: Any
) -> dict[str, Any]:
    """Give the record that tells how an invocation ended, with times of its last five milliseconds."""
    at_ms = fields.pop("at_ms", number)
    content = {
        "outcome": outcome,
        "started": time_of(max(at_ms - 5, 0)),
        "durationMs": 5.0,
        "firstTimestamp": FIRST_MS + max(at_ms - 5, 0),
        "lastTimestamp": FIRST_MS + at_ms,
        "lines": 1,
        "evictedLines": 0,
        "evictedBytes": 0,
        "droppedLines": 0,
        **(told or {}),
    }
    kind = "flightRecorder.invocation"
    return record(number, content, request=request, at_ms=at_ms, kind=kind, **fields)


def entries(*records: dict[str, Any]) -> list[Entry]:
    """Give the entries of records."""
    made = [entry_of_record(one, place="kept", order=order) for order, one in enumerate(records)]
    return [entry for entry in made if entry is not None]


def ndjson(*records: dict[str, Any]) -> str:
    """Give records as a file sink writes them."""
    return "".join(f"{json.dumps(one, separators=(',', ':'))}\n" for one in records)
