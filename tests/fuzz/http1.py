"""The reader of HTTP messages: what it finds does not depend on where the bytes are cut, and is what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.lambda_api import http1
from extension.lambda_api.http1 import MalformedMessageError, Message, MessageReader
from tests.fuzz.corpus import edited, edits
from tests.fuzz.running import Fuzzer, pick, some

if TYPE_CHECKING:
    from random import Random

Sent = tuple[bytes, list[bytes], int, list[bytes]]
"""A message: its first line, headers, how its body is framed, and the parts of the body."""

HttpCase = tuple[list[Sent], list[tuple[int, int, bytes]], int, list[list[int]]]
"""Messages, edits of their bytes, the bound on bodies, and the places where the stream is cut, several times."""

LENGTH, CHUNKED, CHUNKED_ODDLY, UNTIL_CLOSE = range(4)

_STARTS = (
    b"POST / HTTP/1.1",
    b"POST /x HTTP/1.0",
    b"GET / HTTP/1.1",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 500",
    b"HTTP/1.1 99",
)
_HEADERS = (
    b"Host: sandbox",
    b"X:",
    b"no colon",
    b"A: b: c",
    b"Expect: 100-continue",
    b"Content-Type: application/json",
    b": x",
)
_BODIES = (
    b"",
    b"[]",
    b"{}",
    b"0\r\n\r\n",
    b"\r\n",
    b"5\r\nhello\r\n",
    b"POST / HTTP/1.1\r\n\r\n",
    b"x" * 70,
    b"\x00\xff",
    b"a",
)
_LIMITS = (http1.MAX_BODY_BYTES, http1.MAX_BODY_BYTES, 80, 3)

Found = list[tuple[bytes, dict[bytes, bytes], bytes, int]]


class Http1(Fuzzer):
    """Cut streams of messages in many ways."""

    def draw(self, random: Random) -> HttpCase:
        messages: list[Sent] = []
        for _ in range(1 + int(random.random() * 3)):
            start = pick(random, _STARTS)
            kind = int(random.random() * (4 if start.startswith(b"HTTP/1.1 ") else 3))
            messages.append(
                (start, some(random, _HEADERS, most=3), kind, some(random, _BODIES, most=3))
            )
        changes = edits(random) if random.random() < 0.4 else []
        size = len(encoded(messages)) + 1
        cuts = [
            [int(random.random() * size) for _ in range(pick(random, (1, 2, 5, 20)))]
            for _ in range(6)
        ]
        if random.random() < 0.2:
            cuts.append(list(range(min(size, 500))))
        return messages, changes, pick(random, _LIMITS), cuts

    def check(self, case: HttpCase) -> int:
        messages, changes, limit, cuts = case
        stream = edited(encoded(messages), changes)
        before = http1.MAX_BODY_BYTES
        http1.MAX_BODY_BYTES = limit
        try:
            whole = read(stream, [])
            if not changes:
                assert whole == expected(messages, limit)
            for places in cuts:
                assert read(stream, places) == whole
        finally:
            http1.MAX_BODY_BYTES = before
        return 1 + len(cuts)


def encoded(messages: list[Sent]) -> bytes:
    """Return the bytes of messages."""
    return b"".join(map(_encoded, messages))


def _encoded(message: Sent) -> bytes:
    start, headers, kind, parts = message
    body = b"".join(parts)
    if kind == LENGTH:
        framing = [b"Content-Length: %d" % len(body)]
    elif kind == UNTIL_CLOSE:
        framing = []
    else:
        framing = [
            b"transfer-encoding:chunked"
            if kind == CHUNKED
            else b"Transfer-Encoding: gzip, Chunked "
        ]
        form = b"%x\r\n%b\r\n" if kind == CHUNKED else b"0%X;x=y\r\n%b\r\n"
        body = b"".join([form % (len(one), one) for one in parts if one]) + b"0\r\n\r\n"
    return b"\r\n".join([start, *headers, *framing]) + b"\r\n\r\n" + body


def expected(messages: list[Sent], limit: int) -> Found | None:
    """Return what a reader should find; an answer until close takes all that follows."""
    found: Found = []
    for number, (start, headers, kind, parts) in enumerate(messages):
        body = b"".join(parts)
        framed = dict(
            _header(one)
            for one in [
                *headers,
                *_encoded((b"", [], kind, parts)).split(b"\r\n\r\n")[0].split(b"\r\n")[1:],
            ]
        )
        is_last = kind == UNTIL_CLOSE
        if is_last:
            body += encoded(messages[number + 1 :])
        found.append((start, framed, body if len(body) <= limit else b"", len(body)))
        if is_last:
            break
    return found


def _header(text: bytes) -> tuple[bytes, bytes]:
    name, _, value = text.partition(b":")
    return name.strip().lower(), value.strip()


def read(stream: bytes, places: list[int]) -> Found | None:
    """Feed a stream in pieces; return what was found, or None if it is not HTTP."""
    reader = MessageReader()
    found: list[Message] = []
    begin = 0
    try:
        for place in [*sorted(places), len(stream)]:
            found += reader.feed(stream[begin:place])
            begin = max(begin, place)
        last = reader.end_of_stream()
    except MalformedMessageError:
        return None
    return [_plain(one) for one in (*found, *([last] if last else []))]


def _plain(message: Message) -> tuple[bytes, dict[bytes, bytes], bytes, int]:
    return message.start, message.headers, bytes(message.body), message.body_bytes
