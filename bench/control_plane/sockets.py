"""Exchange HTTP messages with the subject on raw sockets, in one thread.

Only as much HTTP as the subjects speak: one request at a time on a connection, each with a Content-Length or no body.
"""

import errno
import re
import select
import time
from collections.abc import Callable
from socket import IPPROTO_TCP, SO_REUSEADDR, SOL_SOCKET, TCP_NODELAY, create_connection, socket
from typing import final

RECEIVE_BYTES = 256 * 1024

CONNECT_S = 20.0
"""The longest wait for the subject's listener to accept."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


class BenchError(Exception):
    """The subject broke off, so the measurement means nothing."""


Handler = Callable[[socket, bytes, bytes, int], None]
"""Takes a request: its connection, its head, its body and the time of its last byte, in ns."""


@final
class Sockets:
    """The sockets of one environment: listeners for Lambda and the sink, and one connection to the subject.

    Attributes:
        destination_port: of the subject's own listener, once it has subscribed.
        destination_path: of the URI that it has subscribed.
    """

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._lambda, self._sink = _listening(), _listening()
        self._connections: dict[int, tuple[socket, bytearray]] = {}
        self._poster: socket | None = None
        self._posted = self._acknowledged = 0
        self.destination_port = 0
        self.destination_path = "/"

    @property
    def address(self) -> str:
        """Lambda's address, as ``host:port``."""
        return f"127.0.0.1:{self._lambda.getsockname()[1]}"

    @property
    def sink_address(self) -> str:
        """The sink's address, which is not Lambda's, as ``host:port``."""
        return f"127.0.0.1:{self._sink.getsockname()[1]}"

    @property
    def all_acknowledged(self) -> bool:
        """Whether the subject has answered every batch."""
        return self._acknowledged >= self._posted

    def post(self, body: bytes) -> int:
        """Post a batch to the subject.

        Returns:
            When the last byte was handed to the kernel, in ns.
        """
        if self._poster is None:
            self._poster = create_connection(("127.0.0.1", self.destination_port), CONNECT_S)
            self._add(self._poster)
        head = (
            f"POST {self.destination_path} HTTP/1.1\r\nHost: sandbox.localdomain\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._poster.sendall(head.encode() + body)
        sent_ns = time.monotonic_ns()
        self._posted += 1
        return sent_ns

    def step(self, timeout_s: float) -> bool:
        """Serve one round of ready sockets; return whether there was any."""
        listening = {each.fileno(): each for each in (self._lambda, self._sink)}
        ready, _, _ = select.select([*listening, *self._connections], [], [], timeout_s)
        for descriptor in ready:
            if descriptor in listening:
                self._add(listening[descriptor].accept()[0])
            else:
                self._read(descriptor)
        return bool(ready)

    def close(self) -> None:
        """Close all of them."""
        for connection, _ in self._connections.values():
            connection.close()
        self._lambda.close()
        self._sink.close()

    def _add(self, connection: socket) -> None:
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._connections[connection.fileno()] = connection, bytearray()

    def _read(self, descriptor: int) -> None:
        connection, data = self._connections[descriptor]
        try:
            received = connection.recv(RECEIVE_BYTES)
        except OSError as error:
            if error.errno not in {errno.ECONNRESET, errno.EPIPE}:
                raise
            received = b""
        now_ns = time.monotonic_ns()
        if not received:
            self._drop(descriptor)
            return
        data += received
        if connection is self._poster:
            self._acknowledge(data)
            return
        head_end = data.find(_HEAD_END)
        if head_end < 0:
            return
        length = _LENGTH.search(data, 0, head_end)
        body_at = head_end + len(_HEAD_END)
        end = body_at + (int(length[1]) if length is not None else 0)
        if len(data) < end:
            return
        head, body = bytes(data[:head_end]), bytes(data[body_at:end])
        data.clear()
        self._handle(connection, head, body, now_ns)

    def _acknowledge(self, data: bytearray) -> None:
        # Only ever one request is under way, and no subject's answer to it has a body.
        if data.endswith(_HEAD_END):
            if not data.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
                raise BenchError(f"a batch was answered with {bytes(data[:40])!r}")
            data.clear()
            self._acknowledged += 1

    def _drop(self, descriptor: int) -> None:
        connection, _ = self._connections.pop(descriptor)
        if connection is self._poster:
            self._poster = None
        connection.close()


def _listening() -> socket:
    made = socket()
    made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    made.listen(64)
    return made
