"""Make entries of what sinks wrote: records, and lines as written with the events between them.

Promises: nothing makes this fail. What is no record is a line.

Pure.
"""

import json
import re
from collections.abc import Hashable, Mapping
from typing import Any

from extension.model.timestamps import epoch_ns
from show.model.entry import LINE_TYPE, OWN_TYPES, REPORT_TYPE, Entry
from whatif.model.events import Logged, Received

_REPORT = re.compile(r"REPORT RequestId: (\S+)\s")
_MARK = '"type":"'
"""Stands in each event of ours and of Lambda's, which are written without blanks."""


def entry_of_message(
    message: str, *, place: str, stream: str, at_ms: int, order: int, key: Hashable = None
) -> Entry:
    """Make an entry of a log event: a record, an event of ours or of Lambda's, or a line as written."""
    event = _event_of(message)
    if event is not None:
        fields = {name: value for name, value in event.items() if name not in _MAIN}
        kind, record = str(event["type"]), event["record"]
        # A record has the line's own time, which is the log event's.
        identity = fields.get("id") if isinstance(fields.get("id"), str) else key
    else:
        report = _REPORT.match(message)
        kind = LINE_TYPE if report is None else REPORT_TYPE
        fields = {} if report is None else {"requestId": report.group(1)}
        record, identity = message, key
    return Entry(
        place=place,
        stream=stream,
        at_ms=at_ms,
        order=order,
        type=kind,
        record=record,
        fields=fields,
        key=(place, order) if identity is None else identity,
    )


def entry_of_record(event: Mapping[str, Any], *, place: str, order: int) -> Entry | None:
    """Make an entry of a record in NDJSON; None if it has no readable time, or is no record."""
    time, kind = event.get("time"), event.get("type")
    at_ns = epoch_ns(time) if isinstance(time, str) else None
    if at_ns is None or not isinstance(kind, str):
        return None
    fields = {name: value for name, value in event.items() if name not in _MAIN}
    return Entry(
        place=place,
        stream="",
        at_ms=at_ns // 1_000_000,
        order=order,
        type=kind,
        record=event.get("record"),
        fields=fields,
        key=fields["id"] if isinstance(fields.get("id"), str) else (place, order),
    )


def entry_of(event: Logged | Received, *, place: str, order: int) -> Entry | None:
    """Make an entry of what a file's reader returns; None if it has no readable time."""
    if isinstance(event, Received):
        return entry_of_record(event.event, place=place, order=order)
    at_ns = epoch_ns(event.time)
    if at_ns is None:
        return None
    return entry_of_message(
        event.message,
        place=event.group.rpartition(":")[2] or place,
        stream=event.stream,
        at_ms=at_ns // 1_000_000,
        order=order,
    )


_MAIN = frozenset({"time", "type", "record"})


def _event_of(message: str) -> dict[str, Any] | None:
    """Return a message that is a record or an event; None for a line, which may be JSON as well."""
    if not message.startswith("{") or _MARK not in message:
        return None
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or "record" not in event:
        return None
    kind = event.get("type")
    if not isinstance(kind, str):
        return None
    if kind in OWN_TYPES or kind.startswith("platform."):
        return event
    return event if kind == LINE_TYPE and "weight" in event and "id" in event else None
