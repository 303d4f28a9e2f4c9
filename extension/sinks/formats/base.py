"""Define a format: how records become the bodies of HTTP requests, and how a receiver's answers are read.

A format does no I/O. It cuts a batch into requests within its receiver's limits. A line that is too long for the
receiver becomes pieces with the same id, each of which says which part it is: nothing is cut off. The same records make
the same bytes, so that a receiver can recognise duplicates. Facts about a receiver are cited from its public
documentation, by the page's name.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from extension.levels.level import Level
from extension.model.chunk import Metadata
from extension.model.receipt import Receipt
from extension.model.record import Record, fields_of, members, timed, to_json
from extension.transport.client import Reply
from extension.transport.responses import receipt_for

OVERHEAD_BYTES = 4096
"""Of an entry beside its line: ids, names and an ARN, which AWS bounds to about 600 characters together."""

MAX_CHAR_BYTES = 6
"""Of a character in JSON: a control character is written as its number (RFC 8259, section 7)."""

NOTHING_AROUND = (b"", b"", b"")

_JOINED = 128
"""Entries that are compressed at a time: some ten kilobytes of common lines."""


def time_text(ns: int) -> str:
    """Write a time, in nanoseconds since 1970, as ISO 8601 with microseconds."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_second_text(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=4)
def _second_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def utf8_bytes(text: str) -> int:
    """Count the bytes of a text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def json_bytes(text: str) -> int:
    """Count the bytes of a text as JSON, where a control character has six."""
    return len(to_json(text))


def pieces_of(text: str, max_bytes: int, size_of: Callable[[str], int]) -> list[str]:
    """Cut a text, between characters, into pieces of at most ``max_bytes``."""
    most_bytes = len(text) * MAX_CHAR_BYTES + len('""')
    if most_bytes <= max_bytes or size_of(text) <= max_bytes or len(text) == 1:
        return [text]
    middle = len(text) // 2
    first = pieces_of(text[:middle], max_bytes, size_of)
    return first + pieces_of(text[middle:], max_bytes, size_of)


def joined(entries: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    """Join entries, many at a time: compressing each alone would cost more."""
    entries = iter(entries)
    before = b""
    while some := list(islice(entries, _JOINED)):
        yield before + separator.join(some)
        before = separator


class Request(NamedTuple):
    """Hold one request's records in the receiver's form.

    Attributes:
        numbers: of the records whose entries were asked for.
        entries: in the receiver's form, one or several for each record. Each is made as it is asked for, because all of
            them would be several times the batch.
        owners: the record's number for each entry, of a format that writes entries.
    """

    numbers: list[int]
    entries: Iterator[bytes]
    owners: list[int]


class Format(ABC):
    """Write the requests of one kind of receiver; by default JSON arrays.

    Attributes:
        content_type: of the body.
        around: what stands before, between and behind the entries of a body.
        path: where the receiver listens, if the URL does not say.
    """

    content_type = "application/json"
    around = (b"[", b",", b"]")
    path = ""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def target(self, path: str, query: str) -> str:
        """Return path and query to post to, from those of the user's URL."""
        path = self.path if path in {"", "/"} else path
        return f"{path}?{query}" if query else path

    @abstractmethod
    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:
        """Cut a batch into requests, each as it is asked for; ``now_ns`` is the time if no record has one.

        A request's entries must be asked for before the next request.
        """

    def body(self, request: Request) -> Iterator[bytes]:
        """Yield the parts of a request's body."""
        before, between, behind = self.around
        yield before
        yield from joined(request.entries, between)
        yield behind

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:  # noqa: ARG002 - some formats read it
        """Read the answer to a request."""
        return receipt_for(reply, sent_bytes=sent_bytes)


class BatchFormat(Format):
    """Write all records of a batch into one request; their times stay as they are."""

    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:  # noqa: ARG002 - see above
        """Write all records at once."""
        numbers: list[int] = []
        rest = iter(records)
        first = next(rest, None)

        def noted(first: Record) -> Iterator[Record]:
            for record in chain((first,), rest):
                numbers.append(record.number)
                yield record

        if first is not None:
            yield Request(numbers, iter(self.write(noted(first))), [])

    @abstractmethod
    def write(self, records: Iterator[Record]) -> Iterable[bytes]:
        """Write records in the receiver's form."""


class EntryFormat(Format):
    """Write each record anew, as one entry or several, each a template filled in.

    Attributes:
        template: of an entry, with ``message``, ``time``, ``id``, ``number``, ``fields`` and ``part``, which are JSON.
        max_entries: of one request.
        max_bytes: of one request's body, before compression.
        max_message_bytes: of a message. A longer line becomes several entries, of which each tells its ``part``.
        size_of: counts a message's bytes.
        empty: stands for the message of an empty line.
    """

    template = b""
    max_entries = max_bytes = max_message_bytes = sys.maxsize
    size_of: Callable[[str], int] = staticmethod(json_bytes)
    empty = b'""'

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._metadata: Metadata | None = None
        self._shared: dict[tuple[str, Level | None], dict[bytes, bytes]] = {}

    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:
        """Cut records into requests within the receiver's two limits."""
        written = ((one.number, self._entries(one, ns)) for one, ns in timed(records, now_ns))
        following = next(written, None)

        def fill(numbers: list[int], owners: list[int]) -> Iterator[bytes]:
            nonlocal following
            count = size_bytes = 0
            while following is not None:
                number, entries = following
                count += len(entries)
                size_bytes += sum(map(len, entries)) + len(entries)
                if numbers and (count > self.max_entries or size_bytes > self.max_bytes):
                    return
                following = None
                numbers.append(number)
                owners += [number] * len(entries)
                yield from entries
                following = next(written, None)

        while following is not None:
            numbers: list[int] = []
            owners: list[int] = []
            yield Request(numbers, fill(numbers, owners), owners)

    def fields(self, record: Record) -> dict[str, object]:
        """Return what an entry tells beside line, time and id; empty values are left out when written."""
        level = record.level
        return {
            "level": level.name if level is not None else "",
            "type": record.type,
            **fields_of(record.metadata),
        }

    def shared(self, record: Record) -> dict[bytes, bytes]:
        """Write the values that a record shares with others of its metadata, type and level."""
        return {b"fields": members(self.fields(record)), b"part": b""}

    def time(self, record: Record, ns: int, piece: int) -> bytes:  # noqa: ARG002 - see Loki
        """Write the time of a record's piece, given in nanoseconds since 1970."""
        return time_text(ns).encode()

    def _entries(self, record: Record, ns: int) -> list[bytes]:
        if record.metadata is not self._metadata:
            self._metadata = record.metadata
            self._shared.clear()
        key = record.type, record.level
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = self.shared(record)
        values: dict[bytes, object] = {b"id": record.id.encode(), b"number": record.number}
        values.update(shared)
        pieces = pieces_of(record.text, self.max_message_bytes, self.size_of)
        entries = []
        for index, piece in enumerate(pieces):
            values[b"message"] = to_json(piece) if piece else self.empty
            values[b"time"] = self.time(record, ns, index)
            if len(pieces) > 1:
                values[b"part"] = b',"part":"%d/%d"' % (index + 1, len(pieces))
            entries.append(self.template % values)
        return entries


def level_word(record: Record) -> str:
    """Return a record's level in lower case; empty where it tells none."""
    level = record.level
    return level.name.lower() if level is not None else ""
