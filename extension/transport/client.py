"""Send HTTP requests to one server, one at a time, on a kept connection.

Promises: an answer, or :class:`~extension.transport.errors.Unreachable`, within the time given. If the connection died
while the environment was frozen, the request is repeated once on a new connection. A failure says whether the request
may have arrived all the same, since repeating it may then store records twice.

Two waits have no bound here and end early only by :meth:`Transport.abort`. Resolving a name takes as long as the system's
resolver does, and each address of a name is tried for the time given.
"""

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from extension import EXTENSION_NAME, __version__
from extension.transport.errors import CONNECTION_LOST, Reason, Unreachable, reason_for

KEEPALIVE_S = 55.0
"""Shorter than the 60 s after which common load balancers close an idle connection."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Bound on the body of an answer that is read. No intake and no AWS service answers a batch with more."""

USER_AGENT = f"{EXTENSION_NAME}/{__version__}"


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

        ``environ`` holds SSL_CERT_FILE or SSL_CERT_DIR if other authorities than the public ones are trusted. Proxy
        settings are always read from the environment of the process.
        """
        self._environ = os.environ if environ is None else environ
        self._direct = direct
        self._wall_s = wall_s
        self._client: httpx.Client | None = None
        self._trust: ssl.SSLContext | None = None
        self._stream: Any = None
        self._used_at_s = 0.0
        self._is_fresh = False
        self._to_proxy = False
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
        try:
            request = httpx.Headers(headers)
        except UnicodeError:
            raise Unreachable(Reason.HEADER_INVALID) from None
        self._aborted = False
        if not 0.0 <= self._wall_s() - self._used_at_s <= KEEPALIVE_S:
            # httpx closes idle connections by the monotonic clock, which stands still while the environment is frozen.
            self.close()
        try:
            return self._exchange(method, url, request, body, until_s)
        except _KeptConnectionLost as error:
            uncertain = error.uncertain
            self.close()
            if uncertain and not repeatable:
                raise
        try:
            return self._exchange(method, url, request, body, until_s)
        except Unreachable as error:
            error.uncertain = error.uncertain or uncertain
            raise

    def abort(self) -> None:
        """Break the connection off. A server that answers byte by byte never meets a time-out."""
        self._aborted = True
        connection = self._stream and self._stream.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            client.close()

    def _note(self, name: str, info: dict[str, Any]) -> None:
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info["return_value"]
            self._is_fresh = True
            if self._aborted:
                self.abort()
        elif name == "http11.send_request_headers.started":
            self._to_proxy = info["request"].method == b"CONNECT"
        elif name == "http11.send_request_body.complete":
            self._request_sent = not self._to_proxy

    def _exchange(
        self, method: str, url: str, headers: httpx.Headers, body: bytes, until_s: float
    ) -> Reply:
        self._is_fresh = self._request_sent = False
        try:
            return self._attempt(method, url, headers, body, until_s)
        except CONNECTION_LOST as error:
            again = not (self._is_fresh or self._aborted or time.monotonic() >= until_s)
            kind = _KeptConnectionLost if again else Unreachable
            raise kind(*reason_for(error), uncertain=self._request_sent) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise Unreachable(Reason.URL_INVALID) from None
        except httpx.HTTPError as error:
            raise Unreachable(*reason_for(error), uncertain=self._request_sent) from None
        except OSError:
            raise Unreachable(Reason.AUTHORITIES_UNREADABLE) from None
        except (ImportError, ValueError):
            # httpx raises these for values of HTTP_PROXY and the like that it cannot use.
            raise Unreachable(Reason.PROXY_UNUSABLE) from None

    def _attempt(
        self, method: str, url: str, headers: httpx.Headers, body: bytes, until_s: float
    ) -> Reply:
        if self._client is None:
            self._client = self._new_client(url)
        # httpx bounds each wait, not their sum: so each may take the time that is left.
        timeout = httpx.Timeout(max(until_s - time.monotonic(), 0.001))
        more = {"trace": self._note}
        answer = bytearray()
        complete = False
        request = self._client.stream(
            method, url, content=body, headers=headers, timeout=timeout, extensions=more
        )
        # After the status, an error in the rest of the answer leaves the answer valid.
        with request as response, contextlib.suppress(httpx.TransportError):
            for group in response.iter_raw():
                answer += group
                if len(answer) > MAX_ANSWER_BYTES or time.monotonic() > until_s:
                    break
            else:
                complete = True
        self._used_at_s = self._wall_s()
        return Reply(response.status_code, response.headers, bytes(answer), complete)

    def _new_client(self, url: str) -> httpx.Client:
        trust = self._trust
        if trust is None and url.lower().startswith("https:"):
            trust = self._trust = _trust(self._environ)
        # Plain HTTP needs no certificate authorities, which take 5 to 20 ms to load.
        verify = trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_S)
        # The bound on an answer holds only if httpx does not decompress it.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        return httpx.Client(
            verify=verify, limits=limits, headers=headers, trust_env=not self._direct
        )


def _trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Load the authorities that OpenSSL's variables name, or else the public ones; raise OSError for bad files."""
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        import certifi

        file = certifi.where()
    return ssl.create_default_context(cafile=file or None, capath=folder or None)
