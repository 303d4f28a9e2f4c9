"""HTTP out: one request at a time, to one server, on one connection that is kept alive.

Promises: an answer, or :class:`Unreachable`, within the time given. A connection that died while the environment was
frozen costs one silent second attempt on a fresh one. Whether a request that failed may have arrived all the same is
said, since it is what makes a repetition a possible duplicate.

Two waits have no bound here, and need :meth:`Transport.abort` or patience: resolving a name takes as long as the
system's resolver does, and each of a name's addresses is tried for the time given.
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
from extension.transport.errors import CONNECTION_LOST, Unreachable, reason_for

KEEPALIVE_S = 55.0
"""Below the 60 s after which common load balancers close an idle connection from their side."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an answer's body: more than any intake or AWS service answers to a batch; the rest is not read."""

USER_AGENT = f"{EXTENSION_NAME}/{__version__}"


class _KeptConnectionLost(Unreachable):
    """It was lost on a connection from before, which may have been dead for long."""


class Reply(NamedTuple):
    """An answer. Header names are looked up in any case.

    Attributes:
        status: such as 200.
        headers: of the answer.
        body: as it came, which is not compressed unless the server ignores what it was asked for.
        complete: whether all of the body is there: it may have been broken off, or too large or too slow to be read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx: which one depends on the intake."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15


class Transport:
    """One server's connection. Used by one thread; :meth:`abort` may come from another."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        direct: bool = False,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Takes what names certificate authorities, and a clock.

        Args:
            environ: has SSL_CERT_FILE or SSL_CERT_DIR where other authorities are to be trusted than the public
                ones; the process's own by default. Proxies are those of the process in any case.
            direct: whether to go past proxies, as to what is on this machine.
            wall_s: seconds since 1970: the clock that goes on while the environment is frozen.
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
        """Sends a request, and once more if the kept connection proves dead.

        Args:
            method: such as POST.
            url: absolute.
            headers: complete, but for Host and Content-Length.
            body: as it goes out.
            until_s: when to give up, by ``time.monotonic``.
            repeatable: whether it may be sent once more although it may have arrived: not where whoever reads what
                came of it could not tell.

        Raises:
            Unreachable: there was no answer in time, or no connection.
        """
        try:
            request = httpx.Headers(headers)
        except UnicodeError:
            raise Unreachable("a header cannot be sent as it is") from None
        self._aborted = False
        if not 0.0 <= self._wall_s() - self._used_at_s <= KEEPALIVE_S:
            # The monotonic clock, by which httpx lets go of idle connections, may have stood still in the freezer.
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
        """Breaks the connection off: the other side may answer a byte at a time, which no time-out ends."""
        self._aborted = True
        stream = self._stream
        connection = stream.get_extra_info("socket") if stream is not None else None
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection."""
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
            raise kind(reason_for(error), uncertain=self._request_sent) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise Unreachable("the address is none", forever=True) from None
        except httpx.HTTPError as error:
            raise Unreachable(reason_for(error), uncertain=self._request_sent) from None
        except OSError:
            raise Unreachable("the certificates to trust cannot be read") from None
        except (ImportError, ValueError):
            # httpx reads HTTP_PROXY and the like, and raises these for what it cannot make use of.
            raise Unreachable("the environment's proxy settings cannot be used") from None

    def _attempt(
        self, method: str, url: str, headers: httpx.Headers, body: bytes, until_s: float
    ) -> Reply:
        if self._client is None:
            self._client = self._new_client(url)
        # httpx bounds each wait, not their sum, so each gets what is left of the whole.
        left_s = max(until_s - time.monotonic(), 0.001)
        answer = bytearray()
        complete = False
        request = self._client.stream(
            method,
            url,
            content=body,
            headers=headers,
            timeout=httpx.Timeout(left_s),
            extensions={"trace": self._note},
        )
        # Once the status has been said, what becomes of the rest does not make it an answer that never came.
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
        # Loading the certificate authorities takes 5 to 20 ms, which plain http has no use for.
        verify = trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_S)
        # Uncompressed, an answer is no larger than what is read of it.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        return httpx.Client(
            verify=verify, limits=limits, headers=headers, trust_env=not self._direct
        )


def _trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Loads the authorities that OpenSSL's own variables name, or else the public ones.

    Raises:
        OSError: they cannot be read.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        import certifi

        file = certifi.where()
    return ssl.create_default_context(cafile=file or None, capath=folder or None)
