"""``logzio+http(s)://``: Logz.io's listener for bulk uploads.

Of Logz.io ("HTTP: bulk uploads over HTTP/HTTPS"): a request is JSON objects, a line each, of 500,000 bytes at most, and
10 MB in all; 200 is success. 400 comes with counts (``malformedLines``, ``oversizedLines``, ``emptyLogLines``,
``successfulLines``) and without saying which: the successful ones have been taken. The token is in the URL's query, and
a ``type`` there is what log types are told apart by, so that a record's own is ``recordType``.
"""

import json
from collections.abc import Iterator

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record
from extension.sinks.formats.base import (
    OVERHEAD_BYTES,
    EntryFormat,
    Request,
    joined,
    json_bytes,
    part_of,
    pieces_of,
    time_text,
    to_json,
)
from extension.transport.client import Reply

MAX_LINE_BYTES = 500_000

_REJECTED = ("malformedLines", "oversizedLines", "emptyLogLines")


class Logzio(EntryFormat):
    """An object for each record, with the line as it was written in ``message``."""

    content_type = "application/x-ndjson"
    path = "/"
    max_bytes = 10_000_000

    def told(self, kept: Record) -> dict[str, object]:
        """Gives a record's type another name."""
        told = super().told(kept)
        return {"recordType": told.pop("type"), **told}

    def entries(self, kept: Record, ns: int) -> list[bytes]:
        """Writes an object. They sort by ``sequence`` where times are equal."""
        pieces = pieces_of(kept.text, MAX_LINE_BYTES - OVERHEAD_BYTES, json_bytes)
        about = b'"@timestamp":"%s","id":"%s","sequence":%d,%s' % (
            time_text(ns).encode(),
            kept.id.encode(),
            kept.number,
            self.about(kept),
        )
        return [
            b'{"message":%s,%s%s}\n' % (to_json(piece), about, part_of(pieces, index))
            for index, piece in enumerate(pieces)
        ]

    def body(self, request: Request) -> Iterator[bytes]:
        """Gives the lines."""
        return joined(request.entries, b"")

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Reads the counts that come with 400: what was not named can only be counted once others were taken."""
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        if receipt.answer is not Answer.UNREADABLE:
            return receipt
        successful, rejected = _read(reply.body)
        if not successful or successful + rejected != len(request.owners):
            return receipt
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, rejected_lines=rejected)


def _read(body: bytes) -> tuple[int, int]:
    """Gives how many lines were taken and how many were not."""
    try:
        answer = json.loads(body)
        return int(answer["successfulLines"]), sum(int(answer.get(name, 0)) for name in _REJECTED)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return 0, 0
