"""The listener that Lambda posts batches to.

Promises: every request is answered 200 at once, whatever it holds, before it is parsed. Lambda sends a batch again and
again if the answer is an error (AWS: Logs API, "Delivery"). No connection can make the loop wait.
Assumes: Lambda keeps one connection a subscription alive. More are accepted, up to a bound.
"""

import select
from _socket import socket as Socket  # noqa: N812 - the class, under the name the standard library gives it

from extension.lambda_api.http1 import MalformedMessageError, MessageReader

MAX_CONNECTIONS = 32
"""Lambda uses one. Other processes that connect must not exhaust the environment's 1,024 descriptors."""

SMALL_READ_BYTES = 64 * 1024
LARGE_READ_BYTES = 1024 * 1024
"""A read asks for the bytes that are announced, so that a small batch does not pay for a large buffer."""

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Listener:
    """Receive batches on a listening socket and its connections. Bodies too large to be held are counted as discarded."""

    def __init__(self, listening: Socket, poll: "select.poll") -> None:
        """Register the non-blocking listening socket, which was opened before subscribing, with a poll object."""
        self._listening = listening
        self._poll = poll
        self._connections: dict[int, tuple[Socket, MessageReader]] = {}
        self.discarded_bytes = 0
        poll.register(listening.fileno(), select.POLLIN)

    def attend(self, descriptor: int) -> list[bytes]:
        """Accept a connection, or read from one, if ``descriptor`` is ours; return the bodies of complete requests."""
        if descriptor == self._listening.fileno():
            self._accept()
        return self._read(descriptor) if descriptor in self._connections else []

    def _accept(self) -> None:
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

    def _read(self, descriptor: int) -> list[bytes]:
        """Read from a connection, and answer every request that is complete."""
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
            data = b""  # Lambda sends the batch again, and it is recognised as a repetition.
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
