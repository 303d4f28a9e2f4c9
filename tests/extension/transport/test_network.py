"""Time and patience of one request, over real sockets; the resolver is a double, since no test can have a dead one."""

import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from extension.transport.client import Transport
from extension.transport.errors import Reason, Unreachable
from extension.transport.network import MAX_INFORMATIONAL
from tests.doubles.scripted_server import OK, ScriptedServer, status

WAIT_S = 5.0
SHORT_S = 0.2
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"


@pytest.fixture
def transport() -> Iterator[Transport]:
    opened = Transport({})
    yield opened
    opened.close()


class Resolver:
    """Answers with ``addresses`` or raises; where told to, only once it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.addresses = ["127.0.0.1"]
        self.error: Exception | None = None
        self.released = threading.Event()
        self.released.set()

    def getaddrinfo(
        self, name: bytes | str, port: int, *_: object, **_more: object
    ) -> list[object]:
        host = name.decode() if isinstance(name, bytes) else name
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        if host.startswith("127."):
            return [(*kind, (host, port))]
        self.asked.append(host)
        assert self.released.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        return [(*kind, (address, port)) for address in self.addresses]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    double = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", double.getaddrinfo)
    yield double
    double.released.set()


def post(transport: Transport, url: str, *, timeout_s: float = WAIT_S) -> int:
    until_s = time.monotonic() + timeout_s
    return transport.exchange("POST", url, headers={}, body=b"body", until_s=until_s).status


def failure(transport: Transport, url: str, *, timeout_s: float = WAIT_S) -> tuple[Reason, bool]:
    with pytest.raises(Unreachable) as caught:
        post(transport, url, timeout_s=timeout_s)
    return caught.value.reason, caught.value.uncertain


# Informational answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [CONTINUE, HINTS + CONTINUE, CONTINUE * MAX_INFORMATIONAL, CONTINUE.replace(b"\r\n", b"\n")],
    ids=["one", "two kinds", "as many as may be", "bare line feeds"],
)
def test_answer_behind_informational_ones_is_the_answer(
    server: ScriptedServer, transport: Transport, before: bytes
) -> None:
    """A server may say that it goes on; each request may have as many, and a body may hold anything."""
    body = CONTINUE * (MAX_INFORMATIONAL + 1)
    server.answers = [before + status(202, body=body), before + OK]

    assert [post(transport, server.url) for _ in range(2)] == [202, 200]
    assert server.connections == 1


def test_informational_answers_cut_anywhere_are_counted(
    server: ScriptedServer, transport: Transport
) -> None:
    """The network cuts a stream where it likes."""

    def send(connection: socket.socket, _body: bytes) -> bool:
        for byte in HINTS * (MAX_INFORMATIONAL + 1) + OK:
            connection.sendall(bytes([byte]))
        return True

    server.answers = [send]

    assert failure(transport, server.url) == (Reason.ONLY_INFORMATIONAL, True)


@pytest.mark.parametrize("used", [False, True])
def test_storm_of_informational_answers_ends_soon(
    server: ScriptedServer, transport: Transport, used: bool
) -> None:
    """They would cost a whole core for as long as the request may take."""
    sent = 0

    def storm(connection: socket.socket, _body: bytes) -> bool:
        nonlocal sent
        while not server.released.is_set():
            connection.sendall(HINTS * 100)
            sent += 100
        return False

    server.answers = [*([OK] if used else []), storm, OK]
    if used:
        post(transport, server.url)

    assert failure(transport, server.url, timeout_s=60.0) == (Reason.ONLY_INFORMATIONAL, True)
    assert post(transport, server.url) == 200
    assert len(server.requests) == 2 + used


def test_head_that_trickles_is_left_in_time(server: ScriptedServer, transport: Transport) -> None:
    """No single wait is too long; the sum of them is."""
    server.answers = [server.trickle(b"HTTP/1.1 200 O", b"K")]

    assert failure(transport, server.url, timeout_s=SHORT_S) == (Reason.ANSWER_TIMEOUT, True)


# Names ---------------------------------------------------------------------------------------------------------------


def test_name_is_resolved_once_for_a_kept_connection(
    server: ScriptedServer, transport: Transport, resolver: Resolver
) -> None:
    """The server sees the name that the settings give."""
    url = server.url.replace("127.0.0.1", "intake.invalid")

    assert [post(transport, url) for _ in range(2)] == [200, 200]
    assert resolver.asked == ["intake.invalid"]
    assert server.requests[0].headers["host"] == f"intake.invalid:{server.port}"


def test_resolver_that_does_not_answer_is_left_in_time(
    server: ScriptedServer, transport: Transport, resolver: Resolver
) -> None:
    """Its thread stays behind; the next requests wait for the same one, and use what it finds."""
    url = server.url.replace("127.0.0.1", "intake.invalid")
    resolver.released.clear()

    found = [failure(transport, url, timeout_s=0.05) for _ in range(3)]
    resolver.released.set()

    assert found == [(Reason.NAME_TIMEOUT, False)] * 3
    assert post(transport, url) == 200
    assert resolver.asked == ["intake.invalid"]


def test_name_that_was_not_found_is_looked_up_again(
    server: ScriptedServer, transport: Transport, resolver: Resolver
) -> None:
    """Somebody may correct the DNS."""
    url = server.url.replace("127.0.0.1", "intake.invalid")
    resolver.error = socket.gaierror(socket.EAI_AGAIN, "s3cret")

    assert failure(transport, url) == (Reason.NAME_UNKNOWN, False)

    resolver.error = None
    assert post(transport, url) == 200
    assert len(resolver.asked) == 2


def test_every_address_of_a_name_is_tried(
    server: ScriptedServer, transport: Transport, resolver: Resolver
) -> None:
    """An address that refuses is followed by the next; the last one's reason counts."""
    url = server.url.replace("127.0.0.1", "intake.invalid")
    resolver.addresses = ["127.0.0.2", "127.0.0.1"]

    assert post(transport, url) == 200

    transport.close()
    resolver.addresses = ["127.0.0.2", "127.0.0.3"]
    assert failure(transport, url)[0] is Reason.CONNECTION_REFUSED
    transport.close()
    resolver.addresses = []
    assert failure(transport, url)[0] is Reason.NO_CONNECTION


def test_address_that_is_silent_leaves_time_for_the_next(
    server: ScriptedServer, transport: Transport, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """With IPv6 in the DNS and no way there, the first address would use up all of the time."""
    create_connection = socket.create_connection
    given_s: list[float] = []

    def connect(address: tuple[str, int], timeout: float, *args: object, **more: object) -> object:
        given_s.append(timeout)
        if address[0] == "127.0.0.2":
            raise TimeoutError
        return create_connection(address, timeout, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", connect)
    resolver.addresses = ["127.0.0.2", "127.0.0.1"]

    assert post(transport, server.url.replace("127.0.0.1", "intake.invalid"), timeout_s=60.0) == 200
    assert given_s[0] <= 30.0 < given_s[1]


def test_name_is_resolved_where_no_thread_can_be_started(
    server: ScriptedServer, transport: Transport, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The function may have used up the environment's threads."""

    class Thread:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    fake = SimpleNamespace(Thread=Thread, Event=threading.Event)
    monkeypatch.setattr("extension.transport.network.threading", fake)

    assert post(transport, server.url.replace("127.0.0.1", "intake.invalid")) == 200
    assert resolver.asked == ["intake.invalid"]
