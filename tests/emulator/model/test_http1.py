"""Test the HTTP server of the local APIs against clients of every manner."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from emulator.model.http1 import Request, Response, Server


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
        for _ in range(5):  # until closed connections have dropped their sockets
            await asyncio.sleep(0.01)


def exchange(sent: bytes, expected: int) -> list[bytes]:
    """Send bytes; return the bodies of so many answers."""

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


def test_connection_serves_several_requests() -> None:
    """Clients keep connections alive and may send two requests at once."""
    one = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"POST /d HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"

    assert exchange(one + two, 2) == [b"GET /a ", b"POST /d hi"]


def test_chunked_body_is_joined() -> None:
    """Streaming runtimes send chunks, extensions and trailers."""
    chunks = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    request = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    assert exchange(request, 1) == [b"POST /c abcde"]


def test_server_sends_100_continue() -> None:
    """Curl waits for it with larger bodies."""
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
def test_malformed_request_closes_the_connection(sent: bytes) -> None:
    """One bad client must not disturb the others."""

    async def work() -> bytes:
        async with connected() as (reader, writer):
            writer.write(sent)
            with contextlib.suppress(ConnectionResetError):
                return await asyncio.wait_for(reader.read(), 5)
            return b""

    assert asyncio.run(work()) == b""


@pytest.mark.parametrize("version", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
def test_server_closes_where_the_client_asks_it_to(version: bytes) -> None:
    """An HTTP/1.0 client reads until the end."""

    async def work() -> bytes:
        async with connected() as (reader, writer):
            writer.write(b"GET /a " + version + b"\r\n\r\n")
            return await asyncio.wait_for(reader.read(), 5)

    assert asyncio.run(work()).endswith(b"GET /a ")
