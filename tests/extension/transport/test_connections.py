"""What requests of one sink share, and the connection that they are sent on."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extension.transport.client import Transport
from extension.transport.connections import MAX_GATHERED_BYTES, Backend, Prepared
from extension.transport.errors import Reason, Unreachable
from tests.doubles.scripted_server import OK, ScriptedServer, in_pieces, status

WAIT_S = 5.0


@pytest.fixture
def transport() -> Iterator[Transport]:
    opened = Transport({})
    yield opened
    opened.close()


def post(
    transport: Transport, url: str, *, body: bytes = b"body", headers: dict[str, str] | None = None
) -> int:
    until_s = time.monotonic() + WAIT_S
    reply = transport.exchange(
        "POST", url, headers=headers or {}, body=body, until_s=until_s, repeatable=False
    )
    return reply.status


class Wire:
    """Stands in for a network and for a stream of httpcore's: it notes what is written, and reads nothing."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def connect_tcp(self, **_: object) -> "Wire":
        return self

    def start_tls(self, **_: object) -> "Wire":
        return self

    def write(self, buffer: bytes, _timeout: float | None = None) -> None:
        self.written.append(buffer)

    def read(self, _max_bytes: int, _timeout: float | None = None) -> bytes:
        return b""

    def close(self) -> None:
        """Nothing is open."""

    def get_extra_info(self, _: str) -> None:
        return None


@pytest.mark.parametrize("secure", [False, True])
def test_head_and_body_leave_in_one_piece(secure: bool) -> None:
    """Each write of its own is three system calls and a packet, and wakes the server once more."""
    wire = Wire()
    backend: Any = Backend(wire)  # type: ignore[arg-type]
    stream = backend.connect_tcp(host="h", port=1)
    stream = stream.start_tls(ssl_context=None) if secure else stream

    for _ in range(2):
        for part in (b"head", b"body", b""):
            stream.write(part, timeout=1.0)
        stream.read(1, timeout=1.0)

    assert wire.written == [b"headbody", b"", b"headbody", b""]


def test_large_body_is_not_copied() -> None:
    """A copy would cost more than the write that it saves, and twice the memory."""
    wire = Wire()
    backend: Any = Backend(wire)  # type: ignore[arg-type]
    stream = backend.connect_tcp(host="h", port=1)
    body = bytes(MAX_GATHERED_BYTES + 1)

    stream.write(b"head")
    stream.write(body)

    assert wire.written == [b"head", body]
    assert wire.written[1] is body


def test_request_without_a_body_is_sent(server: ScriptedServer, transport: Transport) -> None:
    """The head does not wait for anything."""
    assert post(transport, server.url, body=b"") == 200
    assert server.requests[-1].headers["content-length"] == "0"


def test_each_request_has_its_own_headers_and_length(
    server: ScriptedServer, transport: Transport
) -> None:
    """AWS's signature is another one each time."""
    sent = [("one", b"1"), ("two", b"22"), ("two", b"333"), ("one", b"4")]

    for key, body in sent:
        post(transport, server.url, body=body, headers={"X-Key": key})

    told = [(one.headers["x-key"], one.parts[1]) for one in server.requests]
    assert told == sent
    assert server.connections == 1


def test_headers_that_change_in_place_are_sent_as_they_are(server: ScriptedServer) -> None:
    """Whoever hands over a dictionary may go on using it."""
    headers = {"x-key": "one"}
    prepared = Prepared.of("POST", server.url, headers)

    headers["x-key"] = "two"

    assert not prepared.is_for("POST", server.url, headers)


def test_head_is_that_of_httpx_s_client(server: ScriptedServer, transport: Transport) -> None:
    """A server that takes the one takes the other."""
    given = {"content-type": "a/b", "USER-agent": "mine"}
    with httpx.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as client:
        client.post(server.url, headers=given, content=b"body")
    post(transport, server.url, headers=given)

    of_client, ours = (
        sorted(one.head.split(b"\r\n")) for one in (server.requests[-2], server.requests[-1])
    )
    assert of_client == ours


def test_credentials_of_the_url_are_sent(server: ScriptedServer, transport: Transport) -> None:
    """A sink's URL may hold them (RFC 7617)."""
    post(transport, server.url.replace("://", "://user:p%20w@"))

    assert server.requests[-1].headers["authorization"] == "Basic dXNlcjpwIHc="


def test_header_that_is_not_ascii_is_refused() -> None:
    """HTTP has no bytes for it."""
    with pytest.raises(Unreachable) as caught:
        Prepared.of("POST", "http://h/", {"x-key": "\u20ac"})

    assert caught.value.reason is Reason.HEADER_INVALID


def test_connection_that_the_server_closed_meanwhile_is_replaced_first(
    server: ScriptedServer, transport: Transport
) -> None:
    """The request goes to the new connection alone, so that it may be one that must not be repeated."""
    server.answers = [in_pieces(OK, piece_bytes=100), OK]
    post(transport, server.url)
    assert transport._connections is not None
    until_s = time.monotonic() + WAIT_S
    while transport._connections.has_open() and time.monotonic() < until_s:
        pass

    assert post(transport, server.url) == 200
    assert len(server.requests) == 2
    assert server.connections == 2


def test_abort_reaches_the_connection_that_replaced_another(
    server: ScriptedServer, transport: Transport
) -> None:
    """Else a request that hangs could not be ended once any connection had been closed."""
    entered = threading.Event()

    def hang(_connection: socket.socket, _body: bytes) -> bool:
        entered.set()
        return not threading.Event().wait(WAIT_S)

    server.answers = [status(200, "Connection: close"), hang]
    post(transport, server.url)

    def abort() -> None:
        entered.wait(WAIT_S)
        transport.abort()

    threading.Thread(target=abort).start()

    with pytest.raises(Unreachable) as caught:
        post(transport, server.url)

    assert caught.value.reason is Reason.CONNECTION_LOST
