"""A front before a real receiver that can be made to fail in every way a network and a service do, while it runs.

It listens on a socket of its own, with TLS if it is asked to, takes each request whole, and passes it on to the receiver
byte for byte, the Host header too, so that signatures still hold. What is answered instead, where a fault wants that, is
what the service itself would say: AWS's JSON services and S3 have errors of their own (AWS: "Common Error Types" of each
API reference; Amazon S3, "Error responses"), other intakes a bare status.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BACKEND_S = 20.0
"""For the receiver's answer."""
HOLD_LIMIT_S = 60.0
"""For a request that is held: a test that forgets one does not hang for ever."""
SLOW_S = 0.3
RETRY_AFTER_S = 1


class Fault(Enum):
    """What is the matter; ``NONE`` passes everything on."""

    NONE = "none"
    REFUSED = "refused"
    RESET = "reset"
    STALLED = "stalled"
    SLOW = "slow"
    ERROR_500 = "500"
    ERROR_503 = "503 with Retry-After"
    THROTTLED = "429"
    DENIED = "403"
    TOO_LARGE = "413"
    HALF_AN_ANSWER = "half a response"
    UNTRUSTED = "TLS failure"
    EXPIRED = "expired credentials"
    HELD = "held"
    HELD_AND_LOST = "held and lost"


BREAKING_OFF = frozenset({Fault.RESET, Fault.STALLED, Fault.HALF_AN_ANSWER, Fault.HELD_AND_LOST})
"""After which the connection is closed."""

Dialect = Literal["aws-json", "s3", "plain"]

_STATUSES: dict[Fault, dict[Dialect, tuple[int, str]]] = {
    Fault.ERROR_500: {
        "aws-json": (500, "InternalFailure"),
        "s3": (500, "InternalError"),
        "plain": (500, ""),
    },
    Fault.ERROR_503: {
        "aws-json": (503, "ServiceUnavailableException"),
        "s3": (503, "ServiceUnavailable"),
        "plain": (503, ""),
    },
    Fault.THROTTLED: {
        "aws-json": (400, "ThrottlingException"),
        "s3": (503, "SlowDown"),
        "plain": (429, ""),
    },
    Fault.DENIED: {
        "aws-json": (400, "AccessDeniedException"),
        "s3": (403, "AccessDenied"),
        "plain": (403, ""),
    },
    Fault.TOO_LARGE: {
        "aws-json": (413, "RequestEntityTooLargeException"),
        "s3": (400, "EntityTooLarge"),
        "plain": (413, ""),
    },
    Fault.EXPIRED: {
        "aws-json": (400, "ExpiredTokenException"),
        "s3": (400, "ExpiredToken"),
        "plain": (401, ""),
    },
}
"""Of faults that are answers: the status, and the code of the error."""


@dataclass
class Seen:
    """One request that came in whole.

    Attributes:
        at_s: by ``time.monotonic``.
        connection: a number of it.
        head: the request line and the headers, as they came.
        headers: by lower-case name.
        fault: what was the matter at the time.
        passed_on: whether the receiver has taken it.
        answered: whether all of the receiver's answer was given back.
    """

    at_s: float
    connection: int
    head: bytes
    headers: dict[str, str]
    body: bytes
    fault: Fault
    passed_on: bool = False
    answered: bool = False


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a server that it vouches for.

    Attributes:
        certificate: a file that names the authority, for SSL_CERT_FILE.
        context: of a server at 127.0.0.1.
    """

    certificate: Path
    context: ssl.SSLContext


@functools.cache
def authority(name: str) -> Authority:
    """Make an authority, once a test process; skip the test where there is no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes certificates, is not on PATH")
    folder = Path(tempfile.mkdtemp(prefix="authority-"))
    try:
        return _made_by(openssl, folder, name)
    finally:
        # All but the authority's certificate is in memory by now.
        for path in folder.glob("*.key"):
            path.unlink()


def _made_by(openssl: str, folder: Path, name: str) -> Authority:
    def make(stem: str, subject: str, *more: str) -> None:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        files = ("-keyout", str(folder / f"{stem}.key"), "-out", str(folder / f"{stem}.pem"))
        command = [openssl, "req", "-x509", "-days", "2", *key, *files, "-subj", subject, *more]
        subprocess.run(command, check=True, capture_output=True, timeout=30)

    make(
        "authority",
        f"/CN={name}",
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    make(
        "server",
        "/CN=127.0.0.1",
        *("-CA", str(folder / "authority.pem"), "-CAkey", str(folder / "authority.key")),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return Authority(folder / "authority.pem", context)


@dataclass
class Front:
    """A running front; made by :func:`front_of`.

    Attributes:
        max_body_bytes: what is larger is TOO_LARGE, while that is the fault.
        requests: everything that came in whole, in order.
        connections: how many were accepted.
        handshakes_failed: how often a client did not like our certificate, or hung up.
        held: how many requests are being held at this moment.
    """

    backend: str
    dialect: Dialect
    secret: str = ""
    trusted: Authority | None = None
    untrusted: Authority | None = None
    max_body_bytes: int = 0
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    handshakes_failed: int = 0
    held: int = 0

    def __post_init__(self) -> None:
        """Take a port for good, and listen on it."""
        # A second socket keeps the port while nobody listens on it: for this, both have to allow sharing it.
        self._reserved = _bound(0)
        self._port = int(self._reserved.getsockname()[1])
        self._fault = Fault.NONE
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._listen()

    @property
    def url(self) -> str:
        """Where to send to instead of the receiver: without a path."""
        return f"{'http' if self.trusted is None else 'https'}://127.0.0.1:{self._port}"

    @property
    def fault(self) -> Fault:
        """What is the matter."""
        return self._fault

    def set(self, fault: Fault) -> None:
        """Begin to fail in one way, or stop to. What is being held then goes on."""
        with self._changed:
            before, self._fault = self._fault, fault
            self._changed.notify_all()
        if fault is Fault.REFUSED:
            self._stop_listening()
        elif before is Fault.REFUSED:
            self._listen()
        if fault is Fault.UNTRUSTED:
            self.close_connections()

    def close_connections(self) -> None:
        """Close what is open, as a server does with connections that idle for too long."""
        with self._changed:
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self.set(Fault.NONE)
        self._stop_listening()
        self._reserved.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def taken(self) -> list[Seen]:
        """The requests that reached the receiver, and that it took."""
        return [seen for seen in list(self.requests) if seen.passed_on]

    # Connections ----------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        listener = _bound(self._port)
        listener.listen(16)
        self._listener = listener
        self._start(self._accept, listener)

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.close_connections()

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                self._start(self._serve, connection, self.connections)

    def _serve(self, raw: socket.socket, number: int) -> None:
        connection = raw
        with self._changed:
            self._open.add(raw)
        try:
            shown = self.untrusted if self._fault is Fault.UNTRUSTED else self.trusted
            if shown is not None:
                connection = self._handshake(shown, raw, number)
            with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as stream:
                while self._exchange(connection, stream, number):
                    pass
        except OSError:
            self.handshakes_failed += 1
        finally:
            with self._changed:
                self._open.discard(raw)
                self._open.discard(connection)
            connection.close()
            raw.close()

    def _handshake(self, shown: Authority, raw: socket.socket, number: int) -> socket.socket:
        connection = shown.context.wrap_socket(raw, server_side=True)
        with self._changed:
            self._open.discard(raw)
            self._open.add(connection)
        return connection

    def _exchange(self, connection: socket.socket, stream: Any, number: int) -> bool:
        """Serve one request; tell whether there may be another on this connection."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        headers = _headers(head)
        body = stream.read(int(headers.get("content-length", 0)))
        seen = Seen(time.monotonic(), number, head, headers, body, self._fault)
        with self._changed:
            self.requests.append(seen)
        return self._answer(connection, seen)

    def _answer(self, connection: socket.socket, seen: Seen) -> bool:
        """Do as the fault wants; tell whether the connection is still good."""
        fault = seen.fault
        answer = self._ask(seen) if fault in (Fault.HELD_AND_LOST, Fault.HALF_AN_ANSWER) else b""
        if fault in (Fault.STALLED, Fault.HELD, Fault.HELD_AND_LOST):
            self._hold(fault)
        if fault is Fault.RESET:
            # To linger for no time makes close() send RST (socket(7)).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault is Fault.HALF_AN_ANSWER:
            connection.sendall(answer[: len(answer) // 2])
        if fault in BREAKING_OFF:
            return False
        if fault is Fault.SLOW:
            time.sleep(SLOW_S)
        refused = fault in _STATUSES and not (
            fault is Fault.TOO_LARGE and len(seen.body) <= self.max_body_bytes
        )
        connection.sendall(self._refusal(fault) if refused else self._ask(seen))
        seen.answered = not refused
        return True

    def _hold(self, fault: Fault) -> None:
        with self._changed:
            self.held += 1
            self._changed.wait_for(lambda: self._fault is not fault, HOLD_LIMIT_S)
            self.held -= 1

    # Answers --------------------------------------------------------------------------------------------------------

    def _ask(self, seen: Seen) -> bytes:
        """Give the receiver the request, and give back its answer."""
        backend = urlsplit(self.backend)
        address = (backend.hostname or "", backend.port or 80)
        with socket.create_connection(address, BACKEND_S) as connection:
            connection.sendall(seen.head + seen.body)
            response = http.client.HTTPResponse(
                connection, method=seen.head.split(b" ")[0].decode()
            )
            response.begin()
            body = response.read()
        seen.passed_on = 200 <= response.status < 300
        return _response(response.status, response.reason, body, response.getheaders())

    def _refusal(self, fault: Fault) -> bytes:
        status, code = _STATUSES[fault][self.dialect]
        headers = [("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))]
        if fault is Fault.ERROR_503:
            headers.append(("Retry-After", str(RETRY_AFTER_S)))
        message = f"not to be shown: {self.secret}"
        if self.dialect == "aws-json":
            headers.append(("Content-Type", "application/x-amz-json-1.1"))
            body = json.dumps({"__type": code, "message": message})
        elif self.dialect == "s3":
            headers.append(("Content-Type", "application/xml"))
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        else:
            body = message
        return _response(status, "No", body.encode(), headers)


@contextlib.contextmanager
def front_of(
    backend: str, dialect: Dialect, *, secret: str = "", tls: bool = False
) -> Iterator[Front]:
    """Run a front before a receiver.

    Args:
        backend: the receiver's URL, without a path; plain HTTP.
        dialect: in which errors are told.
        secret: stands in every error's message.
        tls: whether the front speaks TLS, with a certificate of ``authority("trusted")``.
    """
    front = Front(
        backend,
        dialect,
        secret,
        trusted=authority("trusted") if tls else None,
        untrusted=authority("untrusted") if tls else None,
    )
    try:
        yield front
    finally:
        front.close()


NOT_GIVEN_BACK = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


def _response(status: int, reason: str, body: bytes, headers: list[tuple[str, str]]) -> bytes:
    kept = [(name, value) for name, value in headers if name.lower() not in NOT_GIVEN_BACK]
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in kept)]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made
