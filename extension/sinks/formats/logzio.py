"""``logzio+http(s)://``: Logz.io's listener for bulk uploads.

Of Logz.io ("HTTP: bulk uploads over HTTP/HTTPS"): a request is JSON objects, a line each, of at most 500,000 bytes, and
10 MB in all. 200 is success. 400 comes with counts (``malformedLines``, ``oversizedLines``, ``emptyLogLines``,
``successfulLines``) and does not name lines: the successful ones have been taken. The token is in the URL's query. Logz.io
tells log types apart by a ``type`` there, so a record's own type is ``recordType``.
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
    time_text,
)
from extension.transport.client import Reply

MAX_LINE_BYTES = 500_000

_REJECTED = ("malformedLines", "oversizedLines", "emptyLogLines")


class Logzio(EntryFormat):
    """Write an object for each record, with the line as it was written in ``message``."""

    content_type = "application/x-ndjson"
    around = NOTHING_AROUND
    path = "/"
    max_bytes = 10_000_000

    def fields(self, record: Record) -> dict[str, object]:
        """Rename a record's type."""
        fields = super().fields(record)
        return {"recordType": fields.pop("type"), **fields}

    def entries(self, record: Record, ns: int) -> list[bytes]:
        """Write an object. Equal times sort by ``sequence``."""
        pieces = pieces_of(record.text, MAX_LINE_BYTES - OVERHEAD_BYTES, json_bytes)
        about = b'"@timestamp":"%s","id":"%s","sequence":%d,%s' % (
            time_text(ns).encode(),
            record.id.encode(),
            record.number,
            self.about(record),
        )
        return [
            b'{"message":%s,%s%s}\n' % (to_json(piece), about, part_of(pieces, index))
            for index, piece in enumerate(pieces)
        ]

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the counts that come with 400. Rejected lines are counted if others were taken, since none is named."""
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        if receipt.answer is not Answer.UNREADABLE:
            return receipt
        successful, rejected = _read(reply.body)
        if not successful or successful + rejected != len(request.owners):
            return receipt
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, rejected_lines=rejected)


def _read(body: bytes) -> tuple[int, int]:
    """Return how many lines were taken, and how many were rejected."""
    try:
        answer = json.loads(body)
        return int(answer["successfulLines"]), sum(int(answer.get(name, 0)) for name in _REJECTED)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return 0, 0
