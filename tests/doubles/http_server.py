"""Read whole HTTP/1.1 requests on a loopback port: the part that all servers of the tests share.

Doubles nothing by itself. It reads bodies with a Content-Length, which is all that the extension and AWS's clients send
here; it knows neither chunked requests nor HTTP/2.
"""

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

WAIT_S = 20.0
"""The longest wait for a condition: a busy machine may take seconds to start a process."""
JOIN_S = 5.0
"""The longest wait for a thread whose connection is closed."""

Server = TypeVar("Server", bound="HttpServer")


@dataclass(eq=False)
class Request:
    """One request that came in whole.

    Attributes:
        head: the request line and the headers, without the blank line.
        body: as it was sent.
        connection: the number of its connection, from 1.
        peer: the client's port.
        at_s: when it was complete, by ``time.monotonic``.
        status: of the answer; 0 before there is one, and for an answer that is no HTTP or did not go out.
        behaviour: how the server behaved at that time, if that can be set.
        answered: whether its answer has gone out.
    """

    head: bytes
    body: bytes
    connection: int
    peer: int
    at_s: float
    status: int = 0
    behaviour: Any = None
    answered: bool = False

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """Return head and body."""
        return self.head, self.body

    @cached_property
    def method(self) -> str:
        """Return the method."""
        return self.head.split(b" ", 1)[0].decode()

    @cached_property
    def target(self) -> str:
        """Return the path with its query, as it came."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def path(self) -> str:
        """Return the path without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        """Return the query's values by name."""
        return parse_qs(self.target.partition("?")[2])

    @cached_property
    def headers(self) -> dict[str, str]:
        """Return the headers by lower-case name."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def content(self) -> bytes:
        """Return the body without its compression."""
        is_gzip = self.headers.get("content-encoding") == "gzip" or self.path.endswith(".gz")
        return gzip.decompress(self.body) if is_gzip else self.body

    @property
    def action(self) -> str:
        """Return the action of an AWS JSON service, such as ``PutLogEvents``; of others the method."""
        return self.headers.get("x-amz-target", self.method).rpartition(".")[2]

    @property
    def payload(self) -> dict[str, Any]:
        """Return the JSON object in the body."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded


class HttpServer:
    """Serves on a port of its own until closed; a subclass answers.

    Attributes:
        requests: all that came in whole, in order.
        connections: how many have been accepted.
        handshakes_failed: how many clients refused the certificate, or hung up during the handshake.
        released: set when the server closes, for answers that wait.
        changed: notified when a request has come, and when its answer has gone out.
    """

    url_path = ""

    def __init__(
        self, *, certificate: Path | None = None, port: int = 0, listening: bool = True
    ) -> None:
        """Take a port.

        Args:
            certificate: a file with certificate and key; with it the server speaks TLS.
            port: which port; 0 for any.
            listening: whether to accept at once; connections are refused until :meth:`listen` otherwise.
        """
        self.requests: list[Request] = []
        self.connections = 0
        self.handshakes_failed = 0
        self.released = threading.Event()
        self.changed = threading.Condition()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        # A second socket keeps the port while nobody listens on it: for this, both have to allow sharing it.
        self._reserved = _bound(port)
        self.port = int(self._reserved.getsockname()[1])
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        if listening:
            self.listen()

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return where to send to."""
        return f"http{'s' if self.context() else ''}://{self.address}{self.url_path}"

    # For subclasses -------------------------------------------------------------------------------------------------

    def answer(self, connection: socket.socket, request: Request) -> bool:
        """Answer a request; return whether the connection stays open."""
        raise NotImplementedError

    def accepts(self, head: bytes, number: int) -> bool:
        """Return whether to go on after a request's head; the connection is closed otherwise."""
        return True

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context for the next connection."""
        return self._context

    # For tests --------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Begin to accept."""
        self._listener = _bound(self.port)
        self._listener.listen(64)
        self._start(self._accept, self._listener)

    def refuse(self) -> None:
        """Refuse connections from now on, and close those that are open."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # A thread that waits in accept keeps the port open unless it is woken.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop()

    def drop(self) -> None:
        """Close every connection, as a server does with those that idle for too long."""
        with self.changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self.released.set()
        with self.changed:
            self.changed.notify_all()
        self.refuse()
        self._reserved.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(JOIN_S)

    def __enter__(self: Server) -> Server:  # noqa: PYI019 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until(self, condition: Callable[[], object], problem: str) -> None:
        """Wait for a condition on what has come and was answered; fail with the problem after ``WAIT_S``."""
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_S), problem

    # Connections ------------------------------------------------------------------------------------------------------

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, (_, peer) = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                self.connections += 1
                self._open.add(connection)
            self._start(self._serve, connection, self.connections, peer)

    def _serve(self, connection: socket.socket, number: int, peer: int) -> None:
        try:
            shaken = self._shake_hands(connection)
            if shaken is None:
                return
            connection = shaken
            with contextlib.suppress(OSError):
                for request in self._requests(connection, number, peer):
                    with self.changed:
                        self.requests.append(request)
                        self.changed.notify_all()
                    stays = self.answer(connection, request)
                    with self.changed:
                        request.answered = True
                        self.changed.notify_all()
                    if not stays:
                        return
        finally:
            with self.changed:
                self._open.discard(connection)
            connection.close()

    def _shake_hands(self, connection: socket.socket) -> socket.socket | None:
        context = self.context()
        if context is None:
            return connection
        try:
            wrapped = context.wrap_socket(connection, server_side=True)
        except OSError:
            self.handshakes_failed += 1
            return None
        with self.changed:
            self._open.discard(connection)
            self._open.add(wrapped)
        return wrapped

    def _requests(self, connection: socket.socket, number: int, peer: int) -> Iterator[Request]:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                received = connection.recv(65536)
                if not received:
                    return
                data += received
            head, _, data = data.partition(b"\r\n\r\n")
            if not self.accepts(head, number):
                return
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            pieces = [data]
            while length > sum(map(len, pieces)):
                received = connection.recv(1 << 20)
                if not received:
                    return
                pieces.append(received)
            data = b"".join(pieces)
            yield Request(head, data[:length], number, peer, time.monotonic())
            data = data[length:]


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made
