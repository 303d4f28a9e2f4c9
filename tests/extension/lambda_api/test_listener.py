import contextlib
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from extension.lambda_api.http1 import MAX_BODY_BYTES, MAX_HEAD_BYTES
from extension.lambda_api.listener import (
    ACCEPT_PAUSE_S,
    CANNOT_ACCEPT,
    MAX_CONNECTIONS,
    MAX_HELD_BYTES,
    REFUSED,
    Listener,
)
from tests.doubles.extension.listeners import close_listener

pytestmark = pytest.mark.every_python

WAIT_S = 5.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PATH = "/0123456789abcdef"
HEAD = b"POST %s HTTP/1.1\r\nHost: sandbox\r\n" % PATH.encode()


def post(body: bytes, path: str = PATH) -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n"
    return head % (path.encode(), len(body)) + body


class Loop:
    """A main loop with nothing but a listener in it, at time 0."""

    def __init__(self, *, accepts_root: bool = False) -> None:
        from _socket import socket as raw_socket

        listening = raw_socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        listening.setblocking(False)
        self.port = int(listening.getsockname()[1])
        self.poll = select.poll()
        self.listening = listening
        self.said: list[str] = []
        self.listener = Listener(
            listening,
            self.poll,
            path=PATH,
            accepts_root=accepts_root,
            say=lambda event, **_: self.said.append(event),
            monotonic_s=lambda: 0.0,
        )
        self.bodies: list[bytes] = []

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), WAIT_S)

    def turn(self, *, timeout_s: float = 0.05) -> bool:
        ready = self.poll.poll(timeout_s * 1000)
        for descriptor, _ in ready:
            self.bodies += self.listener.attend(descriptor)
        return bool(ready)

    def until_quiet(self, *, timeout_s: float = 0.05) -> None:
        until_s = time.monotonic() + 2 * WAIT_S
        while self.turn(timeout_s=timeout_s):
            assert time.monotonic() < until_s, "the loop turns for nothing"

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
    with loop.connect() as connection:
        yield connection


def is_closed(connection: socket.socket) -> bool:
    """Whether the listener has closed it; what it has answered before is left out."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
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
    with loop.connect() as other:
        other.sendall(post(b"[2]"))
        loop.until(1)

        assert other.recv(4096) == OK

    assert loop.bodies == [b"[2]"]


def test_a_peer_that_speaks_no_http_is_closed(loop: Loop, peer: socket.socket) -> None:
    """Garbage costs its own connection and nothing else."""
    peer.sendall(b"hello\r\n\r\n")
    loop.until_quiet()
    with loop.connect() as other:
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
    assert not loop.listener._peers


def test_a_batch_counts_although_its_sender_is_gone(loop: Loop, peer: socket.socket) -> None:
    """What came whole is taken even if the answer reaches nobody."""
    peer.sendall(post(b"[1]"))
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.shutdown(socket.SHUT_WR)
    loop.until(1)
    loop.until_quiet()

    assert loop.bodies == [b"[1]"]
    assert not loop.listener._peers


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
        while loop.listener._peers and time.monotonic() < until_s:
            with contextlib.suppress(OSError):
                peer.send(requests)
            loop.turn(timeout_s=0)

    assert not loop.listener._peers


def test_reading_or_accepting_nothing_is_harmless(loop: Loop, peer: socket.socket) -> None:
    """A descriptor that was reported ready and is not any more does not make the loop wait."""
    loop.until_quiet()
    (descriptor,) = loop.listener._peers

    bodies = [loop.listener.attend(descriptor), loop.listener.attend(loop.listening.fileno())]

    assert bodies == [[], []]
    assert list(loop.listener._peers) == [descriptor]


# Who may speak ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"POST / HTTP/1.1", id="root"),
        pytest.param(b"POST /0123456789abcdee HTTP/1.1", id="guessed"),
        pytest.param(b"POST /0123456789abcde HTTP/1.1", id="shorter"),
        pytest.param(b"POST /0123456789abcdef0 HTTP/1.1", id="longer"),
        pytest.param(b"POST /0123456789ABCDEF HTTP/1.1", id="upper case"),
        pytest.param(b"POST //0123456789abcdef HTTP/1.1", id="two slashes"),
        pytest.param(b"POST /0123456789abcdef/ HTTP/1.1", id="below"),
        pytest.param(b"POST /0123456789abcdef?a HTTP/1.1", id="query"),
        pytest.param(b"POST http://sandbox/0123456789abcdef HTTP/1.1", id="absolute"),
        pytest.param(b"POST  /0123456789abcdef HTTP/1.1", id="two blanks"),
        pytest.param(b"GET / HTTP/1.0", id="HTTP 1.0"),
        pytest.param(b"PRI * HTTP/2.0", id="HTTP 2"),
        pytest.param(b"hello", id="one word"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_listener_refuses_whoever_does_not_know_the_path(loop: Loop, line: bytes) -> None:
    """Lambda alone knows the path, so nobody else can tell us of events: 404, and closed before a body is read."""
    with loop.connect() as stranger, loop.connect() as known:
        stranger.sendall(line + b"\r\nContent-Length: 100\r\n\r\n[{}]")
        loop.until_quiet()
        answer = stranger.recv(4096)
        known.sendall(post(b"[1]"))
        loop.until(1)

        assert is_closed(stranger)

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert loop.bodies == [b"[1]"]
    assert loop.listener.discarded_bytes == 0
    assert set(loop.said) == {REFUSED}


def test_listener_refuses_a_request_before_its_head_is_whole(loop: Loop) -> None:
    """The first line decides, so that a stranger holds neither a place nor memory for long."""
    with loop.connect() as stranger:
        stranger.sendall(b"POST / HTTP/1.1\r\n")
        loop.until_quiet()

        assert is_closed(stranger)


def test_listener_gives_no_hint_before_a_line_is_whole(loop: Loop) -> None:
    """If a wrong byte closed the connection at once, the path could be found byte by byte."""
    with loop.connect() as stranger:
        for piece in (b"POST /", b"f", b"fff"):
            stranger.sendall(piece)
            loop.until_quiet()

        assert not is_closed(stranger)


def test_listener_checks_every_request_of_a_connection(loop: Loop, peer: socket.socket) -> None:
    """One request that knew the path does not open the connection for others."""
    peer.sendall(post(b"[1]"))
    loop.until(1)
    peer.sendall(post(b"[2]", "/"))
    loop.until_quiet()

    assert loop.bodies == [b"[1]"]
    assert is_closed(peer)


def test_listener_takes_the_root_until_the_path_is_named() -> None:
    """AWS's emulator of Managed Instances posts to the root always; where Lambda names the path, nobody else may."""
    loop = Loop(accepts_root=True)
    with loop.connect() as emulator, loop.connect() as known:
        emulator.sendall(post(b"[1]", "/"))
        loop.until(1)
        emulator.sendall(post(b"[2]", "/other"))
        loop.until_quiet()
        other_is_closed = is_closed(emulator)
        known.sendall(post(b"[3]"))
        loop.until(2)
        known.sendall(post(b"[4]", "/"))
        loop.until_quiet()
        close_listener(loop.listener)

        assert other_is_closed
        assert is_closed(known)

    assert loop.bodies == [b"[1]", b"[3]"]


# Places -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="idle"),
        pytest.param(b"POST /", id="half a line"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(post(b"[0]")[:-1], id="half a body"),
        pytest.param(post(b"[0]"), id="a batch"),
    ],
)
def test_lambda_gets_a_place_when_all_are_taken(loop: Loop, sent: bytes) -> None:
    """Lambda's connection is renewed now and then: whoever has been without a whole request for longest gives way."""
    with contextlib.ExitStack() as hogs:
        taken = [hogs.enter_context(loop.connect()) for _ in range(MAX_CONNECTIONS)]
        for hog in taken:
            hog.sendall(sent)
            loop.until_quiet(timeout_s=0.002)
        loop.bodies.clear()
        with loop.connect() as renewed:
            renewed.sendall(post(b"[1]"))
            loop.until(1)

            assert renewed.recv(4096) == OK
        assert is_closed(taken[0])
        assert not is_closed(taken[1])


def test_a_flood_of_connections_does_not_take_lambdas_place(
    loop: Loop, peer: socket.socket
) -> None:
    """Who has posted a batch is preferred to any number of those who have not, however long it idles."""
    peer.sendall(post(b"[1]"))
    loop.until(1)
    with contextlib.ExitStack() as flood:
        for _ in range(3 * MAX_CONNECTIONS):
            flood.enter_context(loop.connect())
            loop.turn()
        peer.sendall(post(b"[2]"))
        loop.until(2)

        assert peer.recv(4096) == OK * 2

    assert len(loop.listener._peers) <= MAX_CONNECTIONS


def test_a_flood_of_connections_does_not_cut_a_batch_off(loop: Loop, peer: socket.socket) -> None:
    """Lambda's first batch on a new connection is not whole yet when others crowd in."""
    stream = post(b"[1]" + b" " * 100_000)
    peer.sendall(stream[:-1])
    loop.until_quiet()
    with contextlib.ExitStack() as flood:
        for _ in range(2 * MAX_CONNECTIONS):
            flood.enter_context(loop.connect())
            loop.turn()
        peer.sendall(stream[-1:])
        loop.until(1)


def test_a_place_that_is_freed_is_used(loop: Loop) -> None:
    """Where a place is free, nobody gives way."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(loop.connect()) for _ in range(MAX_CONNECTIONS)]
        loop.until_quiet()
        peers.pop().close()
        loop.until_quiet()
        with loop.connect() as other:
            other.sendall(post(b"[1]"))
            loop.until(1)

        assert not any(map(is_closed, peers))


# Memory -------------------------------------------------------------------------------------------------------------------


def held_bytes(loop: Loop) -> int:
    return sum(peer.reader.held_bytes for peer in loop.listener._peers.values())


@pytest.mark.parametrize("chunk", [0, 2, 4096], ids=["length", "chunks of 2", "chunks of 4096"])
def test_unfinished_bodies_share_one_bound(loop: Loop, chunk: int) -> None:
    """Half bodies on many connections are given up, the idlest first, and counted; the last one is whole."""
    # Chunks of two bytes take longer to read.
    size = MAX_BODY_BYTES // (64 if chunk == 2 else 1) - 4096
    if chunk:
        framed = b"%x\r\n%s\r\n" % (chunk, b"x" * chunk) * (size // chunk)
        head, last = HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n[]\r\n0\r\n\r\n"
    else:
        framed = b"x" * size
        head, last = HEAD + b"Content-Length: %d\r\n\r\n" % (size + 2), b"[]"
    most = 0
    with contextlib.ExitStack() as stack:
        halves = [stack.enter_context(loop.connect()) for _ in range(4)]
        for half in halves:
            sender = threading.Thread(target=half.sendall, args=(head + framed,))
            sender.start()
            while sender.is_alive():
                loop.turn(timeout_s=0.001)
                most = max(most, held_bytes(loop))
            loop.until_quiet()
        halves[-1].sendall(last)
        loop.until(1)

    whole = len(loop.bodies[0])
    assert most <= MAX_HELD_BYTES
    assert whole == size // (chunk or 1) * (chunk or 1) + 2
    given_up = 0 if chunk == 2 else 3
    assert loop.listener.discarded_bytes // (whole - 2) == given_up


def test_lambdas_largest_batch_fits_beside_what_others_hold(
    loop: Loop, peer: socket.socket
) -> None:
    """Whatever else is being received, a whole batch of Lambda's is taken."""
    peer.sendall(post(b"[1]"))
    loop.until(1)
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS - 1):
            other = stack.enter_context(loop.connect())
            other.sendall(HEAD + b"Content-Length: 9999999\r\n\r\n" + b"x" * 100_000)
            loop.until_quiet(timeout_s=0.002)
        largest = b"y" * MAX_BODY_BYTES
        sender = threading.Thread(target=peer.sendall, args=(post(largest),))
        sender.start()
        loop.until(2)
        sender.join()

    assert loop.bodies[1] == largest


# Descriptors --------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def descriptors_left(number: int) -> Iterator[None]:
    """Leave so many descriptors free."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.dup(0) for _ in range(number + 1)]
    for one in free:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_listener_waits_where_no_descriptor_is_left(loop: Loop) -> None:
    """A connection that cannot be accepted stays readable: without a pause the main loop would turn for nothing."""
    with loop.connect() as peer:
        peer.sendall(post(b"[1]"))
        with descriptors_left(0):
            loop.until_quiet()
            paused_until_s = loop.listener.resume_at_s
            loop.listener.resume()
            loop.until_quiet()
        loop.listener.resume()
        loop.until(1)

    assert paused_until_s == ACCEPT_PAUSE_S
    assert loop.said == [CANNOT_ACCEPT] * 2
    assert loop.listener.resume_at_s is None


def test_idle_strangers_give_their_descriptors_to_lambda(loop: Loop) -> None:
    """Where no descriptor is left, a connection that has not named the path is closed; one that has is not."""
    with loop.connect() as known, loop.connect() as idle, loop.connect() as renewed:
        known.sendall(post(b"[1]"))
        with descriptors_left(2):
            loop.until(1)
            renewed.sendall(post(b"[2]"))
            loop.until(2)

        assert is_closed(idle)
        assert not is_closed(known)


# Odd peers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "bodies"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, [], id="TLS"),
        pytest.param(b"\x00\xff" * 40_000, [], id="garbage"),
        pytest.param(b"POST /" + b"a" * 2 * MAX_HEAD_BYTES, [], id="line without end"),
        pytest.param(HEAD + b"A: b\r\n" * MAX_HEAD_BYTES + b"\r\n", [], id="many headers"),
        pytest.param(HEAD + b"A: " + b"b" * 2 * MAX_HEAD_BYTES, [], id="header without end"),
        pytest.param(HEAD + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n", [], id="giant length"),
        pytest.param(
            HEAD + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n", [], id="endless length"
        ),
        pytest.param(HEAD + b"Content-Length: -1\r\n\r\n", [], id="length below zero"),
        pytest.param(
            HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 3\r\n\r\n[2]", [b"[2]"], id="1.0"
        ),
        pytest.param(
            HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n[2]", [b"[2]"], id="Expect"
        ),
        pytest.param(
            HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[2]\r\n0\r\n\r\n",
            [b"[2]"],
            id="both framings",
        ),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n",
            [],
            id="giant chunk",
        ),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", [], id="chunk of no size"),
        pytest.param(post(b"") * 2000, [], id="many at once"),
    ],
)
def test_an_odd_request_costs_its_own_connection_at_most(
    loop: Loop, sent: bytes, bodies: list[bytes]
) -> None:
    """Whatever comes on one connection, a batch on another is taken, and nothing is held for long."""
    with loop.connect() as odd, loop.connect() as known:
        with contextlib.suppress(OSError):
            odd.sendall(sent)
        loop.until_quiet()
        known.sendall(post(b"[1]"))
        loop.until(len(bodies) + 1)

    assert loop.bodies == [*bodies, b"[1]"]
    assert held_bytes(loop) <= MAX_HEAD_BYTES


def test_resets_cost_nothing(loop: Loop, peer: socket.socket) -> None:
    """Connections that end with a reset, at any place of a request, leave no place taken."""
    for at in range(0, len(post(b"[1]")), 9):
        with loop.connect() as other:
            other.sendall(post(b"[1]")[:at])
            other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        loop.until_quiet(timeout_s=0.002)
    peer.sendall(post(b"[2]"))
    loop.until(1)
    loop.until_quiet()

    assert loop.bodies == [b"[2]"]
    assert len(loop.listener._peers) == 1


def test_busy_strangers_do_not_keep_batches_out(loop: Loop, peer: socket.socket) -> None:
    """Threads that connect, post and leave as fast as they can: every batch of Lambda's is taken meanwhile."""
    ended = threading.Event()

    def annoy() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), loop.connect() as stranger:
                stranger.sendall(post(b"[0]", "/"))

    strangers = [threading.Thread(target=annoy) for _ in range(4)]
    for stranger in strangers:
        stranger.start()
    try:
        for number in range(1, 51):
            peer.sendall(post(b"[%d]" % number))
            loop.until(number)
    finally:
        ended.set()
        for stranger in strangers:
            while stranger.is_alive():
                loop.turn(timeout_s=0.001)

    assert loop.bodies == [b"[%d]" % number for number in range(1, 51)]
