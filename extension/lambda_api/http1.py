"""HTTP/1.1 messages, without I/O: bytes go in, whole messages come out.

Lambda speaks plain HTTP/1.1 to an extension on loopback. The extension calls the Extensions API, and the Logs or
Telemetry API posts batches to the extension. ``http.client`` would cost 25 to 30 ms of a cold start to import, since
it brings ``email`` and ``ssl``. Framing is that of RFC 9112: ``Content-Length``, ``chunked``, or (answers only) the end
of the connection. Nothing else about a message is looked at.

This module is loaded before the extension has registered: it imports nothing.
"""

MAX_HEAD_BYTES = 16 * 1024
"""Lambda's own heads are under 1 KiB. The bound limits the memory that a confused peer can cost."""

MAX_LENGTH_DIGITS = 18
"""Of a length or a status. No peer means a longer number, and ``int`` refuses thousands of digits."""

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Lambda sends about twice the subscribed ``maxBytes`` (at most 1 MiB) plus metadata (AWS: Logs API). A larger body is
read and counted, but not held."""


class MalformedMessageError(Exception):
    """The peer does not speak HTTP/1.1, so the connection cannot be used any more."""


class Message:
    """Hold one HTTP message.

    Attributes:
        start: the request line or the status line.
        headers: names in lower case.
        body: empty if it was larger than ``MAX_BODY_BYTES``.
        body_bytes: how large the body was on the wire, held or not.
    """

    __slots__ = ("body", "body_bytes", "headers", "start")

    def __init__(self, start: bytes, headers: dict[bytes, bytes]) -> None:
        self.start = start
        self.headers = headers
        self.body = b""
        self.body_bytes = 0

    @property
    def status(self) -> int:
        """The status code of an answer; 0 for any other message, and if the status line has none."""
        parts = self.start.split(None, 2)
        # The reader has refused longer numbers in answers.
        return _number(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") else 0


class MessageReader:
    """Assemble messages from the bytes of one connection, however the stream is cut.

    A body that is announced with its length is copied once.
    """

    __slots__ = ("_chunked", "_head", "_kept", "_message", "_remaining", "_until_close")

    def __init__(self) -> None:
        self._head = b""
        self._message: Message | None = None
        self._kept: list[bytes] = []
        self._remaining = 0
        self._chunked = False
        self._until_close = False

    @property
    def wanted_bytes(self) -> int:
        """The bytes still to come, as far as the message being read announces them."""
        return self._remaining

    def feed(self, data: bytes) -> list[Message]:
        """Parse received bytes; return the messages that became complete. Raise MalformedMessageError for other bytes."""
        complete: list[Message] = []
        while data:
            if self._message is None:
                data = self._read_head(data)
            elif self._chunked:
                data = self._read_chunks(data)
            else:
                data = self._read_body(data)
            message = self._message
            if message and not (self._chunked or self._until_close or self._remaining):
                complete.append(self._finish(message))
        return complete

    def end_of_stream(self) -> "Message | None":
        """Note that the peer closed; return the message that this completes, if any."""
        if self._message is not None and self._until_close:
            return self._finish(self._message)
        return None

    def _finish(self, message: Message) -> Message:
        if message.body_bytes <= MAX_BODY_BYTES:
            message.body = self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)
        self._kept = []
        self._message = None
        self._until_close = False
        return message

    def _find(self, text: bytes, end_mark: bytes, start: int = 0) -> int:
        """Return where a head or a line of it ends; if it is not whole yet, keep it and return -1."""
        end = text.find(end_mark, start)
        if (len(text) if end < 0 else end) > MAX_HEAD_BYTES:
            raise MalformedMessageError
        self._head = text if end < 0 else b""
        return end

    def _read_head(self, data: bytes) -> bytes:
        head = self._head + data
        end = self._find(head, b"\r\n\r\n")
        if end < 0:
            return b""
        lines = head[:end].split(b"\r\n")
        if b"HTTP/1." not in lines[0]:
            raise MalformedMessageError
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        message = self._message = Message(lines[0], headers)
        length = headers.get(b"content-length", b"")
        self._chunked = b"chunked" in headers.get(b"transfer-encoding", b"").lower()
        self._remaining = _number(length)
        is_bare = message.status not in (204, 304) and message.start.startswith(b"HTTP/")
        self._until_close = is_bare and not self._chunked and not length
        return head[end + 4 :]

    def _read_body(self, data: bytes) -> bytes:
        if self._until_close:
            self._keep(data)
            return b""
        taken = data[: self._remaining]
        self._remaining -= len(taken)
        self._keep(taken)
        return data[len(taken) :]

    def _read_chunks(self, data: bytes) -> bytes:
        # Between chunks ``_head`` holds the unfinished size line; inside one, ``_remaining`` counts its bytes
        # together with the CRLF behind them.
        if self._remaining:
            taken = data[: self._remaining]
            self._remaining -= len(taken)
            overlap = max(0, min(len(taken), 2 - self._remaining))
            self._keep(taken[: len(taken) - overlap])
            return data[len(taken) :]
        line = self._head + data
        end = self._find(line, b"\r\n")
        if end < 0:
            return b""
        try:
            size = int(line[:end].partition(b";")[0], 16)
        except ValueError:
            raise MalformedMessageError from None
        if size < 0:
            raise MalformedMessageError
        if size > 0:
            self._remaining = size + 2
            return line[end + 2 :]
        # The trailer section ends with an empty line; Lambda sends none, so it is just the CRLF.
        end = self._find(line, b"\r\n\r\n", end)
        if end < 0:
            return b""
        self._chunked = False
        return line[end + 4 :]

    def _keep(self, data: bytes) -> None:
        message = self._message
        assert message is not None  # noqa: S101 - only called while a message is being read
        message.body_bytes += len(data)
        if message.body_bytes > MAX_BODY_BYTES:
            self._kept = []
        elif data:
            self._kept.append(data)


def _number(digits: bytes) -> int:
    """Parse a length or status code; return 0 if it is not a number."""
    if len(digits) > MAX_LENGTH_DIGITS:
        raise MalformedMessageError
    return int(digits) if digits.isdigit() else 0


def request(
    method: str, path: str, *, host: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    """Encode a request that keeps the connection alive; all methods but ``GET`` send a ``Content-Length``.

    ``host`` is ``host:port``, as in ``AWS_LAMBDA_RUNTIME_API``; ``headers`` are sent beside ``Host``.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
