import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from extension.lambda_api.http1 import MAX_BODY_BYTES
from extension.lambda_api.listener import MAX_CONNECTIONS, Listener
from tests.doubles.extension.listeners import close_listener

pytestmark = pytest.mark.every_python

WAIT_S = 5.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Loop:
    """A main loop with nothing but a listener in it."""

    def __init__(self) -> None:
        from _socket import socket as raw_socket

        listening = raw_socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        listening.setblocking(False)
        self.port = int(listening.getsockname()[1])
        self.poll = select.poll()
        self.listening = listening
        self.listener = Listener(listening, self.poll)
        self.bodies: list[bytes] = []

    def turn(self, *, timeout_s: float = 0.05) -> bool:
        ready = self.poll.poll(timeout_s * 1000)
        for descriptor, _ in ready:
            self.bodies += self.listener.attend(descriptor)
        return bool(ready)

    def until_quiet(self) -> None:
        while self.turn():
            pass

    def until(self, bodies: int) -> None:
        until_s = time.monotonic() + WAIT_S
        while len(self.bodies) < bodies and time.monotonic() < until_s:
            self.turn()
        assert len(self.bodies) == bodies


@pytest.fixture
def loop() -> Iterator[Loop]:
    opened = Loop()
    yield opened
    close_listener(opened.listener)


@pytest.fixture
def peer(loop: Loop) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", loop.port), WAIT_S) as connection:
        yield connection


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("body", [b"", b'[{"a":1}]', b"garbage \xff\x00", b"{" * 5000])
def test_listener_answers_200_whatever_a_batch_holds(
    loop: Loop, peer: socket.socket, body: bytes
) -> None:
    """An error as an answer would bring the batch back for ever, so there is none."""
    peer.sendall(post(body))

    loop.until_quiet()

    assert loop.bodies == ([body] if body else [])
    assert peer.recv(4096) == OK


def test_a_connection_is_kept_for_many_batches(loop: Loop, peer: socket.socket) -> None:
    """Batches follow each other on one connection."""
    for number in range(1, 6):
        peer.sendall(post(b"[%d]" % number))
        loop.until(number)

        assert peer.recv(4096) == OK

    assert loop.bodies == [b"[%d]" % number for number in range(1, 6)]


def test_requests_that_come_together_are_each_answered(loop: Loop, peer: socket.socket) -> None:
    """Three requests in one segment get three answers, and their bodies keep their order."""
    peer.sendall(post(b"[1]") + post(b"[2]") + post(b"[3]"))

    loop.until(3)

    assert loop.bodies == [b"[1]", b"[2]", b"[3]"]
    assert peer.recv(4096) == OK * 3


def test_a_request_in_pieces_is_waited_for(loop: Loop, peer: socket.socket) -> None:
    """A request is answered when it is whole and not before, and nobody waits for it meanwhile."""
    stream = post(b'[{"a":1}]')
    answered_early = []
    for at in range(0, len(stream), 7):
        peer.sendall(stream[at : at + 7])
        loop.until_quiet()
        if at + 7 < len(stream):
            answered_early += loop.bodies

    assert answered_early == []
    assert loop.bodies == [b'[{"a":1}]']
    assert peer.recv(4096) == OK


def test_connections_do_not_wait_for_each_other(loop: Loop, peer: socket.socket) -> None:
    """A peer that stops half-way holds nobody up."""
    peer.sendall(post(b"[1]")[:-1])
    loop.until_quiet()
    with socket.create_connection(("127.0.0.1", loop.port), WAIT_S) as other:
        other.sendall(post(b"[2]"))
        loop.until(1)

        assert other.recv(4096) == OK

    assert loop.bodies == [b"[2]"]


def test_more_connections_than_the_bound_are_turned_away(loop: Loop) -> None:
    """One more than the bound is closed at once, the others live, and room that is freed is used."""
    peers = []
    for _ in range(MAX_CONNECTIONS + 1):
        peers.append(socket.create_connection(("127.0.0.1", loop.port), WAIT_S))
        loop.turn()

    with peers.pop() as one_too_many:
        turned_away = is_closed(one_too_many)
    peers[0].sendall(post(b"[1]"))
    loop.until(1)
    peers.pop().close()
    loop.until_quiet()
    peers.append(socket.create_connection(("127.0.0.1", loop.port), WAIT_S))
    peers[-1].sendall(post(b"[2]"))
    loop.until(2)
    for connection in peers:
        connection.close()

    assert turned_away
    assert loop.bodies == [b"[1]", b"[2]"]


def test_a_peer_that_speaks_no_http_is_closed(loop: Loop, peer: socket.socket) -> None:
    """Garbage costs its own connection and nothing else."""
    peer.sendall(b"hello\r\n\r\n")
    loop.until_quiet()
    with socket.create_connection(("127.0.0.1", loop.port), WAIT_S) as other:
        other.sendall(post(b"[2]"))
        loop.until(1)

    assert is_closed(peer)
    assert loop.bodies == [b"[2]"]


def test_a_huge_batch_is_counted_and_not_held(loop: Loop, peer: socket.socket) -> None:
    """What is larger than can be held is read, answered and counted, so that it does not come back."""
    size = MAX_BODY_BYTES + 1024 * 1024
    stream = post(b"x" * size)
    sender = threading.Thread(target=peer.sendall, args=(stream + post(b"[2]"),))
    sender.start()

    loop.until(1)
    sender.join()

    assert loop.bodies == [b"[2]"]
    assert loop.listener.discarded_bytes == size
    assert peer.recv(4096)[: len(OK)] == OK


def test_a_peer_that_leaves_is_forgotten(loop: Loop, peer: socket.socket) -> None:
    """A closed connection is dropped, half a request and all."""
    peer.sendall(post(b"[1]")[:-1])
    loop.until_quiet()
    peer.close()
    loop.until_quiet()

    assert loop.bodies == []
    assert not loop.listener._connections


def test_a_batch_counts_although_its_sender_is_gone(loop: Loop, peer: socket.socket) -> None:
    """What came whole is taken even if the answer reaches nobody."""
    peer.sendall(post(b"[1]"))
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.shutdown(socket.SHUT_WR)
    loop.until(1)
    loop.until_quiet()

    assert loop.bodies == [b"[1]"]
    assert not loop.listener._connections


def test_a_peer_that_never_reads_is_dropped(loop: Loop) -> None:
    """Answers that nobody reads fill up and cost the connection, not the loop."""
    requests = post(b"") * 1000
    until_s = time.monotonic() + WAIT_S
    # Accepted connections inherit it: the system would buffer megabytes of answers otherwise.
    loop.listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", loop.port))
        peer.setblocking(False)
        loop.turn()
        while loop.listener._connections and time.monotonic() < until_s:
            with contextlib.suppress(OSError):
                peer.send(requests)
            loop.turn(timeout_s=0)

    assert not loop.listener._connections


def test_reading_or_accepting_nothing_is_harmless(loop: Loop, peer: socket.socket) -> None:
    """A descriptor that was reported ready and is not any more does not make the loop wait."""
    loop.until_quiet()
    (descriptor,) = loop.listener._connections

    bodies = [loop.listener.attend(descriptor), loop.listener.attend(loop.listening.fileno())]

    assert bodies == [[], []]
    assert list(loop.listener._connections) == [descriptor]
