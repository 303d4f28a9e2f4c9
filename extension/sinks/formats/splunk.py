"""``splunk+http(s)://``: Splunk's HTTP Event Collector, events in JSON.

Of Splunk ("Format events for HTTP Event Collector", "Troubleshoot HTTP Event Collector"): a request is objects one after
the other, each with ``time`` in seconds since 1970, ``host``, ``source``, ``event`` and flat ``fields``. The answer is
``{"text", "code"}``, with code 0 for success; ``invalid-event-number`` counts from 0. An event may not be blank. The
token goes in the header ``Authorization: Splunk ...``. Splunk Cloud takes requests of at most 1 MB ("Splunk Cloud
Platform Service Details").
"""

from typing import Any

from extension.model.receipt import Answer, Receipt, read_answer
from extension.model.record import Record, to_json
from extension.sinks.formats.base import NOTHING_AROUND, OVERHEAD_BYTES, EntryFormat, Request
from extension.transport.client import Reply

DENIED_CODES = frozenset({1, 2, 3, 4, 7, 10, 11, 14, 16})
"""A token, an index, a channel or a setting that somebody may correct; some come with status 400."""

INVALID_EVENT_CODES = frozenset({6, 12, 13, 15})

MAX_CODE = 999
"""Splunk's codes have two digits. A number that is not one must not fill the log."""


class Splunk(EntryFormat):
    """Write an event for each record, with the line as it was written."""

    around = NOTHING_AROUND
    path = "/services/collector/event"
    template = (
        b'{"time":%(time)b,"host":"%(function)b","source":"lambda:%(function)b","event":%(message)b,'
        b'"fields":{"id":"%(id)b",%(fields)b%(part)b}}\n'
    )
    max_bytes = 1_000_000
    max_message_bytes = max_bytes - OVERHEAD_BYTES
    empty = b'{"message":""}'

    def fields(self, record: Record) -> dict[str, object]:
        """Leave the function to host and source; fields hold strings."""
        fields = super().fields(record)
        del fields["function"]
        return {name: str(value) for name, value in fields.items()}

    def shared(self, record: Record) -> dict[bytes, bytes]:
        """Add the function for host and source."""
        return super().shared(record) | {b"function": to_json(record.metadata.function)[1:-1]}

    def time(self, record: Record, ns: int, piece: int) -> bytes:  # noqa: ARG002 - the same for all
        """Write seconds."""
        seconds, rest = divmod(ns, 1_000_000_000)
        return b"%d.%06d" % (seconds, rest // 1000)

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the code and, where an event is to blame, its number. The events before it may have been stored."""
        code, number = read_answer(reply.body, _code_and_number, (None, None))
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


def _code_and_number(answer: Any) -> tuple[int | None, int | None]:
    """Return an answer's code and event number; None where it has none."""
    code, number = answer.get("code"), answer.get("invalid-event-number")
    is_code = type(code) is int and 0 <= code <= MAX_CODE
    return code if is_code else None, number if type(number) is int else None
