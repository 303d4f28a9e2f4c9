"""Test the senders of batches against listeners of every manner."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from emulator.model.http1 import BadMessage
from emulator.telemetry.delivery import Destination, sender_for

Listener = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def statuses_of(listener: Listener, *, bodies: int) -> list[int]:
    """Send bodies to a listener with one sender, and return the statuses."""

    async def work() -> list[int]:
        server = await asyncio.start_server(listener, "127.0.0.1", 0)
        sender = sender_for(Destination("HTTP", server.sockets[0].getsockname()[1]))
        try:
            return [await sender.send(b"[]") for _ in range(bodies)]
        finally:
            sender.close()
            server.close()
            for _ in range(5):  # until closed connections have dropped their sockets
                await asyncio.sleep(0.01)

    return asyncio.run(work())


def test_sender_dials_again_after_a_dropped_connection() -> None:
    """A kept-alive connection may be gone after a thaw."""
    connections = []

    async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"[]")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"[]")
        writer.close()

    assert statuses_of(listener, bodies=2) == [200, 200]
    assert len(connections) == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200),
        (b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 500),
        (b"nonsense\r\n\r\n", None),
        (b"", None),
    ],
    ids=["no body", "body to the end", "chunked", "not HTTP", "hangs up"],
)
def test_sender_reads_answers_of_every_shape(answer: bytes, status: int | None) -> None:
    """People write listeners by hand, and the status must come out all the same."""

    async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"[]")
        writer.write(answer)
        await writer.drain()
        writer.close()

    if status is None:
        with pytest.raises(BadMessage):
            statuses_of(listener, bodies=1)
    else:
        assert statuses_of(listener, bodies=1) == [status]


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_sender_raises_where_nobody_listens(protocol: str) -> None:
    """The batcher then tries again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(OSError, match="Connect"):
        asyncio.run(sender_for(Destination(protocol, port)).send(b"[]"))
