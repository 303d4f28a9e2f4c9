"""Test the senders of batches against listeners of every manner."""

import asyncio
import contextlib
import socket

import pytest

from emulator.model.http1 import BadMessage
from emulator.telemetry.delivery import Destination, sender_for


async def closed(*servers: asyncio.AbstractServer) -> None:
    """Close servers, and let the loop run until closed connections have dropped their sockets."""
    for server in servers:
        server.close()
    for _ in range(5):
        await asyncio.sleep(0.01)


def test_sender_dials_again_after_a_dropped_connection() -> None:
    """A kept-alive connection may be gone after a thaw."""

    async def work() -> list[int]:
        served = 0

        async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal served
            served += 1
            await reader.readuntil(b"[]")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            with contextlib.suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"[]")
            writer.close()

        server = await asyncio.start_server(listener, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = sender_for(Destination("HTTP", port))
        statuses = [await sender.send(b"[]"), await sender.send(b"[]")]
        sender.close()
        await closed(server)
        return [*statuses, served]

    assert asyncio.run(work()) == [200, 200, 2]


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

    async def work() -> int | None:
        async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"[]")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(listener, "127.0.0.1", 0)
        sender = sender_for(Destination("HTTP", server.sockets[0].getsockname()[1]))
        try:
            return await sender.send(b"[]")
        except BadMessage:
            return None
        finally:
            sender.close()
            await closed(server)

    assert asyncio.run(work()) == status


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_sender_raises_where_nobody_listens(protocol: str) -> None:
    """The batcher then tries again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(OSError, match="Connect"):
        asyncio.run(sender_for(Destination(protocol, port)).send(b"[]"))
