"""The listener that Lambda posts batches to.

Promises: a request to the path of the subscription is answered 200 at once, whatever it holds, before it is parsed. Lambda
sends a batch again and again if the answer is an error (AWS: Logs API, "Delivery"). Any other request is answered 404 and
its connection closed, before its body is read: the path is secret, so no process of the function can tell us of events
that did not happen. No connection can make the loop wait.
Assumes: Lambda keeps one connection a subscription alive. More are accepted, up to a bound.
"""

import os
import select
import sys
import time
from _socket import socket as Socket  # noqa: N812 - the class, under the name the standard library gives it
from collections.abc import Callable

from extension.lambda_api.http1 import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MalformedMessageError,
    Message,
    MessageReader,
    RefusedMessageError,
)

MAX_CONNECTIONS = 32
"""Lambda uses one. Other processes that connect must not exhaust the environment's 1,024 descriptors."""

SPARE_DESCRIPTORS = 8
"""The last descriptors that a process may have are not for strangers: a sink's thread and its resolver open two each, an
import one or two."""

MAX_HELD_BYTES = MAX_BODY_BYTES + MAX_CONNECTIONS * MAX_HEAD_BYTES
"""Of all requests that are not whole yet: Lambda's largest batch fits, whatever the other connections hold."""

SMALL_READ_BYTES = 64 * 1024
LARGE_READ_BYTES = 256 * 1024
"""A read asks for the bytes that are announced, so that a small batch does not pay for a large buffer."""

ACCEPT_PAUSE_S = 0.25
"""Where no descriptor is left. Lambda's connection waits in the backlog meanwhile, and four attempts a second cost nothing."""

CANNOT_ACCEPT = (
    "a connection to the listener cannot be accepted; it waits until a file descriptor is free"
)

REFUSED = "refused a request that Lambda did not send: its path is not the one that was subscribed"

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Peer:
    """Hold one connection.

    Attributes:
        turn: grows with each whole request on any connection, and with each connection: the lowest is idle for the longest.
        has_posted: whether a whole request has come.
    """

    __slots__ = ("connection", "has_posted", "reader", "turn")

    def __init__(self, connection: Socket, reader: MessageReader, turn: int) -> None:
        self.connection = connection
        self.reader = reader
        self.turn = turn
        self.has_posted = False

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """The order of giving up: who has not named the path, then who has posted nothing, then who idles for longest."""
        return self.reader.has_accepted, self.has_posted, self.turn


class Listener:
    """Receive batches on a listening socket and its connections.

    Attributes:
        discarded_bytes: of bodies that were too large to be held.
        resume_at_s: when to :meth:`resume`; None while connections are accepted.
    """

    def __init__(
        self,
        listening: Socket,
        poll: "select.poll",
        *,
        path: str,
        accepts_root: bool = False,
        say: Callable[..., None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Register the non-blocking listening socket, which was opened before subscribing, with a poll object.

        Args:
            listening: the socket.
            poll: the poll object that tells which descriptors to :meth:`attend`.
            path: of the URI that was subscribed.
            accepts_root: whether ``/`` is accepted as well, until a request has named the path.
            say: called with each problem, and with what is known of it by name.
            monotonic_s: a clock that does not jump, in seconds.
        """
        self._listening = listening
        self._poll = poll
        self._target = path.encode()
        self._targets = {self._target, b"/"} if accepts_root else {self._target}
        self._say = say
        self._monotonic_s = monotonic_s
        self._peers: dict[int, _Peer] = {}
        limit = os.sysconf("SC_OPEN_MAX")
        self._scarce_from = limit - SPARE_DESCRIPTORS if limit > 0 else sys.maxsize
        self._turn = 0
        self.discarded_bytes = 0
        self.resume_at_s: float | None = None
        poll.register(listening.fileno(), select.POLLIN)

    def attend(self, descriptor: int) -> list[bytes]:
        """Accept a connection, or read from one, if ``descriptor`` is ours; return the bodies of complete requests."""
        if descriptor == self._listening.fileno():
            self._accept()
        return self._read(descriptor) if descriptor in self._peers else []

    def resume(self) -> None:
        """Accept connections again, after a pause."""
        self.resume_at_s = None
        self._poll.register(self._listening.fileno(), select.POLLIN)

    def drop_strangers(self) -> bool:
        """Close the connections that have not named the path, which frees their descriptors; tell whether there were any."""
        strangers = [at for at, peer in self._peers.items() if not peer.reader.has_accepted]
        for descriptor in strangers:
            self._drop(descriptor)
        return bool(strangers)

    # Connections ------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            descriptor, _ = self._listening._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what socket.accept calls
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            self._make_room(str(error))
            return
        connection = Socket(fileno=descriptor)
        connection.setblocking(False)
        if descriptor >= self._scarce_from:
            # The system gives the lowest free number, so this one tells how few are left.
            self.drop_strangers()
        if len(self._peers) >= MAX_CONNECTIONS:
            self._drop(self._weakest())
        self._turn += 1
        self._peers[descriptor] = _Peer(connection, MessageReader(self._targets), self._turn)
        self._poll.register(descriptor, select.POLLIN)

    def _make_room(self, problem: str) -> None:
        """Where no descriptor is left, close connections that have not named the path; without any, pause."""
        if self.drop_strangers():
            return
        # The socket stays readable, so the main loop would spin.
        self._poll.unregister(self._listening.fileno())
        self.resume_at_s = self._monotonic_s() + ACCEPT_PAUSE_S
        self._say(CANNOT_ACCEPT, problem=problem)

    def _weakest(self) -> int:
        """Return the descriptor of the connection to give up first."""
        return min(self._peers, key=lambda descriptor: self._peers[descriptor].rank)

    def _drop(self, descriptor: int) -> None:
        peer = self._peers.pop(descriptor)
        self._poll.unregister(descriptor)
        peer.connection.close()

    # Requests ---------------------------------------------------------------------------------------------------

    def _read(self, descriptor: int) -> list[bytes]:
        """Read from a connection, and answer every request that is complete."""
        peer = self._peers[descriptor]
        connection, reader = peer.connection, peer.reader
        try:
            data, messages = _received(connection, reader)
            if not messages and len(data) >= SMALL_READ_BYTES:
                # A batch in two pieces takes no second turn of the loop.
                data, messages = _received(connection, reader)
        except BlockingIOError:
            # Nothing has come, or nothing more.
            if reader.held_bytes:
                self._keep_within_bound()
            return []
        except RefusedMessageError:
            self._refuse(descriptor)
            return []
        except (OSError, MalformedMessageError):
            self._drop(descriptor)
            return []
        try:
            if messages:
                self._turn += 1
                peer.turn = self._turn
                peer.has_posted = True
                connection.sendall(_OK * len(messages))
        except OSError:
            data = b""  # Lambda sends the batch again, and it is recognised as a repetition.
        if not data:
            self._drop(descriptor)
        elif reader.held_bytes:
            self._keep_within_bound()
        return self._bodies_of(messages)

    def _bodies_of(self, messages: list[Message]) -> list[bytes]:
        bodies = []
        for message in messages:
            if len(self._targets) > 1 and message.target == self._target:
                self._targets.discard(b"/")
            if message.body:
                bodies.append(message.body)
            else:
                self.discarded_bytes += message.body_bytes
        return bodies

    def _refuse(self, descriptor: int) -> None:
        try:  # noqa: SIM105 - contextlib takes half a millisecond of start-up
            self._peers[descriptor].connection.sendall(_NOT_FOUND)
        except OSError:
            pass
        self._drop(descriptor)
        self._say(REFUSED)

    def _keep_within_bound(self) -> None:
        """Give up unfinished requests while all of them together are larger than ``MAX_HELD_BYTES``."""
        held = {at: peer.reader.held_bytes for at, peer in self._peers.items()}
        excess_bytes = sum(held.values()) - MAX_HELD_BYTES
        for descriptor in sorted(held, key=lambda at: self._peers[at].rank):
            if excess_bytes <= 0:
                return
            if held[descriptor]:
                excess_bytes -= held[descriptor]
                self.discarded_bytes += held[descriptor]
                self._drop(descriptor)


def _received(connection: Socket, reader: MessageReader) -> tuple[bytes, list[Message]]:
    """Read what has come, as far as the message being read announces it; return it, and the messages it completed."""
    data = connection.recv(min(max(reader.wanted_bytes, SMALL_READ_BYTES), LARGE_READ_BYTES))
    return data, reader.feed(data)
