"""``http(s)://...``: gzipped NDJSON by POST, on one connection that is kept alive.

Promises: one attempt, within the time given; what the answer says about trying again, in the words of RFC 9110. A
connection that died while the environment was frozen costs one silent second attempt on a fresh one. A POST may have
arrived although its answer did not, so a batch may arrive twice: its records have the same ids then.
"""

import contextlib
import socket
import ssl
import time
import zlib
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from extension import EXTENSION_NAME, __version__
from extension.ndjson import encode
from extension.outbox import Answer, Parcel, Receipt

COMPRESSION_LEVEL = 6
"""zlib's default: on log lines, 9 took twice as long for 1 % less, 1 half as long for a sixth more (measured)."""

GZIP = 31
"""``wbits`` for a gzip container; its header has no time in it, so that the same batch has the same bytes."""

KEEPALIVE_S = 55.0
"""Below the 60 s after which common load balancers close an idle connection from their side."""

MAX_ANSWER_BYTES = 64 * 1024
"""Of an answer's body, which is read only so that the connection can be used again."""

RETRIABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be different the next time (RFC 9110, RFC 6585, RFC 8470)."""

CONNECTION_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class HttpSink:
    """Posts to one URL."""

    def __init__(self, url: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._url = url
        self._headers = httpx.Headers(
            {
                "Content-Type": "application/x-ndjson",
                "Content-Encoding": "gzip",
                "User-Agent": f"{EXTENSION_NAME}/{__version__}",
            }
        )
        self._headers.update(headers)
        self._client: httpx.Client | None = None
        self._stream: Any = None
        self._used = False

    def send(self, parcels: list[Parcel], *, timeout_s: float) -> Receipt:
        """Posts the parcels once, and once more if the kept connection proves dead."""
        until_s = time.monotonic() + timeout_s
        compressor = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, GZIP)
        body = compressor.compress(encode(parcels)) + compressor.flush()
        receipt = self._attempt(body, until_s)
        if receipt is None:
            self.close()
            receipt = self._attempt(body, until_s)
        return receipt or Receipt(Answer.UNAVAILABLE, "the connection was lost twice")

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

    def _attempt(self, body: bytes, until_s: float) -> Receipt | None:
        """Posts once; gives None if a connection that was used before turned out to be dead."""
        try:
            return self._post(body, until_s)
        except CONNECTION_LOST as error:
            return None if self._used else Receipt(Answer.UNAVAILABLE, type(error).__name__)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            return Receipt(Answer.REFUSED, type(error).__name__)
        except httpx.HTTPError as error:
            return Receipt(Answer.UNAVAILABLE, type(error).__name__)
        except (ImportError, ValueError):
            # httpx reads HTTP_PROXY and the like, and raises these for what it cannot make use of.
            return Receipt(Answer.UNAVAILABLE, "the environment's proxy settings cannot be used")

    def _note(self, name: str, info: dict[str, Any]) -> None:
        if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._stream = info["return_value"]

    def _post(self, body: bytes, until_s: float) -> Receipt:
        if self._client is None:
            self._client = _new_client(self._url)
        # httpx bounds each wait, not their sum, so each gets what is left of the whole.
        left_s = max(until_s - time.monotonic(), 0.001)
        with self._client.stream(
            "POST",
            self._url,
            content=body,
            headers=self._headers,
            timeout=httpx.Timeout(left_s),
            extensions={"trace": self._note},
        ) as response:
            read_bytes = 0
            for chunk in response.iter_raw():
                read_bytes += len(chunk)
                if read_bytes > MAX_ANSWER_BYTES or time.monotonic() > until_s:
                    break
        self._used = True
        status = response.status_code
        if response.is_success:
            return Receipt(Answer.TAKEN, sent_bytes=len(body))
        retriable = status in RETRIABLE
        return Receipt(
            Answer.UNAVAILABLE if retriable else Answer.REFUSED,
            f"status {status}",
            retry_after_s=_retry_after_s(response.headers.get("Retry-After"))
            if retriable
            else None,
        )


def _new_client(url: str) -> httpx.Client:
    # Loading the certificate authorities takes 5 to 20 ms, which plain http has no use for.
    verify = True if url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_S)
    return httpx.Client(verify=verify, limits=limits)


def _retry_after_s(value: str | None) -> float | None:
    """Reads ``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3). None for anything else."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
