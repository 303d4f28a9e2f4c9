"""Serve HTTP/1.1 for the APIs that Lambda offers on ``AWS_LAMBDA_RUNTIME_API``.

``http.server`` does not fit: this server shares one event loop with timers and pipes, answers ``next`` minutes after the
request, and must cost well under a millisecond a request.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.model.events import encode

MAX_HEAD_BYTES = 64 * 1024
# Above the 6 MB + 100 B that the Runtime API accepts, so that too large a response can be answered with 413.
MAX_BODY_BYTES = 32 * 1024 * 1024
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


class BadMessage(Exception):  # noqa: N818 - not an error of the emulator: a peer's doing
    """The peer sent bytes that are not HTTP, or too many of them."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case, ``at_ns`` the monotonic time its head was complete."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at_ns: int

    def json(self) -> Any:
        """Decode the body.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """One response to a request."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def of(cls, status: int, value: Any, **headers: str) -> "Response":
        """Make a response with a JSON body; in the names of headers ``_`` stands for ``-``."""
        return cls(status, encode(value), {k.replace("_", "-"): v for k, v in headers.items()})

    @classmethod
    def error(cls, status: int, error_type: str, message: str) -> "Response":
        """Make an error response, in the shape of all of Lambda's local APIs."""
        return cls.of(status, {"errorMessage": message, "errorType": error_type})

    def encoded(self) -> bytes:
        """Return the bytes for the wire."""
        head = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.content_type:
            head.append(f"Content-Type: {self.content_type}")
        head.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(head).encode("utf-8") + self.body


# None means: close the connection without an answer.
Handler = Callable[[Request], Awaitable["Response | None"]]


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """Read a start line and headers.

    Raises:
        BadMessage: Not HTTP, or the connection ended.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise BadMessage(str(error)) from error
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return first, headers


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """Read a body by length or in chunks.

    Raises:
        BadMessage: Malformed, too large, or the connection ended.
    """
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await _read_chunks(reader)
        length = int(headers.get("content-length") or 0)
        if not 0 <= length <= MAX_BODY_BYTES:
            raise BadMessage(f"body of {length} bytes")
        return await reader.readexactly(length) if length else b""
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError) as error:
        raise BadMessage(str(error)) from error


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            while (await reader.readuntil(b"\r\n")) != b"\r\n":  # trailers
                pass
            return bytes(body)
        if len(body) + size > MAX_BODY_BYTES:
            raise BadMessage("chunked body too large")
        body += await reader.readexactly(size)
        await reader.readexactly(2)


class Server:
    """Serve one handler on a port."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on a port; 0 takes a free one."""
        self._server = await asyncio.start_server(
            self._accept, host, port, limit=MAX_HEAD_BYTES, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (asyncio.CancelledError, BadMessage, OSError):
            pass
        finally:
            if task is not None:
                self._connections.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            start, headers = await read_head(reader)
            at_ns = time.monotonic_ns()
            method, path, version = ([*start.split(" "), "", ""])[:3]
            if headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await read_body(reader, headers)
            request = Request(method, path.partition("?")[0], headers, body, at_ns)
            response = await self._handler(request)
            if response is None:
                return
            writer.write(response.encoded())
            await writer.drain()
            connection = headers.get("connection", "").lower()
            if connection == "close" or (version == "HTTP/1.0" and connection != "keep-alive"):
                return
