"""The HTTP server of the local APIs, and the sender of batches, against peers of every manner."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from emulator.model.clock import Clock
from emulator.model.errors import EmulatorTimeout
from emulator.model.http1 import BadMessage, Request, Response, Server
from emulator.telemetry.delivery import Destination, sender_for


async def echo(request: Request) -> Response | None:
    if request.path == "/hang-up":
        return None
    return Response(
        200, request.method.encode() + b" " + request.path.encode() + b" " + request.body
    )


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = Server(echo)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await server.stop()
        await closed()


async def closed(*servers: asyncio.AbstractServer) -> None:
    """Close servers, and give the loop the turns in which closed connections let go of their sockets."""
    for server in servers:
        server.close()
    for _ in range(5):
        await asyncio.sleep(0.01)


def exchange(sent: bytes, expected: int) -> list[bytes]:
    """Send bytes; give the bodies of that many answers, and what came after them if the server hung up."""

    async def work() -> list[bytes]:
        async with connected() as (reader, writer):
            writer.write(sent)
            bodies = []
            for _ in range(expected):
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                length = int(
                    head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0
                )
                bodies.append(await reader.readexactly(length))
            return bodies

    return asyncio.run(work())


def test_a_connection_serves_several_requests() -> None:
    """Kept alive, also when two come at once."""
    one = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"POST /d HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"

    assert exchange(one + two, 2) == [b"GET /a ", b"POST /d hi"]


def test_a_chunked_body_is_put_together() -> None:
    """With extensions and trailers, as streaming runtimes send it."""
    chunks = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    request = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    assert exchange(request, 1) == [b"POST /c abcde"]


def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    """Curl does for larger bodies."""
    request = b"POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nz"

    assert exchange(request, 2) == [b"", b"POST /e z"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /hang-up HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 70_000 + b"\r\n\r\n",
    ],
    ids=["told to", "too long", "no number", "bad chunk", "endless head"],
)
def test_what_cannot_be_answered_closes_the_connection(sent: bytes) -> None:
    """And nothing else breaks."""

    async def work() -> bytes:
        async with connected() as (reader, writer):
            writer.write(sent)
            with contextlib.suppress(ConnectionResetError):
                return await asyncio.wait_for(reader.read(), 5)
            return b""

    assert asyncio.run(work()) == b""


@pytest.mark.parametrize("version", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
def test_a_connection_is_closed_where_the_client_wants_it(version: bytes) -> None:
    """Told so, or HTTP/1.0."""

    async def work() -> bytes:
        async with connected() as (reader, writer):
            writer.write(b"GET /a " + version + b"\r\n\r\n")
            return await asyncio.wait_for(reader.read(), 5)

    assert asyncio.run(work()).endswith(b"GET /a ")


def test_a_listener_that_drops_its_connection_is_dialled_again() -> None:
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
def test_answers_of_every_shape(answer: bytes, status: int | None) -> None:
    """A status where there is one; BadMessage where it is no answer."""

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
def test_nobody_listening_is_an_error_to_the_batcher(protocol: str) -> None:
    """Which then tries again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(OSError, match="Connect"):
        asyncio.run(sender_for(Destination(protocol, port)).send(b"[]"))


def test_time_stands_still_while_frozen() -> None:
    """Sleeps and time-outs count running time only."""

    async def work() -> tuple[float, str]:
        clock = Clock()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        clock.freeze()
        clock.freeze()
        loop.call_later(0.2, clock.thaw)
        await clock.sleep(0.05)
        slept = loop.time() - begun
        clock.thaw()
        forever = loop.create_future()
        loop.call_later(0.02, clock.freeze)
        loop.call_later(0.2, clock.thaw)
        begun = loop.time()
        with pytest.raises(EmulatorTimeout) as caught:
            await clock.bounded(forever, 0.1)
        return slept, f"{loop.time() - begun > 0.25} {caught.value}"

    slept, text = asyncio.run(work())

    assert slept > 0.24
    assert text == "True no answer within 0.1 s"
