"""A small HTTP server on real sockets to deliver to, which can be told to misbehave."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.end_to_end.support import SECRET, Delivered

if TYPE_CHECKING:
    from collections.abc import Callable

Behaviour = Literal[
    "ok",
    "slow",
    "stall",
    "close",
    "close_midway",
    "half_answer",
    "500",
    "429",
    "403",
    "405",
    "garbage",
    "forget",
]
STALL_LIMIT_S = 30.0
SLOW_S = 0.3


@dataclass
class Received:
    """One request that came in whole."""

    at_s: float
    connection: int
    headers: dict[str, str]
    body: bytes
    behaviour: str
    taken: bool = False


@dataclass
class Receiver:
    """A small HTTP server whose manners can be changed while it runs.

    Attributes:
        behaviour: what it does with every request until it is changed.
        requests: every request that came in whole, whatever was answered.
    """

    behaviour: Behaviour = "ok"
    retry_after: str = ""
    requests: list[Received] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        """Take a port, without listening: whoever connects now is refused."""
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._recovered = threading.Event()
        self._closing = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/in"

    def listen(self) -> None:
        """Begin to accept."""
        self._server.listen(16)
        self._start(self._accept)

    def close_connections(self) -> None:
        """Close what is open from this side, as a server does with connections that idle for too long."""
        with self._lock:
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def recover(self) -> None:
        """Behave from now on, like a server that has been restarted."""
        self.behaviour = "ok"
        self._recovered.set()
        self.close_connections()

    def close(self) -> None:
        """End everything."""
        self._closing = True
        self._recovered.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.close_connections()
        for thread in self._threads:
            thread.join(5)

    @property
    def taken(self) -> list[Received]:
        """Requests that were answered with success."""
        return [request for request in list(self.requests) if request.taken]

    @property
    def delivered(self) -> Delivered:
        """The records of those."""
        return Delivered.parse(b"".join(gzip.decompress(one.body) for one in self.taken))

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as stream:
                while self._exchange(connection, stream, number):
                    pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _exchange(self, connection: socket.socket, stream: Any, number: int) -> bool:
        first = stream.readline()
        if not first:
            return False
        behaviour = self.behaviour
        headers = {"": first.decode("latin-1").strip()}
        while line := stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if behaviour == "close_midway":
            return False
        if behaviour == "forget" and any(one.connection == number for one in self.requests):
            return False  # one request a connection, which it does not say beforehand
        body = stream.read(int(headers["content-length"]))
        request = Received(time.monotonic(), number, headers, body, behaviour)
        self.requests.append(request)
        return self._answer(connection, behaviour, request)

    def _answer(self, connection: socket.socket, behaviour: Behaviour, request: Received) -> bool:
        if behaviour == "slow":
            time.sleep(SLOW_S)
        if behaviour == "stall":
            self._recovered.wait(STALL_LIMIT_S)
            return False
        if behaviour == "close":
            return False
        if behaviour == "half_answer":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
            return False
        if behaviour == "garbage":
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            return False
        status = {
            "500": "500 Oops",
            "429": "429 Slow Down",
            "403": "403 No",
            "405": "405 Never",
        }.get(behaviour, "200 OK")
        extra = f"Retry-After: {self.retry_after}\r\n" if self.retry_after else ""
        body = "" if status.startswith("200") else f"not to be shown: {SECRET}"
        # Before the answer goes out: who has got it may look at once.
        request.taken = status == "200 OK"
        try:
            connection.sendall(
                f"HTTP/1.1 {status}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
        except OSError:
            request.taken = False
            raise
        return True
