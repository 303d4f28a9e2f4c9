"""``otlp+http(s)://...``: records as OpenTelemetry logs, over OTLP/HTTP in protobuf.

Promises: each batch is one POST, whose bytes are the same if it is sent again; records are not altered. A status asks
for another try as it does with any HTTP intake, and more often than OTLP wants: after 408 and 500 as well, since a
batch that arrives twice is recognised by ``log.record.uid``, and a lost batch is not. A partial success is final, as
OTLP wants it: rejected records are not sent there again.

The answer gives the number of rejected records and an error message. Only where all are rejected it is known which; then they
are refused. The message is not passed on: it may quote a line.
"""

from collections.abc import Iterator

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record
from extension.sinks.formats.base import NOTHING_AROUND, BatchFormat, Request
from extension.sinks.otlp.mapping import encode
from extension.sinks.otlp.protobuf import rejected_in
from extension.transport.client import Reply

REJECTED = "rejected"
"""Reason of records that a receiver took and rejected, in the account."""


class Otlp(BatchFormat):
    """Write one ``ExportLogsServiceRequest`` a batch. A time that is not known is left out."""

    content_type = "application/x-protobuf"
    around = NOTHING_AROUND
    path = "/v1/logs"
    """Where logs go (OpenTelemetry: OTLP Specification, "OTLP/HTTP Request")."""

    def write(self, records: Iterator[Record]) -> list[bytes]:
        """Write records into one message."""
        return encode(records, self._environ)

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the number of rejected records.

        Only an answer of protobuf's type, or without a type, is read: a proxy's page would hold numbers by chance.
        """
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if receipt.answer is not Answer.TAKEN or kind not in {"", self.content_type}:
            return receipt
        records = len(request.numbers)
        rejected = min(rejected_in(reply.body), records)
        if not rejected:
            return receipt
        detail = f"{rejected} of {records} rejected"
        if rejected == records:
            return receipt._replace(detail=detail, refused=dict.fromkeys(request.numbers, REJECTED))
        return receipt._replace(detail=detail, rejected_lines=rejected)
