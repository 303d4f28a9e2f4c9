"""HTTP/1.1 messages, without I/O: bytes go in, whole messages come out.

Lambda speaks plain HTTP/1.1 to an extension on loopback. The extension calls the Extensions API, and the Logs or
Telemetry API posts batches to the extension. ``http.client`` would cost 25 to 30 ms of a cold start to import, since
it brings ``email`` and ``ssl``. Framing is that of RFC 9112: ``Content-Length``, ``chunked``, or (answers only) the end
of the connection. Nothing else about a message is looked at.

This module is loaded before the extension has registered: it imports only what every interpreter has loaded.
"""

from _io import BytesIO  # "io" itself is not loaded at start-up from Python 3.14 on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

MAX_HEAD_BYTES = 16 * 1024
"""Lambda's own heads are under 1 KiB. The bound limits the memory that a confused peer can cost."""

MAX_LENGTH_DIGITS = 18
"""Of a length or a status. No peer means a longer number, and ``int`` refuses thousands of digits."""

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Lambda sends about twice the subscribed ``maxBytes`` (at most 1 MiB) plus metadata (AWS: Logs API). A larger body is
read and counted, but not held."""


_LENGTH = b"\r\ncontent-length:"


class MalformedMessageError(Exception):
    """The peer does not speak HTTP/1.1, so the connection cannot be used any more."""


class RefusedMessageError(MalformedMessageError):
    """The request is to a target that the reader does not accept. The rest of it has not been read."""


class Message:
    """Hold one HTTP message.

    Attributes:
        start: the request line or the status line.
        body: empty if it was larger than ``MAX_BODY_BYTES``.
        body_bytes: how large the body was on the wire, held or not.
    """

    __slots__ = ("_fields", "body", "body_bytes", "start")

    def __init__(self, start: bytes, fields: bytes) -> None:
        """Hold the first line of a head, and the lines behind it."""
        self.start = start
        self._fields = fields
        self.body = b""
        self.body_bytes = 0

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers, with names in lower case. They are parsed at each call: of a batch nobody asks for more than its length."""
        headers = {}
        for line in self._fields.split(b"\r\n") if self._fields else ():
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        return headers

    @property
    def status(self) -> int:
        """The status code of an answer; 0 for any other message, and if the status line has none."""
        parts = self.start.split(None, 2)
        # The reader has refused longer numbers in answers.
        return _number(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") else 0

    @property
    def target(self) -> bytes:
        """The target of a request, which is a path; empty if the request line has none."""
        return _target(self.start)


class _UsualHead:
    """Hold a head that was read, as what stands before and behind the digits of its length.

    Whoever posts batches writes one head after the other, so the next one need not be parsed.
    """

    __slots__ = ("before", "behind", "start", "target")

    def __init__(self, head: bytes, message: Message, at: int, end: int) -> None:
        self.before, self.behind = head[:at], head[end:]
        self.start, self.target = message.start, message.target

    @classmethod
    def of(cls, head: bytes, message: Message) -> "_UsualHead | None":
        """Split a head at its only length; return None where chunks or a second length need a closer look."""
        lower = head.lower()
        at = lower.find(_LENGTH + b" ") + len(_LENGTH) + 1
        end = lower.find(b"\r", at)
        if lower.count(b"content-length") != 1 or b"transfer-encoding" in lower:
            return None
        return cls(head, message, at, end) if head[at:end].isdigit() else None


class MessageReader:
    """Assemble messages from the bytes of one connection, however the stream is cut.

    A body grows in one buffer, and leaves it without a copy: chunks of a byte or two cost no more than their bytes.

    Attributes:
        has_accepted: whether a request to an accepted target has begun on this connection.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_message",
        "_remaining",
        "_targets",
        "_unparsed",
        "_until_close",
        "_usual",
        "has_accepted",
    )

    def __init__(self, targets: "Collection[bytes] | None" = None) -> None:
        """Read any message, or refuse requests to other targets, before anything behind their first line is looked at."""
        self._targets = targets
        self._unparsed = b""
        self._message: Message | None = None
        self._body = BytesIO()
        self._remaining = 0
        self._chunked = False
        self._until_close = False
        self._usual: _UsualHead | None = None
        self.has_accepted = False

    @property
    def wanted_bytes(self) -> int:
        """The bytes still to come, as far as the message being read announces them."""
        return self._remaining

    @property
    def held_bytes(self) -> int:
        """The bytes that are held of a message which is not whole yet."""
        return len(self._unparsed) + self._body.tell()

    def feed(self, data: bytes) -> list[Message]:
        """Parse received bytes; return the messages that became complete.

        Raises:
            RefusedMessageError: a request is to another target.
            MalformedMessageError: the bytes are not HTTP/1.1.
        """
        complete: list[Message] = []
        if self._unparsed:
            data, self._unparsed = self._unparsed + data, b""
        at = 0
        while at < len(data):
            if self._message is None:
                end = self._read_head(data, at)
            elif self._chunked:
                end = self._read_chunk(data, at)
            else:
                end = self._read_body(data, at)
            if end < 0:
                self._unparsed = data[at:]
                break
            at = end
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
        if self._body.tell():
            message.body = self._body.getvalue()
            self._body = BytesIO()
        self._message = None
        self._until_close = False
        return message

    # Each of these reads one part of a message from a place on; it returns where the part ends, or -1 if it is not whole.

    def _read_head(self, data: bytes, at: int) -> int:
        if self._usual is not None and (end := self._read_usual_head(data, at, self._usual)) >= 0:
            return end
        end = _find(data, b"\r\n\r\n", at)
        start, has_ended, fields = data[at : end if end >= 0 else None].partition(b"\r\n")
        # The request line is looked at once it is whole: told byte by byte, a secret path would be found byte by byte. The
        # time of the look-up tells nothing of it, since a set compares keyed hashes first.
        if self._targets is not None and (end >= 0 or has_ended):
            if _target(start) not in self._targets:
                raise RefusedMessageError
            self.has_accepted = True
        if end < 0:
            return -1
        if b"HTTP/1." not in start:
            raise MalformedMessageError
        message = self._message = Message(start, fields)
        length, self._chunked = _framing(fields, message)
        self._remaining = 0 if self._chunked else _number(length)
        # An answer's status first: of any length that cannot be read, it is refused here.
        is_post = start.startswith(b"POST ")
        is_bare = not is_post and message.status not in (204, 304) and start.startswith(b"HTTP/")
        self._until_close = is_bare and not self._chunked and not length
        self._usual = _UsualHead.of(data[at : end + 4], message) if is_post and length else None
        return end + 4

    def _read_usual_head(self, data: bytes, at: int, usual: "_UsualHead") -> int:
        """Read a head that differs from the last one in its length alone; return -1 for any other."""
        length_at = at + len(usual.before)
        end = data.find(b"\r", length_at, length_at + MAX_LENGTH_DIGITS + 1)
        if end < 0 or not (
            data.startswith(usual.before, at) and data.startswith(usual.behind, end)
        ):
            return -1
        digits = data[length_at:end]
        if not digits.isdigit() or (
            self._targets is not None and usual.target not in self._targets
        ):
            return -1
        fields = data[at + len(usual.start) + 2 : end + len(usual.behind) - 4]
        self._message = Message(usual.start, fields)
        self._remaining = int(digits)
        return end + len(usual.behind)

    def _read_body(self, data: bytes, at: int) -> int:
        end = len(data) if self._until_close else min(at + self._remaining, len(data))
        self._remaining = max(0, self._remaining - (end - at))
        message = self._message
        is_whole = message is not None and not (
            self._remaining or self._until_close or message.body_bytes
        )
        if message is not None and is_whole and end - at <= MAX_BODY_BYTES:
            # A body in one piece is not copied into the buffer.
            message.body, message.body_bytes = data[at:end], end - at
        else:
            self._keep(data[at:end])
        return end

    def _read_chunk(self, data: bytes, at: int) -> int:
        # Inside a chunk, ``_remaining`` counts its bytes together with the CRLF behind them.
        if self._remaining:
            end = min(at + self._remaining, len(data))
            self._remaining -= end - at
            overlap = max(0, min(end - at, 2 - self._remaining))
            self._keep(data[at : end - overlap])
            return end
        end = _find(data, b"\r\n", at)
        if end < 0:
            return -1
        try:
            size = int(data[at:end].partition(b";")[0], 16)
        except ValueError:
            raise MalformedMessageError from None
        if size < 0:
            raise MalformedMessageError
        if size > 0:
            self._remaining = size + 2
            return end + 2
        # The trailer section ends with an empty line; Lambda sends none, so it is just the CRLF.
        end = _find(data, b"\r\n\r\n", at)
        if end < 0:
            return -1
        self._chunked = False
        return end + 4

    def _keep(self, data: bytes) -> None:
        message = self._message
        assert message is not None  # noqa: S101 - only called while a message is being read
        message.body_bytes += len(data)
        if message.body_bytes <= MAX_BODY_BYTES:
            self._body.write(data)
        elif self._body.tell():
            self._body = BytesIO()


def _find(data: bytes, end_mark: bytes, at: int) -> int:
    """Return where a head or a line of it ends; -1 if it is not whole yet. Raise MalformedMessageError if it is too long."""
    end = data.find(end_mark, at, at + MAX_HEAD_BYTES + len(end_mark))
    if end < 0 and len(data) - at > MAX_HEAD_BYTES:
        raise MalformedMessageError
    return end


def _framing(fields: bytes, message: Message) -> tuple[bytes, bool]:
    """Return the announced length, empty where there is none, and whether the body comes in chunks."""
    lower = b"\r\n" + fields.lower()
    at = lower.find(_LENGTH)
    if at >= 0 and lower.count(b"content-length") == 1 and b"transfer-encoding" not in lower:
        end = lower.find(b"\r\n", at + len(_LENGTH))
        return lower[at + len(_LENGTH) : end if end >= 0 else None].strip(), False
    headers = message.headers
    # A length beside the chunks means nothing (RFC 9112, section 6.3).
    is_chunked = b"chunked" in headers.get(b"transfer-encoding", b"").lower()
    return headers.get(b"content-length", b""), is_chunked


def _target(request_line: bytes) -> bytes:
    parts = request_line.split(b" ", 2)
    return parts[1] if len(parts) > 1 else b""


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
