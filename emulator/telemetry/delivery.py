"""Send batches to a subscriber: over HTTP with an answer, or over TCP without.

The platform dials ``sandbox.localdomain``, which inside Lambda is the environment itself; here it is 127.0.0.1.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from emulator.model.http1 import BadMessage, read_body, read_head

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Destination:
    """The address that a subscription names."""

    protocol: str
    port: int
    host: str = "sandbox.localdomain"
    path: str = "/"
    method: str = "POST"


class Sender:
    """Write bodies to one destination, on a connection that is dialled when needed and kept.

    This is the whole of a TCP sender: events are divided by newlines, and nothing acknowledges them.

    Attributes:
        acknowledges: Whether the destination answers.
    """

    acknowledges = False

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, body: bytes) -> int:
        """Send a body; return the HTTP status, or over TCP 200 once the kernel took the bytes.

        Raises:
            OSError: There is no connection, or it broke.
            BadMessage: The answer is not HTTP.
        """
        try:
            return await self._exchange(body)
        except BaseException:
            self.close()
            raise

    async def _exchange(self, body: bytes) -> int:
        _, writer = await self._connected()
        writer.write(body)
        await writer.drain()
        return 200

    @property
    def _usable(self) -> bool:
        if self._streams is None:
            return False
        reader, writer = self._streams
        return not reader.at_eof() and not writer.is_closing()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or not self._usable:
            self.close()
            self._streams = await asyncio.open_connection(HOST, self._destination.port)
        return self._streams

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            with contextlib.suppress(Exception):
                self._streams[1].close()
        self._streams = None


class HttpSender(Sender):
    """Send one request for each body, on a kept-alive connection."""

    acknowledges = True

    async def send(self, body: bytes) -> int:
        """Post a body, and return the status, as ``Sender.send`` does."""
        if self._usable:
            # The listener may have closed a kept-alive connection in the meantime: dial once more.
            with contextlib.suppress(OSError, BadMessage):
                return await super().send(body)
        return await super().send(body)

    async def _exchange(self, body: bytes) -> int:
        reader, writer = await self._connected()
        where = self._destination
        head = (
            f"{where.method} {where.path} HTTP/1.1\r\nHost: {where.host}:{where.port}\r\n"
            "User-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nAccept-Encoding: gzip\r\n\r\n"
        )
        writer.write(head.encode("latin-1") + body)
        await writer.drain()
        start, headers = await read_head(reader)
        version, status, _ = f"{start}  ".split(" ", 2)
        if not status.isdigit():
            raise BadMessage(start)
        if "content-length" in headers or "transfer-encoding" in headers:
            await read_body(reader, headers)
            if headers.get("connection", "").lower() == "close" or version == "HTTP/1.0":
                self.close()
        elif status != "204":
            self.close()  # the body ends with the connection, and nobody reads it
        return int(status)


def sender_for(destination: Destination) -> Sender:
    """Return the sender for a destination's protocol."""
    return HttpSender(destination) if destination.protocol == "HTTP" else Sender(destination)
