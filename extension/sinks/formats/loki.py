"""``loki+http(s)://``: Grafana Loki's push API, in JSON.

Of Loki (Loki HTTP API, "Ingest logs"; Loki configuration reference, ``limits_config``): a push is ``streams``, each with
its labels and ``[time in nanoseconds as a string, line, structured metadata]``. 204 is success. Labels make streams, so
they are few and of few values; ids are structured metadata ("Cardinality", "What is structured metadata"). Loki refuses
a line over ``max_line_size``, 256 KiB unless changed. It ignores an entry with the same labels, time and line as another
(Loki architecture, "Timestamp ordering"). So each time gets a fraction that tells its record: two equal lines of one
millisecond stay two, and a batch that is sent twice is stored once.
"""

from collections.abc import Iterator
from functools import lru_cache

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record, to_json
from extension.sinks.formats.base import (
    EntryFormat,
    Request,
    joined,
    level_word,
    part_of,
    pieces_of,
    utf8_bytes,
)
from extension.transport.client import Reply

MAX_LINE_BYTES = 256 * 1024

NO_FUNCTION = "unknown_service"
"""Loki's own name where no service is named. It refuses a push without any label."""

_PIECES = 16
"""Numbers apart in the fraction of a time: a line has fewer pieces, since Lambda's have a megabyte at most."""

_END = b"\0"
"""Between an entry's labels and its value: JSON holds no such byte."""


class Loki(EntryFormat):
    """Write streams by function and level, with the lines as they were written."""

    path = "/loki/api/v1/push"

    def fields(self, record: Record) -> dict[str, object]:
        """Leave function and level to the labels; structured metadata holds strings alone."""
        fields = super().fields(record)
        del fields["function"], fields["level"]
        return {name: str(value) for name, value in fields.items()}

    def entries(self, record: Record, ns: int) -> list[bytes]:
        """Write the labels, the line and its metadata, for a line that is too long in several pieces."""
        pieces = pieces_of(record.text, MAX_LINE_BYTES, utf8_bytes)
        about = b'{"id":"%s",%s' % (record.id.encode(), self.about(record))
        stream = _stream(record.metadata.function or NO_FUNCTION, level_word(record))
        entries = []
        for index, piece in enumerate(pieces):
            metadata = about + part_of(pieces, index)
            time = ns + _fraction(record, index)
            entries.append(b'%b%b["%d",%b,%b}]' % (stream, _END, time, to_json(piece), metadata))
        return entries

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

        When the stored entries come again, Loki drops them as duplicates.
        """
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        return receipt._replace(uncertain=receipt.answer is Answer.UNREADABLE)


@lru_cache(maxsize=16)
def _stream(function: str, level: str) -> bytes:
    """Write the labels of a stream."""
    labels = {"service_name": function, "function": function}
    return to_json(labels | {"level": level} if level else labels)


def _fraction(record: Record, piece: int) -> int:
    """Return nanoseconds below the precision of a record's time, in the order of the records."""
    digits = len(record.time.partition(".")[2].rstrip("Z"))
    room = 1_000_000 if digits <= 3 else 1000  # noqa: PLR2004 - milliseconds
    return (record.number * _PIECES + piece) % room
