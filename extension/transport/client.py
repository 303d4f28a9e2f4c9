"""Send HTTP requests to one server, one at a time, on a kept connection.

Promises: an answer, or :class:`~extension.transport.errors.Unreachable`, within the time given. If the connection died
while the environment was frozen, the request is repeated once on a new connection. A failure says whether the request
may have arrived all the same, since repeating it may then store records twice. No cookie is kept.

A server that reads a request byte by byte, or stretches a TLS handshake, is left early only by :meth:`Transport.abort`.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import httpcore
import httpx

from extension.transport.connections import (
    WAITS,
    Backend,
    Body,
    Connections,
    HttpTransport,
    Prepared,
)
from extension.transport.errors import CONNECTION_LOST, Reason, Unreachable, reason_for
from extension.transport.network import Network
from extension.transport.proxies import MAX_PORT, Proxy, proxy_for

if TYPE_CHECKING:
    from ssl import SSLContext

KEEPALIVE_S = 55.0
"""Shorter than the 60 s after which common load balancers close an idle connection."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Bound on the body of an answer that is read. No intake and no AWS service answers a batch with more."""


class _KeptConnectionLost(Unreachable):
    """A connection that an earlier request had opened was lost; it may have died long before."""


class Reply(NamedTuple):
    """An answer. The case of header names does not matter.

    Attributes:
        body: bytes as received; not compressed, unless the server ignores ``Accept-Encoding``.
        complete: False if the body broke off, or was too large or too slow to be read to its end.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

    @property
    def is_success(self) -> bool:
        """Tell whether the status is 2xx. Intakes differ in which one they send."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15


class Transport:
    """Connection to one server. Used by one thread; another thread may call :meth:`abort`."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        direct: bool = False,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Open nothing yet. If ``direct``, no proxy is used, as for servers on this machine.

        ``environ`` holds SSL_CERT_FILE or SSL_CERT_DIR if other authorities than the public ones are trusted, and
        HTTPS_PROXY and the like if servers are reached by a proxy.
        """
        self._environ = os.environ if environ is None else environ
        self._direct = direct
        self._wall_s = wall_s
        self._http: httpx.HTTPTransport | None = None
        self._connections: Connections | None = None
        self._origin = ""
        self._prepared: Prepared | None = None
        self._network = Network()
        self._trust: SSLContext | None = None
        self._stream: Any = None
        self._used_at_s = 0.0
        self._is_fresh = False
        self._request_sent = False
        self._aborted = False

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | httpx.Headers,
        body: bytes,
        until_s: float,
        repeatable: bool = True,
    ) -> Reply:
        """Send a request, until ``time.monotonic`` reaches ``until_s``; repeat it if the kept connection proves dead.

        All headers but Host and Content-Length are given. ``repeatable`` is False where readers could not recognise
        the duplicate of a request that has arrived.

        Raises:
            Unreachable: there was no answer in time, or no connection.
        """
        self._aborted = False
        if not 0.0 <= self._wall_s() - self._used_at_s <= KEEPALIVE_S:
            # httpx closes idle connections by the monotonic clock, which stands still while the environment is frozen.
            self.close()
        try:
            return self._exchange(method, url, headers, body, until_s)
        except _KeptConnectionLost as error:
            uncertain = error.uncertain
            self.close()
            if uncertain and not repeatable:
                raise
        try:
            return self._exchange(method, url, headers, body, until_s)
        except Unreachable as error:
            error.uncertain = error.uncertain or uncertain
            raise

    def abort(self) -> None:
        """Break the connection off. Each byte of a handshake, or of a request that is read slowly, starts a time-out anew."""
        self._aborted = True
        connection = self._stream and self._stream.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        http, self._http, self._stream = self._http, None, None
        if http is not None:
            http.close()

    def _note(self, name: str, info: dict[str, Any]) -> None:
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info["return_value"]
            self._is_fresh = True
            if self._aborted:
                self.abort()
        elif name == "http11.receive_response_headers.started":
            self._network.await_head()

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, until_s: float
    ) -> Reply:
        self._is_fresh = self._request_sent = False
        try:
            return self._attempt(method, url, headers, body, until_s)
        except CONNECTION_LOST as error:
            again = not (self._is_fresh or self._aborted or time.monotonic() >= until_s)
            kind = _KeptConnectionLost if again else Unreachable
            raise kind(*reason_for(error), uncertain=self._request_sent) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, OverflowError):
            raise Unreachable(Reason.URL_INVALID) from None
        except httpx.HTTPError as error:
            raise Unreachable(*reason_for(error), uncertain=self._request_sent) from None
        except OSError:
            raise Unreachable(Reason.AUTHORITIES_UNREADABLE) from None
        except Unreachable as error:
            error.uncertain = self._request_sent
            raise

    def _attempt(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, until_s: float
    ) -> Reply:
        prepared = self._prepared
        if prepared is None or not prepared.is_for(method, url, headers):
            prepared = self._prepared = Prepared.of(method, url, headers)
        if self._http is None or prepared.origin != self._origin:
            self.close()
            self._connections = Connections(self._pool_for(prepared.request.url))
            self._http, self._origin = HttpTransport(self._connections), prepared.origin
        # Each wait may take the time that is left; Network shortens those that begin later.
        left_s = max(until_s - time.monotonic(), 0.001)
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(WAITS, left_s)}
        self._network.until_s = until_s
        self._network.await_head()
        if self._connections is not None and not self._connections.has_open():
            # A kept connection tells nothing that is not known, and telling takes a tenth of a request's time (measured).
            extensions["trace"] = self._note
        length = (b"Content-Length", b"%d" % len(body))
        prepared.request.headers = httpx.Headers([*prepared.headers, length])
        prepared.request.stream = Body(body, self._note_sent)
        prepared.request.extensions = extensions
        response = self._http.handle_request(prepared.request)
        answer, complete = self._read(response, until_s)
        self._used_at_s = self._wall_s()
        return Reply(response.status_code, response.headers, answer, complete)

    def _note_sent(self) -> None:
        self._request_sent = True

    def _read(self, response: httpx.Response, until_s: float) -> tuple[bytes, bool]:
        """Read the body of an answer within its bounds; tell whether that was all."""
        groups: list[bytes] = []
        size = 0
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - for the type checker
        try:
            # After the status, an error in the rest of the answer leaves the answer valid.
            with contextlib.suppress(httpx.TransportError):
                for group in stream:
                    groups.append(group)
                    size += len(group)
                    if size > MAX_ANSWER_BYTES or time.monotonic() > until_s:
                        return b"".join(groups), False
                return b"".join(groups), True
        finally:
            stream.close()
        return b"".join(groups), False

    def _pool_for(self, url: httpx.URL) -> httpcore.ConnectionPool:
        host, port = url.raw_host.decode(), url.port or {"http": 80}.get(url.scheme, 443)
        proxy = None if self._direct else proxy_for(url.scheme, host, port, self._environ)
        return self._pool(url, proxy)

    def _pool(self, url: httpx.URL, proxy: Proxy | None) -> httpcore.ConnectionPool:
        kept: dict[str, Any] = {
            "max_connections": 1,
            "keepalive_expiry": KEEPALIVE_S,
            "network_backend": Backend(self._network),
        }
        if proxy is None:
            return httpcore.ConnectionPool(ssl_context=self._trust_for(url), **kept)
        given = _usable(proxy)
        return httpcore.HTTPProxy(
            httpcore.URL(
                scheme=given.url.raw_scheme,
                host=given.url.raw_host,
                port=given.url.port,
                target=given.url.raw_path,
            ),
            proxy_auth=given.raw_auth,
            ssl_context=self._trust_for(url),
            proxy_ssl_context=self._trust_for(given.url) if given.url.scheme == "https" else None,
            **kept,
        )

    def _trust_for(self, url: httpx.URL) -> "SSLContext | None":
        if url.scheme != "https":
            return None
        if self._trust is None:
            # Imported here: plain HTTP needs no TLS.
            from extension.transport.trust import trust

            self._trust = trust(self._environ)
        return self._trust


def _usable(proxy: Proxy) -> httpx.Proxy:
    """Parse the URL of a proxy; raise Unreachable with the name of its variable."""
    try:
        parsed = httpx.Proxy(proxy.url)
        is_proxy = parsed.url.scheme in {"http", "https"} and parsed.url.host
        if is_proxy and (parsed.url.port or 0) <= MAX_PORT:
            return parsed
    except (httpx.InvalidURL, ValueError):
        pass
    detail = (
        f"{Reason.PROXY_UNUSABLE.value}: {proxy.variable} is not the URL of an http or https proxy"
    )
    raise Unreachable(Reason.PROXY_UNUSABLE, detail)
