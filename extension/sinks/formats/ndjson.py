"""The record format itself: newline-delimited JSON (``http(s)://``), or an array of the same (``json+http(s)://``)."""

from collections.abc import Iterable, Iterator

from extension.model.ndjson import lines_of
from extension.model.record import Record
from extension.sinks.formats.base import Format, Request, joined


class Lines(Format):
    """One JSON object a line, all of a batch in one request."""

    content_type = "application/x-ndjson"

    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:  # noqa: ARG002 - times stay as they are
        """Writes all records out at once, as files and standard output have them."""
        request = Request()
        request.entries = lines_of(_noted(records, request))
        if request.entries:
            yield request

    def body(self, request: Request) -> Iterator[bytes]:
        """Gives the lines."""
        return joined(request.entries, b"")


class Array(Lines):
    """The same objects in one array."""

    content_type = "application/json"

    def body(self, request: Request) -> Iterator[bytes]:
        """Gives the objects, with commas where the newlines were."""
        request.entries = [line[:-1] for line in request.entries]
        return Format.body(self, request)


def _noted(records: Iterable[Record], request: Request) -> Iterator[Record]:
    for kept in records:
        request.note(kept)
        yield kept
