"""The record format itself: newline-delimited JSON (``http(s)://``), or an array of the same (``json+http(s)://``)."""

from collections.abc import Iterable, Iterator

from extension.kept import Kept
from extension.ndjson import lines_of

from . import Request, Shape, joined


class Lines(Shape):
    """One JSON object a line, all of a batch in one request."""

    content_type = "application/x-ndjson"

    def requests(self, records: Iterable[Kept], *, now_ns: int) -> Iterator[Request]:  # noqa: ARG002 - times stay as they are
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
        return Shape.body(self, request)


def _noted(records: Iterable[Kept], request: Request) -> Iterator[Kept]:
    for kept in records:
        request.note(kept)
        yield kept
