"""``otlp+http(s)://...`` and ``otlp-json+http(s)://...``: records as OpenTelemetry logs, over OTLP/HTTP.

Promises: each batch is one POST, whose bytes are the same if it is sent again; records are not altered. What
the other side says of trying again is heeded as for any HTTP intake, and more often than OTLP asks: 408 and 500 as
well, since a batch that comes twice can be recognised by ``log.record.uid``, and one that never comes cannot. A partial
success is final, as OTLP wants it: what was rejected is counted, and not sent again.

Of the rejected records the answer gives the number and an error message. The message is not passed on: it may quote
what was sent.
"""

import time
from dataclasses import replace

import httpx

from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.http import gzipped
from extension.sinks.otlp.encoding import Form, JsonForm
from extension.sinks.otlp.mapping import Resources, request_of
from extension.sinks.otlp.protobuf import ProtobufForm
from extension.transport.client import Reply, Transport
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for, receipt_for_silence

DEFAULT_PATH = "/v1/logs"
"""Where logs go (OpenTelemetry: OTLP Specification, "OTLP/HTTP Request")."""


class OtlpSink:
    """Posts OTLP requests to one URL."""

    def __init__(self, config: SinkConfig) -> None:
        """Takes the plan, of which headers win over ours; connects with the first delivery.

        A ``Content-Encoding`` among the headers that is not ``gzip`` turns compression off: some receivers refuse it.
        """
        kind, _, address = config.url.partition("+")
        self._form: Form = JsonForm() if kind.lower() == "otlp-json" else ProtobufForm()
        self._url = url_of(address)
        self._headers = httpx.Headers(
            {"Content-Type": self._form.content_type, "Content-Encoding": "gzip"}
        )
        self._headers.update(list(config.headers))
        encoding = self._headers["Content-Encoding"].lower()
        self._is_gzipped = encoding == "gzip"
        if encoding == "identity":
            del self._headers["Content-Encoding"]
        self._resources = Resources(config.environ)
        self._transport = Transport(config.environ)

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Posts chunks; one silent second attempt if the kept connection proves dead."""
        until_s = time.monotonic() + timeout_s
        body, records = request_of(chunks, self._form, self._resources)
        if self._is_gzipped:
            body = gzipped(body)
        try:
            reply = self._transport.exchange(
                "POST", self._url, headers=self._headers, body=body, until_s=until_s
            )
        except Unreachable as error:
            return receipt_for_silence(error)
        receipt = receipt_for(reply, sent_bytes=len(body))
        if receipt.answer is not Answer.TAKEN:
            return receipt
        rejected = min(self._rejected(reply), records)
        if not rejected:
            return receipt
        return replace(receipt, detail=f"{rejected} of {records} rejected", rejected_lines=rejected)

    def abort(self) -> None:
        """See :class:`extension.sinks.Sink`."""
        self._transport.abort()

    def close(self) -> None:
        """See :class:`extension.sinks.Sink`."""
        self._transport.close()

    def _rejected(self, reply: Reply) -> int:
        """Counts rejected records: by an answer of the type that was sent, as OTLP wants it, or of no type.

        Whatever else answers in a collector's place, such as a proxy's page, would be read as numbers by chance.
        """
        kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self._form.rejected(reply.body) if kind in {"", self._form.content_type} else 0


def url_of(address: str) -> str:
    """Gives the URL to post to: with the path for logs, unless the address has a path of its own."""
    scheme, _, rest = address.partition("://")
    end = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    host, path = rest[:end], rest[end:].partition("#")[0]
    path, question, query = path.partition("?")
    return f"{scheme}://{host}{DEFAULT_PATH if path in {'', '/'} else path}{question}{query}"
