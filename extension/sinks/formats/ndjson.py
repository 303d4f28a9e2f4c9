"""The record format itself: newline-delimited JSON (``http(s)://``), or an array of the same (``json+http(s)://``)."""

from collections.abc import Iterator

from extension.model.ndjson import lines_of
from extension.model.record import Record
from extension.sinks.formats.base import NOTHING_AROUND, BatchFormat


class Lines(BatchFormat):
    """Write one JSON object a line."""

    content_type = "application/x-ndjson"
    around = NOTHING_AROUND

    def write(self, records: Iterator[Record]) -> Iterator[bytes]:
        """Write records as files and standard output have them."""
        return lines_of(records)


class Array(BatchFormat):
    """Write the same objects in one array, with commas where the newlines were."""

    def write(self, records: Iterator[Record]) -> Iterator[bytes]:
        """Write records without their newlines."""
        return (line[:-1] for line in lines_of(records))
