"""Hold what httpx does to the time that a request is given.

httpx bounds each wait, and neither their sum, nor the resolving of a name, nor how many informational answers precede the
answer. Here the time left bounds all of them.

What is not bounded: the resolver cannot be stopped. So a name is resolved on a thread that is left behind when the time is
up. The next request for the same name waits for that thread, and starts no other.
"""

import re
import socket
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore

from extension.transport.errors import Reason, Unreachable

if TYPE_CHECKING:
    from ssl import SSLContext

MAX_INFORMATIONAL = 32
"""Bound on the 1xx answers before an answer. A server sends one or two, and a patient one some more (RFC 9110, 15.2)."""

MIN_CONNECT_S = 1.0
"""The least that one address of a name is given, if that much is left. Else addresses share the time left evenly."""

MAX_LABEL_BYTES = 63
"""Of a name, between its dots (RFC 1035, 2.3.4)."""

LEAST_S = 0.001
"""The least wait: to a socket, zero means not to wait at all."""

_INFORMATIONAL = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d[ \r\n]")
_END_OF_HEAD = re.compile(rb"\n\r?\n")


def _as_bytes(host: str) -> Any:
    """Encode an ASCII name, or an address, as Python does with a ``str`` by its tables of Unicode, which take 0.6 MB.

    Raises:
        UnicodeError: a label is empty or too long.
    """
    labels = [] if ":" in host else host.removesuffix(".").split(".")
    if not all(0 < len(label) <= MAX_LABEL_BYTES for label in labels):
        raise UnicodeError("a label is empty or too long")
    return host.encode("ascii")


class _Lookup:
    """Resolve one name on a thread, which may outlive the request that asked for it."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self._port = port
        self._addresses: list[str] = []
        self._error: Exception | None = None
        self._done = threading.Event()
        try:
            threading.Thread(target=self._run, name="resolver", daemon=True).start()
        except RuntimeError:
            # The function shares the environment's limit of 1,024 threads and processes.
            self._run()

    def addresses(self, within_s: float) -> list[str] | None:
        """Return the addresses in the resolver's order, or None if the time is up; raise what the resolver raises."""
        if not self._done.wait(within_s):
            return None
        if self._error is not None:
            raise self._error
        return self._addresses

    def _run(self) -> None:
        try:
            found = socket.getaddrinfo(_as_bytes(self.host), self._port, type=socket.SOCK_STREAM)
            self._addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        except (OSError, UnicodeError, OverflowError) as error:
            self._error = error
        finally:
            self._done.set()


class Network(httpcore.NetworkBackend):
    """Connect for one transport. Used by one thread.

    Attributes:
        until_s: when the request's time is up, by ``time.monotonic``.
    """

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()
        self._lookup: _Lookup | None = None
        self._head = b""
        self._informational: int | None = None
        self.until_s = 0.0

    def await_head(self) -> None:
        """Count informational answers from now on, until another answer begins."""
        self._head, self._informational = b"", 0

    def left_s(self, timeout_s: float | None = None) -> float:
        """Return the time left, or the time-out if that is shorter."""
        left_s = max(self.until_s - time.monotonic(), LEAST_S)
        return left_s if timeout_s is None else min(timeout_s, left_s)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve the name, and try its addresses in turn, within the time left."""
        addresses = self._resolve(host, port)
        for number, address in enumerate(addresses, 1):
            left_s = self.left_s(timeout)
            share_s = max(left_s / (len(addresses) - number + 1), min(left_s, MIN_CONNECT_S))
            try:
                stream = self._backend.connect_tcp(
                    _as_bytes(address), port, share_s, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
            else:
                return _Stream(stream, self)
        raise httpcore.ConnectError("the name has no address")

    def _resolve(self, host: str, port: int) -> list[str]:
        if ":" in host or host.replace(".", "").isdigit():
            return [host]
        lookup = self._lookup
        if lookup is None or lookup.host != host:
            lookup = self._lookup = _Lookup(host, port)
        try:
            addresses = lookup.addresses(self.left_s())
        except OSError as error:
            self._lookup = None
            raise httpcore.ConnectError(str(error)) from error
        except Exception:
            self._lookup = None
            raise
        if addresses is None:
            raise Unreachable(Reason.NAME_TIMEOUT)
        self._lookup = None
        return addresses

    def received(self, data: bytes) -> None:
        """Count the informational answers in what was received; raise Unreachable if there are too many."""
        if self._informational is None:
            return
        head = self._head + data
        while end := _END_OF_HEAD.search(head):
            if not _INFORMATIONAL.match(head):
                self._head, self._informational = b"", None
                return
            self._informational += 1
            if self._informational > MAX_INFORMATIONAL:
                raise Unreachable(Reason.ONLY_INFORMATIONAL)
            head = head[end.end() :]
        self._head = head


class _Stream(httpcore.NetworkStream):
    """A connection whose waits end with the time of the request."""

    def __init__(self, stream: httpcore.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._network.left_s(timeout))
        self._network.received(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: "SSLContext",
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        name = None if server_hostname is None else _as_bytes(server_hostname)
        stream = self._stream.start_tls(ssl_context, name, self._network.left_s(timeout))
        return _Stream(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        # That one tells whether HTTP/2 was agreed on, which is not offered. To look for it loads TLS.
        return None if info == "ssl_object" else self._stream.get_extra_info(info)
