"""``loki+http(s)://``: Grafana Loki's push API, in JSON.

Of Loki (Loki HTTP API, "Ingest logs"; Loki configuration reference, ``limits_config``): a push is ``streams``, each with
its labels and ``[time in nanoseconds as a string, line, structured metadata]``. 204 is success. Labels make streams, so
they are few and of few values; ids are structured metadata ("Cardinality", "What is structured metadata"). Loki refuses
a line over ``max_line_size``, 256 KiB unless changed. It ignores an entry with the same labels, time and line as another
(Loki architecture, "Timestamp ordering"). So each time gets a fraction that tells its record: two equal lines of one
millisecond stay two, and a batch that is sent twice is stored once.
"""

import re
from collections.abc import Iterator

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record, to_json
from extension.sinks.formats.base import EntryFormat, Request, joined, level_word, utf8_bytes
from extension.transport.client import Reply

NO_FUNCTION = "unknown_service"
"""Loki's own name where no service is named. It refuses a push without any label."""

_PIECES = 16
"""Numbers apart in the fraction of a time: a line has fewer pieces, since Lambda's have a megabyte at most."""

_END = b"\0"
"""Between an entry's labels and its value: JSON holds no such byte."""

ABOUT_TENANT = re.compile(
    rb"structured metadata, but this feature is disallowed|label names; limit"
)
"""In Loki's own words for a push that the tenant's ``limits_config`` does not allow (grafana/loki, pkg/validation)."""


class Loki(EntryFormat):
    """Write streams by function and level, with the lines as they were written."""

    path = "/loki/api/v1/push"
    template = b'%(stream)b\0["%(time)b",%(message)b,{"id":"%(id)b",%(fields)b%(part)b}]'
    max_message_bytes = 256 * 1024
    size_of = staticmethod(utf8_bytes)

    def fields(self, record: Record) -> dict[str, object]:
        """Leave function and level to the labels; structured metadata holds strings alone."""
        fields = super().fields(record)
        del fields["function"], fields["level"]
        return {name: str(value) for name, value in fields.items()}

    def shared(self, record: Record) -> dict[bytes, bytes]:
        """Add the labels of the stream."""
        function, level = record.metadata.function or NO_FUNCTION, level_word(record)
        labels = {"service_name": function, "function": function}
        stream = to_json(labels | {"level": level} if level else labels)
        return super().shared(record) | {b"stream": stream}

    def time(self, record: Record, ns: int, piece: int) -> bytes:
        """Write nanoseconds; those below the precision of a record's time are in the order of the records."""
        digits = len(record.time.partition(".")[2].rstrip("Z"))
        room = 1_000_000 if digits <= 3 else 1000  # noqa: PLR2004 - milliseconds
        return b"%d" % (ns + (record.number * _PIECES + piece) % room)

    def body(self, request: Request) -> Iterator[bytes]:
        """Yield the streams, each once."""
        streams: dict[bytes, list[bytes]] = {}
        for entry in request.entries:
            stream, _, value = entry.partition(_END)
            streams.setdefault(stream, []).append(value)
        before = b'{"streams":['
        for stream, values in streams.items():
            yield before + b'{"stream":%b,"values":[' % stream
            yield from joined(values, b",")
            before = b"]},"
        yield b"]}]}"

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the status. With 400, Loki has stored the valid entries and refuses the others without naming them.

        When the stored entries come again, Loki drops them as duplicates. A 400 about the tenant's limits is a denial:
        each push has structured metadata and the same labels, so none would be taken.
        """
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        if receipt.answer is Answer.UNREADABLE and ABOUT_TENANT.search(reply.body):
            return receipt._replace(
                answer=Answer.DENIED,
                detail=f"{receipt.detail}: the tenant's limits allow no structured metadata, or fewer labels",
            )
        return receipt._replace(uncertain=receipt.answer is Answer.UNREADABLE)
