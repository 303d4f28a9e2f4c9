"""Prepare requests to one server, and hold the connection that they are sent on.

httpx's client prepares each request anew, and httpcore's pool looks for a connection each time. Here requests of one sink
share what is the same in all of them, and there is one connection.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from extension import EXTENSION_NAME, __version__
from extension.transport.errors import Reason, Unreachable

if TYPE_CHECKING:
    from httpcore import ConnectionInterface, ConnectionPool, NetworkStream, Request, Response

    from extension.transport.network import Network

MAX_GATHERED_BYTES = 64 * 1024
"""Of a body that is sent in one piece with the head. To copy a larger one would cost more than to write twice."""

WAITS = ("connect", "read", "write", "pool")
"""What httpx bounds by time-outs of their own."""

_DEFAULT_HEADERS = {
    "Accept": "*/*",
    "Connection": "keep-alive",
    "User-Agent": f"{EXTENSION_NAME}/{__version__}",
    # The bound on an answer holds only if nobody decompresses it.
    "Accept-Encoding": "identity",
}


class Prepared(NamedTuple):
    """Hold what requests share: parsed and encoded once, for the many that go to one sink.

    Attributes:
        given: the method, the URL and the headers, of which it was made.
        request: to be sent, with headers, a body and a time of its own each time.
        origin: of the URL.
        headers: all but Content-Length, as they are sent.
    """

    given: tuple[str, str, dict[str, str]]
    request: httpx.Request
    origin: str
    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str]) -> "Prepared":
        """Parse and encode; raise Unreachable for a header, and httpx's errors for a URL, that cannot be sent as it is."""
        all_headers = httpx.Headers(_DEFAULT_HEADERS)
        try:
            all_headers.update(headers)
        except UnicodeError:
            raise Unreachable(Reason.HEADER_INVALID) from None
        target = httpx.URL(url)
        if target.scheme not in ("http", "https") or not target.host:
            raise httpx.UnsupportedProtocol("neither http nor https, or no host")
        request = httpx.Request(method, target, headers=all_headers, stream=httpx.ByteStream(b""))
        if target.userinfo:
            request.headers["Authorization"] = _basic(target.username, target.password)
        raw = request.headers.raw
        return cls(
            (method, url, dict(headers)),
            request,
            f"{target.scheme}://{target.netloc.decode()}",
            tuple(raw) if "Host" in request.headers else ((b"Host", target.netloc), *raw),
        )

    def is_for(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Tell whether it was made of these."""
        return self.given == (method, url, headers)


def _basic(user: str, password: str) -> str:
    """Write the credentials of a URL as a header (RFC 7617)."""
    # Imported here: few URLs have any.
    from base64 import b64encode

    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


class Body(httpx.SyncByteStream):
    """Hold the body of a request, and note that it was sent."""

    def __init__(self, body: bytes, note_sent: Callable[[], None]) -> None:
        self._body = body
        self._note_sent = note_sent

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        # Nobody asks for more before this much was sent.
        self._note_sent()


class _Gathering:
    """A network stream that sends the head of a request and its body in one piece.

    httpcore writes one after the other: three more system calls, and a packet of its own for each.
    """

    def __init__(self, stream: "NetworkStream") -> None:
        self._stream = stream
        self._head: bytes | None = b""
        self.close, self.get_extra_info = stream.close, stream.get_extra_info

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        head = self._head
        if head == b"":
            # The first write behind an answer. The body follows, if only an empty one.
            self._head = buffer
            return
        self._head = None
        if head is not None and len(buffer) > MAX_GATHERED_BYTES:
            self._stream.write(head, timeout)
            head = None
        self._stream.write(buffer if head is None else head + buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._head = b""
        return self._stream.read(max_bytes, timeout)

    def start_tls(self, *given: Any, **named: Any) -> "_Gathering":
        return _Gathering(self._stream.start_tls(*given, **named))


class Backend:
    """A network backend whose connections gather what is written."""

    def __init__(self, network: "Network") -> None:
        self._network = network

    def connect_tcp(self, *given: Any, **named: Any) -> _Gathering:
        """Connect, as :class:`extension.transport.network.Network` does."""
        return _Gathering(self._network.connect_tcp(*given, **named))


class Connections:
    """Make connections, one at a time, with httpcore's pool, whose own bookkeeping takes a fifth of a request's time (measured)."""

    def __init__(self, pool: "ConnectionPool") -> None:
        self._pool = pool
        self._connection: ConnectionInterface | None = None

    def has_open(self) -> bool:
        """Tell whether there is a connection for the next request; forget one that cannot be used any more."""
        connection = self._connection
        if connection is None:
            return False
        if connection.is_available() and not connection.has_expired():
            return True
        self.close()
        return False

    def handle_request(self, request: "Request") -> "Response":
        """Send a request, on a new connection if there is none."""
        if self._connection is None:
            self._connection = self._pool.create_connection(request.url.origin)
        return self._connection.handle_request(request)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class HttpTransport(httpx.HTTPTransport):
    """httpx's own, with connections that it cannot make: it passes no ``network_backend`` on."""

    def __init__(self, connections: Connections) -> None:
        self._pool = connections  # type: ignore[assignment]
