"""``splunk+http(s)://``: Splunk's HTTP Event Collector, events in JSON.

Of Splunk ("Format events for HTTP Event Collector", "Troubleshoot HTTP Event Collector"): a request is objects one after
the other, each with ``time`` in seconds since 1970, ``host``, ``source``, ``event`` and flat ``fields``. The answer is
``{"text", "code"}``, with code 0 for success; ``invalid-event-number`` counts from 0. An event may not be blank. The
token goes in the header ``Authorization: Splunk ...``. Splunk Cloud takes requests of at most 1 MB ("Splunk Cloud
Platform Service Details").
"""

import json

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record, to_json
from extension.sinks.formats.base import (
    NOTHING_AROUND,
    OVERHEAD_BYTES,
    EntryFormat,
    Request,
    json_bytes,
    part_of,
    pieces_of,
)
from extension.transport.client import Reply

MAX_BYTES = 1_000_000

DENIED_CODES = frozenset({1, 2, 3, 4, 7, 10, 11, 14, 16})
"""A token, an index, a channel or a setting that somebody may correct; some come with status 400."""

INVALID_EVENT_CODES = frozenset({6, 12, 13, 15})
"""An event that is not valid."""


class Splunk(EntryFormat):
    """Write an event for each record, with the line as it was written."""

    around = NOTHING_AROUND
    path = "/services/collector/event"
    max_bytes = MAX_BYTES

    def fields(self, record: Record) -> dict[str, object]:
        """Leave the function to host and source; fields hold strings."""
        fields = super().fields(record)
        del fields["function"]
        return {name: str(value) for name, value in fields.items()}

    def entries(self, record: Record, ns: int) -> list[bytes]:
        """Write an event, for a line that no request has room for in several pieces."""
        pieces = pieces_of(record.text, MAX_BYTES - OVERHEAD_BYTES, json_bytes)
        function = to_json(record.metadata.function)[1:-1]
        about = b'{"id":"%s",%s' % (record.id.encode(), self.about(record))
        seconds, rest = divmod(ns, 1_000_000_000)
        head = b'{"time":%d.%06d,"host":"%s","source":"lambda:%s","event":'
        head = head % (seconds, rest // 1000, function, function)
        entries = []
        for index, piece in enumerate(pieces):
            event = to_json(piece or {"message": ""})
            fields = about + part_of(pieces, index)
            entries.append(b'%s%s,"fields":%s}}\n' % (head, event, fields))
        return entries

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the code and, where an event is to blame, its number. The events before it may have been stored."""
        code, number = _read(reply.body)
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        if code is None or (code == 0 and reply.is_success):
            return receipt
        detail = f"status {reply.status}, code {code}"
        if code in DENIED_CODES:
            return Receipt(Answer.DENIED, detail)
        if code not in INVALID_EVENT_CODES:
            return receipt._replace(detail=detail)
        refused = {}
        if number is not None and 0 <= number < len(request.owners):
            refused[request.owners[number]] = "invalid-event"
        return Receipt(Answer.UNREADABLE, detail, refused=refused, uncertain=True)


def _read(body: bytes) -> tuple[int | None, int | None]:
    """Return an answer's code and event number; None where it has none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(answer, dict):
        return None, None
    code, number = answer.get("code"), answer.get("invalid-event-number")
    return code if type(code) is int else None, number if type(number) is int else None
