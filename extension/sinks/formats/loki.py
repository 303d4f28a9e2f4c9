"""``loki+http(s)://``: Grafana Loki's push API, in JSON.

Of Loki (Loki HTTP API, "Ingest logs"; Loki configuration reference, ``limits_config``): a push is ``streams``, each with
its labels and ``[time in nanoseconds as a string, line, structured metadata]``; 204 is success. Labels make streams, so
they are few and of few values; ids are structured metadata ("Cardinality", "What is structured metadata"). A line over
``max_line_size``, 256 KiB unless changed, is refused. An entry with the same labels, time and line as another is
ignored (Loki architecture, "Timestamp ordering"): so that two equal lines of one millisecond stay two, each time gets a
fraction that tells its record; and a batch that is sent twice is stored once.
"""

from collections.abc import Iterator
from dataclasses import replace

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record
from extension.sinks.formats.base import (
    EntryFormat,
    Request,
    joined,
    part_of,
    pieces_of,
    to_json,
    utf8_bytes,
)
from extension.transport.client import Reply

MAX_LINE_BYTES = 256 * 1024

NO_FUNCTION = "unknown_service"
"""What Loki itself puts where no service is named; without any label a push is refused."""

_PIECES = 16
"""Numbers apart in the fraction of a time: a line has fewer pieces, since Lambda's have a megabyte at most."""


class Loki(EntryFormat):
    """Streams by function and level; the line as it was written."""

    path = "/loki/api/v1/push"

    def told(self, kept: Record) -> dict[str, object]:
        """Leaves function and level to the labels; structured metadata holds strings alone."""
        told = super().told(kept)
        del told["function"], told["level"]
        return {name: str(value) for name, value in told.items()}

    def entries(self, kept: Record, ns: int) -> list[bytes]:
        """Writes a line and its metadata, for a line that is too long in several pieces."""
        pieces = pieces_of(kept.text, MAX_LINE_BYTES, utf8_bytes)
        about = b'{"id":"%s",%s' % (kept.id.encode(), self.about(kept))
        entries = []
        for index, piece in enumerate(pieces):
            members = about + part_of(pieces, index)
            time = ns + _fraction(kept, index)
            entries.append(b'["%d",%s,%s}]' % (time, to_json(piece), members))
        return entries

    def body(self, request: Request) -> Iterator[bytes]:
        """Gives the streams, each once."""
        streams: dict[tuple[str, str], list[bytes]] = {}
        for kept, entry in zip(request.owners, request.entries, strict=True):
            level = kept.level.name.lower() if kept.level is not None else ""
            streams.setdefault((kept.metadata.function or NO_FUNCTION, level), []).append(entry)
        before = b'{"streams":['
        for (function, level), entries in streams.items():
            labels = {"service_name": function, "function": function}
            if level:
                labels["level"] = level
            yield before + b'{"stream":%s,"values":[' % to_json(labels)
            yield from joined(entries, b",")
            before = b"]},"
        yield b"]}]}"

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Reads the status: with 400, Loki has stored what was in order and refuses the rest without naming it.

        What is stored and comes again is the duplicate that it drops.
        """
        receipt = super().receipt(reply, request, sent_bytes=sent_bytes)
        return replace(receipt, uncertain=receipt.answer is Answer.UNREADABLE)


def _fraction(kept: Record, piece: int) -> int:
    """Gives nanoseconds below the precision of a record's time, in the order of the records."""
    digits = len(kept.time.partition(".")[2].rstrip("Z"))
    room = 1_000_000 if digits <= 3 else 1000  # noqa: PLR2004 - milliseconds
    return (kept.number * _PIECES + piece) % room
