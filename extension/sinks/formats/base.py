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

from extension.model.chunk import Metadata
from extension.model.levels import Level
from extension.model.receipt import Receipt
from extension.model.record import Record, fields_of, members, timed, to_json
from extension.transport.client import Reply
from extension.transport.responses import receipt_for

OVERHEAD_BYTES = 4096
"""Of an entry beside its line: ids, names and an ARN, which AWS bounds to about 600 characters together."""

MAX_CHAR_BYTES = 6
"""Of a character in JSON: a control character is written as its number (RFC 8259, section 7)."""

QUOTES_BYTES = 2

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
    most_bytes = len(text) * MAX_CHAR_BYTES + QUOTES_BYTES
    if most_bytes <= max_bytes or size_of(text) <= max_bytes or len(text) == 1:
        return [text]
    middle = len(text) // 2
    first = pieces_of(text[:middle], max_bytes, size_of)
    return first + pieces_of(text[middle:], max_bytes, size_of)


def part_of(pieces: list[str], index: int) -> bytes:
    """Write, as a member of a JSON object, which part of a line a piece is; nothing if it is all of it."""
    return b',"part":"%d/%d"' % (index + 1, len(pieces)) if len(pieces) > 1 else b""


def joined(entries: list[bytes], separator: bytes) -> Iterator[bytes]:
    """Join entries, many at a time: compressing each alone would cost more."""
    for begin in range(0, len(entries), _JOINED):
        yield (separator if begin else b"") + separator.join(entries[begin : begin + _JOINED])


class Request:
    """Hold one request's records in the receiver's form.

    Attributes:
        numbers: of its records.
        entries: in the receiver's form, one or several for each record.
        owners: the record's number for each entry, where a format needs it.
        size_bytes: of the entries and of the separators between them.
    """

    __slots__ = ("entries", "numbers", "owners", "size_bytes")

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.entries: list[bytes] = []
        self.owners: list[int] = []
        self.size_bytes = 0

    def add(self, record: Record, entries: list[bytes], size_bytes: int) -> None:
        """Add a record that has become entries."""
        self.numbers.append(record.number)
        self.owners += [record.number] * len(entries)
        self.entries += entries
        self.size_bytes += size_bytes

    def note(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield records and note their numbers, for a format that writes them all at once."""
        for record in records:
            self.numbers.append(record.number)
            yield record


class Format(ABC):
    """Write the requests of one kind of receiver; by default JSON arrays without limits.

    Attributes:
        content_type: of the body.
        around: what stands before, between and behind the entries of a body.
        path: where the receiver listens, if the URL does not say.
        max_entries: of one request.
        max_bytes: of one request's body, before compression.
    """

    content_type = "application/json"
    around = (b"[", b",", b"]")
    path = ""
    max_entries = sys.maxsize
    max_bytes = sys.maxsize

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def target(self, path: str, query: str) -> str:
        """Return path and query to post to, from those of the user's URL."""
        if path in {"", "/"}:
            path = self.path
        return f"{path}?{query}" if query else path

    @abstractmethod
    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:
        """Cut records into requests, each as it is asked for.

        Args:
            records: of one batch.
            now_ns: for records whose time is not known, in nanoseconds since 1970.
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


class EntryFormat(Format):
    """Write each record anew, as one entry or several."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._metadata: Metadata | None = None
        self._members: dict[tuple[str, Level | None], bytes] = {}

    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:
        """Cut records into requests within the receiver's two limits."""
        request = Request()
        for record, ns in timed(records, now_ns):
            entries = self.entries(record, ns)
            size = sum(map(len, entries)) + len(entries)
            is_full = len(request.entries) + len(entries) > self.max_entries
            if request.entries and (is_full or request.size_bytes + size > self.max_bytes):
                yield request
                request = Request()
            request.add(record, entries, size)
        if request.entries:
            yield request

    @abstractmethod
    def entries(self, record: Record, ns: int) -> list[bytes]:
        """Write one record in the receiver's form.

        Args:
            record: to write.
            ns: its time, in nanoseconds since 1970.
        """

    def fields(self, record: Record) -> dict[str, object]:
        """Return what an entry tells beside line, time and id; empty values are left out when written."""
        level = record.level
        return {
            "level": level.name if level is not None else "",
            "type": record.type,
            **fields_of(record.metadata),
        }

    def about(self, record: Record) -> bytes:
        """Write the fields of a record, as members of a JSON object without its braces."""
        if record.metadata is not self._metadata:
            self._metadata = record.metadata
            self._members.clear()
        key = record.type, record.level
        about = self._members.get(key)
        if about is None:
            about = self._members[key] = members(self.fields(record))
        return about


def level_word(record: Record) -> str:
    """Return a record's level in lower case; empty where it tells none."""
    level = record.level
    return level.name.lower() if level is not None else ""
