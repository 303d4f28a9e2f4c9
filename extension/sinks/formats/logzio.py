"""``logzio+http(s)://``: Logz.io's listener for bulk uploads.

Of Logz.io ("HTTP: bulk uploads over HTTP/HTTPS"): a request is JSON objects, a line each, of at most 500,000 bytes, and
10 MB in all. 200 is success. 400 comes with counts (``malformedLines``, ``oversizedLines``, ``emptyLogLines``,
``successfulLines``) and does not name lines: the successful ones have been taken. The token is in the URL's query. Logz.io
tells log types apart by a ``type`` there, so a record's own type is ``recordType``.
"""

from typing import Any

from extension.model.receipt import Answer, Receipt, read_answer
from extension.model.record import Record
from extension.sinks.formats.base import NOTHING_AROUND, OVERHEAD_BYTES, EntryFormat, Request
from extension.transport.client import Reply

_REJECTED = ("malformedLines", "oversizedLines", "emptyLogLines")


class Logzio(EntryFormat):
    """Write an object for each record, with the line as it was written. Equal times sort by ``sequence``."""

    content_type = "application/x-ndjson"
    around = NOTHING_AROUND
    path = "/"
    template = (
        b'{"message":%(message)b,"@timestamp":"%(time)b","id":"%(id)b","sequence":%(number)d,'
        b"%(fields)b%(part)b}\n"
    )
    max_bytes = 10_000_000
    max_message_bytes = 500_000 - OVERHEAD_BYTES

    def fields(self, record: Record) -> dict[str, object]:
        """Rename a record's type."""
        fields = super().fields(record)
        return {"recordType": fields.pop("type"), **fields}

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the counts that come with 400. Rejected lines are counted if others were taken, since none is named."""
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        if receipt.answer is not Answer.UNREADABLE:
            return receipt
        successful, rejected = read_answer(reply.body, _counts, (0, 0))
        if not successful or successful + rejected != len(request.owners):
            return receipt
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, rejected_lines=rejected)


def _counts(answer: Any) -> tuple[int, int]:
    """Return how many lines were taken, and how many were rejected."""
    return int(answer["successfulLines"]), sum(int(answer.get(name, 0)) for name in _REJECTED)
