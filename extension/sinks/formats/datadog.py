"""``datadog+http(s)://``: Datadog's log intake, version 2.

Of Datadog (API reference, "Send logs"; "Attributes and Aliasing"): a request is an array of at most 1000 entries and
5 MB. Datadog accepts an entry over 1 MB and cuts it off, so this format cuts it into pieces. 202 is success.
``message``, ``ddsource``, ``ddtags``, ``service``, ``hostname``, ``status`` and ``timestamp`` have a meaning there;
anything else is an attribute. The key goes in the header ``DD-API-KEY``.
"""

from extension.model.record import Record, to_json
from extension.sinks.formats.base import (
    OVERHEAD_BYTES,
    EntryFormat,
    json_bytes,
    level_word,
    part_of,
    pieces_of,
)

MAX_ENTRY_BYTES = 1_000_000


class Datadog(EntryFormat):
    """Write an entry for each record, with the line as it was written."""

    path = "/api/v2/logs"
    max_entries = 1000
    max_bytes = 5_000_000

    def fields(self, record: Record) -> dict[str, object]:
        """Add the attributes of Datadog's pages on Lambda: lower-case names of functions, ARNs as hosts."""
        metadata = record.metadata
        tags = f"functionname:{metadata.function.lower()},version:{metadata.version}"
        request = {"request_id": metadata.request_id, "arn": metadata.arn}
        return {
            "ddsource": "lambda",
            "ddtags": tags if metadata.function else "",
            "service": metadata.function,
            "hostname": metadata.arn,
            "status": level_word(record),
            "lambda": {name: value for name, value in request.items() if value} or "",
            **super().fields(record),
        }

    def entries(self, record: Record, ns: int) -> list[bytes]:
        """Write an entry. Datadog has times in milliseconds; equal times sort by ``sequence``."""
        pieces = pieces_of(record.text, MAX_ENTRY_BYTES - OVERHEAD_BYTES, json_bytes)
        about = b'"timestamp":%d,"id":"%s","sequence":%d,%s' % (
            ns // 1_000_000,
            record.id.encode(),
            record.number,
            self.about(record),
        )
        return [
            b'{"message":%s,%s%s}' % (to_json(piece), about, part_of(pieces, index))
            for index, piece in enumerate(pieces)
        ]
