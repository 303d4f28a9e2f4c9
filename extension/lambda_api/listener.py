"""The listener that Lambda posts batches to.

Promises: every request is answered 200 at once, before anything is made of it, whatever it holds: a batch that is
answered with an error comes back for ever (AWS: Logs API, "Delivery"). No connection can make the loop wait.
Assumes: one connection a subscription, kept alive; more are let in up to a bound.
"""

import select
from _socket import socket as Socket  # noqa: N812 - the class, under the name the standard library gives it

from extension.lambda_api.http1 import MalformedMessageError, MessageReader

MAX_CONNECTIONS = 32
"""Lambda uses one. Anything else in the environment that connects must not exhaust the 1,024 descriptors."""

SMALL_READ_BYTES = 64 * 1024
LARGE_READ_BYTES = 1024 * 1024
"""A read asks for what is known to be coming, so that a small batch does not pay for a large buffer."""

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Listener:
    """The listening socket and its connections, as seen by one poll object.

    Attributes:
        discarded_bytes: of requests that were too large to be held.
    """

    def __init__(self, listening: Socket, poll: "select.poll") -> None:
        """Takes the non-blocking listening socket that was opened before subscribing."""
        self._listening = listening
        self._poll = poll
        self._connections: dict[int, tuple[Socket, MessageReader]] = {}
        self.discarded_bytes = 0
        poll.register(listening.fileno(), select.POLLIN)

    @property
    def descriptor(self) -> int:
        """Of the listening socket: readable when somebody wants to connect."""
        return self._listening.fileno()

    def owns(self, descriptor: int) -> bool:
        """Whether a descriptor is one of its connections."""
        return descriptor in self._connections

    def accept(self) -> None:
        """Lets in whoever waits."""
        try:
            descriptor, _ = self._listening._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what socket.accept calls
        except OSError:
            return
        connection = Socket(fileno=descriptor)
        if len(self._connections) >= MAX_CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._connections[descriptor] = (connection, MessageReader())
        self._poll.register(descriptor, select.POLLIN)

    def read(self, descriptor: int) -> list[bytes]:
        """Reads what a connection has, answers every request that is complete, and gives their bodies."""
        connection, reader = self._connections[descriptor]
        try:
            data = connection.recv(
                min(max(reader.wanted_bytes, SMALL_READ_BYTES), LARGE_READ_BYTES)
            )
            messages = reader.feed(data)
        except BlockingIOError:
            return []
        except (OSError, MalformedMessageError):
            self._drop(descriptor)
            return []
        try:
            if messages:
                connection.sendall(_OK * len(messages))
        except OSError:
            data = b""  # It will be sent again, and be recognised.
        if not data:
            self._drop(descriptor)
        bodies = []
        for message in messages:
            if message.body:
                bodies.append(message.body)
            else:
                self.discarded_bytes += message.body_bytes
        return bodies

    def _drop(self, descriptor: int) -> None:
        connection, _ = self._connections.pop(descriptor)
        self._poll.unregister(descriptor)
        connection.close()
