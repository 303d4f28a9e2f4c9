"""HTTP out: one request at a time, to one server, on one connection that is kept alive.

Promises: an answer, or :class:`Unreachable`, within the time given. A connection that died while the environment was
frozen costs one silent second attempt on a fresh one. Whether a request that failed may have arrived all the same is
said, since it is what makes a repetition a possible duplicate.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from extension import EXTENSION_NAME, __version__

KEEPALIVE_S = 55.0
"""Below the 60 s after which common load balancers close an idle connection from their side."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an answer's body: more than any intake or AWS service answers to a batch; the rest is not read."""

USER_AGENT = f"{EXTENSION_NAME}/{__version__}"

CONNECTION_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class Unreachable(Exception):  # noqa: N818 - it says what is the matter
    """There was no answer.

    Attributes:
        detail: for people; never of what was sent.
        uncertain: whether the request may have arrived all the same.
        forever: whether trying again is of no use, as with an address that is none.
    """

    def __init__(self, detail: str, *, uncertain: bool = False, forever: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.uncertain = uncertain
        self.forever = forever


class Reply(NamedTuple):
    """An answer. Header names are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx: which one depends on the intake."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15


class Transport:
    """One server's connection. Used by one thread; :meth:`abort` may come from another."""

    def __init__(self) -> None:
        self._client: httpx.Client | None = None
        self._stream: Any = None
        self._used = False
        self._request_sent = False

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | httpx.Headers,
        body: bytes,
        until_s: float,
    ) -> Reply:
        """Sends a request, and once more if the kept connection proves dead.

        Args:
            method: such as POST.
            url: absolute.
            headers: complete, but for Host and Content-Length.
            body: as it goes out.
            until_s: when to give up, by ``time.monotonic``.

        Raises:
            Unreachable: there was no answer in time, or no connection.
        """
        request = httpx.Headers({"User-Agent": USER_AGENT})
        request.update(headers)
        was_used = self._used
        try:
            return self._exchange(method, url, request, body, until_s)
        except CONNECTION_LOST as error:
            uncertain = self._request_sent
            self.close()
            if not was_used:
                raise Unreachable(type(error).__name__, uncertain=uncertain) from None
        try:
            return self._exchange(method, url, request, body, until_s)
        except CONNECTION_LOST:
            raise Unreachable("the connection was lost twice", uncertain=True) from None

    def abort(self) -> None:
        """Breaks the connection off: the other side may answer a byte at a time, which no time-out ends."""
        stream = self._stream
        connection = stream.get_extra_info("socket") if stream is not None else None
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection."""
        client, self._client, self._stream, self._used = self._client, None, None, False
        if client is not None:
            client.close()

    def _note(self, name: str, info: dict[str, Any]) -> None:
        if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._stream = info["return_value"]
        elif name == "http11.send_request_body.complete":
            self._request_sent = True

    def _exchange(
        self, method: str, url: str, headers: httpx.Headers, body: bytes, until_s: float
    ) -> Reply:
        self._request_sent = False
        try:
            return self._attempt(method, url, headers, body, until_s)
        except CONNECTION_LOST:
            raise
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise Unreachable(type(error).__name__, forever=True) from None
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__, uncertain=self._request_sent) from None
        except (ImportError, ValueError):
            # httpx reads HTTP_PROXY and the like, and raises these for what it cannot make use of.
            raise Unreachable("the environment's proxy settings cannot be used") from None

    def _attempt(
        self, method: str, url: str, headers: httpx.Headers, body: bytes, until_s: float
    ) -> Reply:
        if self._client is None:
            self._client = _new_client(url)
        # httpx bounds each wait, not their sum, so each gets what is left of the whole.
        left_s = max(until_s - time.monotonic(), 0.001)
        with self._client.stream(
            method,
            url,
            content=body,
            headers=headers,
            timeout=httpx.Timeout(left_s),
            extensions={"trace": self._note},
        ) as response:
            answer = bytearray()
            for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES or time.monotonic() > until_s:
                    break
        self._used = True
        return Reply(response.status_code, response.headers, bytes(answer))


def _new_client(url: str) -> httpx.Client:
    # Loading the certificate authorities takes 5 to 20 ms, which plain http has no use for.
    verify = True if url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_S)
    return httpx.Client(verify=verify, limits=limits)
