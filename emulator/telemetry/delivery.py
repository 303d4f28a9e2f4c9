"""How a batch gets to a subscriber: HTTP with an answer, or TCP without.

The platform dials ``sandbox.localdomain``, which inside Lambda is the environment itself; here it is 127.0.0.1.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Protocol

from emulator.model.http1 import BadMessage, read_body, read_head

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a subscription wants its batches."""

    protocol: str
    port: int
    host: str = "sandbox.localdomain"
    path: str = "/"
    method: str = "POST"


class Sender(Protocol):
    """Delivers bodies to one destination."""

    acknowledges: bool

    async def send(self, body: bytes) -> int:
        """Deliver; give the HTTP status, or 200 where there is none. Raises OSError or BadMessage on failure."""

    def close(self) -> None:
        """Drop the connection."""


class _Connection:
    """A connection that is dialled when needed and kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    @property
    def usable(self) -> bool:
        return (
            self.reader is not None
            and self.writer is not None
            and not self.reader.at_eof()
            and not self.writer.is_closing()
        )

    async def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self.usable:
            self.close()
            self.reader, self.writer = await asyncio.open_connection(HOST, self._port)
        assert self.reader is not None  # noqa: S101 - for the type checker; the caller sees to it
        assert self.writer is not None  # noqa: S101 - for the type checker; the caller sees to it
        return self.reader, self.writer

    def close(self) -> None:
        if self.writer is not None:
            with contextlib.suppress(Exception):
                self.writer.close()
        self.reader = self.writer = None


class HttpSender:
    """One request a batch on a kept-alive connection."""

    acknowledges = True

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._connection = _Connection(destination.port)

    async def send(self, body: bytes) -> int:
        """Post the body; give the status.

        Raises:
            OSError: No connection, or it broke.
            BadMessage: The answer is not HTTP.
        """
        reused = self._connection.usable
        try:
            return await self._exchange(body)
        except (OSError, BadMessage):
            self.close()
            if not reused:
                raise
        except BaseException:
            self.close()
            raise
        # A kept-alive connection may have been closed by the listener in the meantime: dial once more.
        try:
            return await self._exchange(body)
        except BaseException:
            self.close()
            raise

    async def _exchange(self, body: bytes) -> int:
        reader, writer = await self._connection.streams()
        where = self._destination
        head = (
            f"{where.method} {where.path} HTTP/1.1\r\nHost: {where.host}:{where.port}\r\n"
            "User-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nAccept-Encoding: gzip\r\n\r\n"
        )
        writer.write(head.encode("latin-1") + body)
        await writer.drain()
        start, headers = await read_head(reader)
        parts = start.split(" ", 2)
        if len(parts) < 2 or not parts[1].isdigit():  # noqa: PLR2004 - version and status
            raise BadMessage(start)
        if "content-length" in headers or "transfer-encoding" in headers:
            await read_body(reader, headers)
            if headers.get("connection", "").lower() == "close" or parts[0] == "HTTP/1.0":
                self.close()
        elif parts[1] != "204":
            self.close()  # the body ends with the connection; it is of no interest
        return int(parts[1])

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()


class TcpSender:
    """Newline-delimited events on one connection, unacknowledged."""

    acknowledges = False

    def __init__(self, destination: Destination) -> None:
        self._connection = _Connection(destination.port)

    async def send(self, body: bytes) -> int:
        """Write the body; give 200, which only means that the kernel took it.

        Raises:
            OSError: No connection, or it broke.
        """
        try:
            _, writer = await self._connection.streams()
            writer.write(body)
            await writer.drain()
        except BaseException:
            self.close()
            raise
        return 200

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()


def sender_for(destination: Destination) -> Sender:
    """Choose by protocol."""
    return HttpSender(destination) if destination.protocol == "HTTP" else TcpSender(destination)
