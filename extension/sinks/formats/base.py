"""The shapes that HTTP intakes read: how records become the bodies of requests, and what the answers say of them.

A shape does no I/O. It cuts a batch into requests within its receiver's limits, and a line that is too long for the
receiver into pieces that carry the same id and say which part they are: nothing is cut off. The same records make the
same bytes, so that a receiver which looks for duplicates can find them. What of a shape is the receiver's doing is cited
from its public documentation, by the page's name.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from functools import lru_cache

from extension.model.chunk import Metadata
from extension.model.levels import Level
from extension.model.ndjson import weight_of
from extension.model.receipt import Receipt
from extension.model.record import Record
from extension.model.timestamps import epoch_ns
from extension.transport.client import Reply
from extension.transport.responses import receipt_for

OVERHEAD_BYTES = 4096
"""Of an entry beside its line: ids, names and an ARN, which AWS bounds to about 600 characters together."""

MAX_CHAR_BYTES = 6
"""Of a character in JSON: a control character is written as its number (RFC 8259, section 7)."""

QUOTES_BYTES = 2

_JOINED = 128
"""Entries at a time: some ten kilobytes of common lines."""

_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def to_json(value: object) -> bytes:
    """Writes JSON compactly; a surrogate without its partner, which UTF-8 has no bytes for, becomes ``?``."""
    return _ENCODE(value).encode("utf-8", "replace")


def time_text(ns: int) -> str:
    """Writes a time, in nanoseconds since 1970, as ISO 8601 with microseconds."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_second_text(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=4)
def _second_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def utf8_bytes(text: str) -> int:
    """Counts the bytes of a text as it was written."""
    return len(text.encode("utf-8", "replace"))


def json_bytes(text: str) -> int:
    """Counts the bytes of a text as JSON, where a control character has six."""
    return len(to_json(text))


def pieces_of(text: str, max_bytes: int, size_of: Callable[[str], int]) -> list[str]:
    """Cuts a text, between characters, into pieces of ``max_bytes`` at most."""
    most_bytes = len(text) * MAX_CHAR_BYTES + QUOTES_BYTES
    if most_bytes <= max_bytes or size_of(text) <= max_bytes or len(text) == 1:
        return [text]
    middle = len(text) // 2
    first = pieces_of(text[:middle], max_bytes, size_of)
    return first + pieces_of(text[middle:], max_bytes, size_of)


def part_of(pieces: list[str], index: int) -> bytes:
    """Says, as a member of a JSON object, which part of a line a piece is; nothing if it is all of it."""
    return b',"part":"%d/%d"' % (index + 1, len(pieces)) if len(pieces) > 1 else b""


def joined(entries: list[bytes], separator: bytes) -> Iterator[bytes]:
    """Gives entries with separators between them, many at a time: compressing each alone would cost more."""
    for begin in range(0, len(entries), _JOINED):
        yield (separator if begin else b"") + separator.join(entries[begin : begin + _JOINED])


class Request:
    """What goes in one request.

    Attributes:
        records: those that are in it, without what they hold: that is in the entries.
        entries: in the receiver's form, one or several for each record.
        owners: the record of each entry.
        size_bytes: of the entries and what is between them.
    """

    __slots__ = ("entries", "owners", "records", "size_bytes")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.entries: list[bytes] = []
        self.owners: list[Record] = []
        self.size_bytes = 0

    def note(self, kept: Record) -> Record:
        """Adds a record, and gives what is kept of it: the content would be held twice."""
        light = Record(kept.number, kept.metadata, b"", kept.time, kept.type, None, kept.level)
        self.records.append(light)
        return light

    def add(self, kept: Record, entries: list[bytes], size_bytes: int) -> None:
        """Adds a record that has become entries."""
        light = self.note(kept)
        self.owners += [light] * len(entries)
        self.entries += entries
        self.size_bytes += size_bytes


class Format(ABC):
    """One receiver's form; the defaults are those of a JSON array without limits.

    Attributes:
        content_type: of the body.
        path: where the receiver listens, if the URL does not say.
        max_entries: of one request.
        max_bytes: of one request's body, before compression.
    """

    content_type = "application/json"
    path = ""
    max_entries = sys.maxsize
    max_bytes = sys.maxsize

    def target(self, path: str, query: str) -> str:
        """Gives path and query to post to, from those of the user's URL."""
        if path in {"", "/"}:
            path = self.path
        return f"{path}?{query}" if query else path

    @abstractmethod
    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:
        """Cuts records into requests, each as it is asked for.

        Args:
            records: of one batch.
            now_ns: for records of which no time is known, in nanoseconds since 1970.
        """

    def body(self, request: Request) -> Iterator[bytes]:
        """Gives the parts of a request's body: an array of its entries, unless the receiver wants it otherwise."""
        yield b"["
        yield from joined(request.entries, b",")
        yield b"]"

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:  # noqa: ARG002 - some look at it
        """Reads the answer to a request."""
        return receipt_for(reply, sent_bytes=sent_bytes)


class EntryFormat(Format):
    """The form of a receiver for which each record is written anew, as one entry or several."""

    def __init__(self) -> None:
        self._metadata: Metadata | None = None
        self._about: dict[tuple[str, Level | None], bytes] = {}

    def requests(self, records: Iterable[Record], *, now_ns: int) -> Iterator[Request]:
        """See :meth:`Shape.requests`."""
        request = Request()
        for kept, ns in _timed(records, now_ns):
            entries = self.entries(kept, ns)
            size = sum(map(len, entries)) + len(entries)
            is_full = len(request.entries) + len(entries) > self.max_entries
            if request.entries and (is_full or request.size_bytes + size > self.max_bytes):
                yield request
                request = Request()
            request.add(kept, entries, size)
        if request.entries:
            yield request

    @abstractmethod
    def entries(self, kept: Record, ns: int) -> list[bytes]:
        """Writes one record in the receiver's form.

        Args:
            kept: the record.
            ns: its time, in nanoseconds since 1970.
        """

    def told(self, kept: Record) -> dict[str, object]:
        """Gives what an entry tells of its record beside line, time and id; what is empty is not told."""
        metadata = kept.metadata
        return {
            "level": kept.level.name if kept.level is not None else "",
            "type": kept.type,
            "requestId": metadata.request_id,
            "traceId": metadata.trace_id,
            "correlationId": metadata.correlation_id,
            "function": metadata.function,
            "version": metadata.version,
            "reason": metadata.reason,
            "weight": weight_of(metadata),
        }

    def about(self, kept: Record) -> bytes:
        """Writes what is told of a record, as members of a JSON object without its braces."""
        if kept.metadata is not self._metadata:
            self._metadata = kept.metadata
            self._about.clear()
        key = kept.type, kept.level
        about = self._about.get(key)
        if about is None:
            told = {name: value for name, value in self.told(kept).items() if value != ""}
            about = self._about[key] = to_json(told)[1:-1]
        return about


def _timed(records: Iterable[Record], now_ns: int) -> Iterator[tuple[Record, int]]:
    """Gives records with their times; one without has that of the record before, or else of the one behind it."""
    waiting: list[Record] = []
    ns: int | None = None
    for kept in records:
        own = epoch_ns(kept.time)
        ns = ns if own is None else own
        if ns is None:
            waiting.append(kept)
            continue
        while waiting:
            yield waiting.pop(0), ns
        yield kept, ns
    for kept in waiting:
        yield kept, now_ns
