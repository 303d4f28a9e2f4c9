"""The record format itself: newline-delimited JSON (``http(s)://``), or an array of the same (``json+http(s)://``)."""

from collections.abc import Iterable, Iterator

from extension.model.ndjson import lines_of
from extension.model.record import Record
from extension.sinks.formats.base import NOTHING_AROUND, Format, Request


class Lines(Format):
    """Write one JSON object a line, all of a batch in one request."""

    content_type = "application/x-ndjson"
    around = NOTHING_AROUND

    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:  # noqa: ARG002 - times stay as they are
        """Write all records at once, as files and standard output have them."""
        request = Request()
        request.entries = lines_of(request.note(records))
        if request.entries:
            yield request


class Array(Lines):
    """Write the same objects in one array."""

    content_type = Format.content_type
    around = Format.around

    def body(self, request: Request) -> Iterator[bytes]:
        """Yield the objects, with commas where the newlines were."""
        request.entries = [line[:-1] for line in request.entries]
        return super().body(request)
