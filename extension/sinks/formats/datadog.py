"""``datadog+http(s)://``: Datadog's log intake, version 2.

Of Datadog (API reference, "Send logs"; "Attributes and Aliasing"): a request is an array of 1000 entries and 5 MB at
most; an entry over 1 MB is accepted and cut off, so it is cut in pieces here; 202 is success. ``message``, ``ddsource``,
``ddtags``, ``service``, ``hostname``, ``status`` and ``timestamp`` have a meaning there, anything else is an attribute.
The key goes in the header ``DD-API-KEY``.
"""

from extension.model.record import Record
from extension.sinks.formats.base import (
    OVERHEAD_BYTES,
    EntryFormat,
    json_bytes,
    part_of,
    pieces_of,
    to_json,
)

MAX_ENTRY_BYTES = 1_000_000


class Datadog(EntryFormat):
    """An entry for each record; the line as it was written."""

    path = "/api/v2/logs"
    max_entries = 1000
    max_bytes = 5_000_000

    def told(self, kept: Record) -> dict[str, object]:
        """Adds what Datadog's pages on Lambda look for: they know functions by lower-case names, hosts by ARN."""
        metadata = kept.metadata
        tags = f"functionname:{metadata.function.lower()},version:{metadata.version}"
        request = {"request_id": metadata.request_id, "arn": metadata.arn}
        return {
            "ddsource": "lambda",
            "ddtags": tags if metadata.function else "",
            "service": metadata.function,
            "hostname": metadata.arn,
            "status": kept.level.name.lower() if kept.level is not None else "",
            "lambda": {name: value for name, value in request.items() if value} or "",
            **super().told(kept),
        }

    def entries(self, kept: Record, ns: int) -> list[bytes]:
        """Writes an entry. Times are in milliseconds there; entries sort by ``sequence`` where those are equal."""
        pieces = pieces_of(kept.text, MAX_ENTRY_BYTES - OVERHEAD_BYTES, json_bytes)
        about = b'"timestamp":%d,"id":"%s","sequence":%d,%s' % (
            ns // 1_000_000,
            kept.id.encode(),
            kept.number,
            self.about(kept),
        )
        return [
            b'{"message":%s,%s%s}' % (to_json(piece), about, part_of(pieces, index))
            for index, piece in enumerate(pieces)
        ]
