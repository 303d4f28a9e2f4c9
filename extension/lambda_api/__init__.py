"""Lambda's side: call the Extensions API and subscribe to logs, over a raw socket.

Promises: ``register`` and ``subscribe`` end within the bounds below. The call for the next event never times
out: Lambda freezes the process inside it for as long as it likes (AWS: Lambda Extensions API, "Next").
Assumes: plain HTTP on ``AWS_LAMBDA_RUNTIME_API``, whose address differs between environments.

This module is loaded before the extension has registered. So it uses ``_socket``, since ``socket`` costs 7 ms more,
and its two small JSON bodies are literals.
"""

from _socket import AF_INET, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket as Socket  # noqa: N812 - the class, under the name the standard library gives it

from extension.lambda_api.http1 import MalformedMessageError, Message, MessageReader, request

ANSWER_TIMEOUT_S = 2.0
"""For register and subscribe. Both are answered in milliseconds; Lambda gives the whole of init 10 s."""

RECEIVE_BYTES = 64 * 1024
"""Answers of the Extensions API are a few hundred bytes."""

_BASE = "/2020-01-01/extension"


class ExtensionsApi:
    """Call the Extensions API for one extension.

    Attributes:
        identifier: as ``register`` was answered, to us or to a launcher that registered for us; may be empty. Whoever
            knows it may ask for our events, so no other process of the environment must see it.
        awaiting: whether an ``/event/next`` has been sent and not been answered yet.
    """

    def __init__(self, address: str, *, identifier: str = "") -> None:
        """Read ``host:port`` as in ``AWS_LAMBDA_RUNTIME_API``, without connecting yet."""
        host, _, port = address.rpartition(":")
        self._host = host or address
        self._port = int(port) if host and port.isdigit() else 80
        self._connection: Socket | None = None
        self._reader = MessageReader()
        self.identifier = identifier
        self.awaiting = False

    @property
    def descriptor(self) -> int:
        """The descriptor of the connection that Next's answer comes on; -1 without one."""
        return self._connection.fileno() if self._connection is not None else -1

    def register(self, name: str, *, events: str) -> "Message | None":
        """Register, keep the identifier, and return the answer; None if there was none in time.

        ``name`` must be the extension's file name in ``/opt/extensions``; ``events`` is a JSON array as text.
        """
        answer = self._ask(
            "POST",
            f"{_BASE}/register",
            {"Lambda-Extension-Name": name, "Content-Type": "application/json"},
            f'{{"events":{events}}}',
        )
        self._identify(answer)
        return answer

    def read_registration(self, descriptor: int) -> None:
        """Read the answer to a register that a launcher has sent, on the connection that it left open for us.

        The identifier stays empty if there is none in time, or no such connection.
        """
        try:
            connection = Socket(fileno=descriptor)
        except OSError:
            return
        connection.settimeout(ANSWER_TIMEOUT_S)
        self._identify(_exchange(connection))

    def _identify(self, answer: "Message | None") -> None:
        if answer is not None:
            identifier = answer.headers.get(b"lambda-extension-identifier", b"")
            self.identifier = identifier.decode("ascii", "replace")

    def subscribe(self, path: str, *, body: str) -> "Message | None":
        """``PUT`` a subscription to the Logs or the Telemetry API; return the answer, or None if there was none in time."""
        headers = {
            "Lambda-Extension-Identifier": self.identifier,
            "Content-Type": "application/json",
        }
        return self._ask("PUT", path, headers, body)

    def connect(self) -> None:
        """Open the connection for Next, while there certainly is a descriptor. Whether it still lives, Next tells."""
        try:
            self._connection = self._connect(None)
        except OSError:
            self._connection = None
        self._reader = MessageReader()

    def ask_next(self) -> Socket:
        """Send ``/event/next``; return the connection for its answer. Raise OSError if Lambda cannot be reached."""
        asked = request(
            "GET",
            f"{_BASE}/event/next",
            host=f"{self._host}:{self._port}",
            headers={"Lambda-Extension-Identifier": self.identifier},
        )
        if self._connection is not None:
            try:
                self._connection.sendall(asked)
            except OSError:
                # An idle connection may have been closed by the other side; a new one says whether it still lives.
                self.drop_connection()
        if self._connection is None:
            self._connection = self._connect(None)
            self._reader = MessageReader()
            self._connection.sendall(asked)
        self.awaiting = True
        return self._connection

    def read_next(self) -> "Message | None":
        """Read Next's answer; return None while it is incomplete. Raise OSError if the connection, and so the call, failed."""
        connection = self._connection
        if connection is None:
            raise ConnectionError
        try:
            data = connection.recv(RECEIVE_BYTES)
            messages = self._reader.feed(data) if data else [self._reader.end_of_stream()]
        except (OSError, MalformedMessageError) as error:
            self.drop_connection()
            raise ConnectionError from error
        if not messages:
            return None
        if not data:
            self.drop_connection()
        if messages[0] is None:
            raise ConnectionResetError
        self.awaiting = False
        return messages[0]

    def drop_connection(self) -> None:
        """Close the connection, and forget the call that was sent on it."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self.awaiting = False

    def _connect(self, timeout_s: "float | None") -> Socket:
        connection = Socket(AF_INET, SOCK_STREAM)
        try:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect((self._host, self._port))
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            connection.settimeout(timeout_s)
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, method: str, path: str, headers: dict[str, str], body: str) -> "Message | None":
        try:
            connection = self._connect(ANSWER_TIMEOUT_S)
        except OSError:
            return None
        host = f"{self._host}:{self._port}"
        return _exchange(
            connection, request(method, path, host=host, headers=headers, body=body.encode())
        )


def _exchange(connection: Socket, asked: bytes = b"") -> "Message | None":
    """Send a request, read its answer, and close the connection; return None if there is no answer in time."""
    try:
        connection.sendall(asked)
        reader = MessageReader()
        while data := connection.recv(RECEIVE_BYTES):
            messages = reader.feed(data)
            if messages:
                return messages[0]
        return reader.end_of_stream()
    except (OSError, MalformedMessageError):
        return None
    finally:
        connection.close()


REGISTER_PAUSE_S = 0.05

MAX_PAUSE_S = 1.0
"""Pauses between attempts grow up to this: quick enough to be in time for init, slow enough to cost no CPU."""

MANAGED_INSTANCES = "lambda-managed-instances"
"""The initialization type of Managed Instances (AWS: Lambda environment variables)."""

LOGS_API = "/2020-08-15/logs"

TELEMETRY_API = "/2022-07-01/telemetry"

SCHEMA_WITHOUT_ENDS = "2020-08-15"
"""It has no ``platform.runtimeDone`` (AWS: Logs API)."""

LOGS_SCHEMAS = ("2021-03-18", SCHEMA_WITHOUT_ENDS)

TELEMETRY_SCHEMAS = ("2025-01-29", "2022-12-13", "2022-07-01")

BUFFERING = '{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}'
"""The smallest values that Lambda accepts: the sooner a batch comes, the sooner a verdict is possible."""


class Subscription:
    """Hold the API and schema that deliver, and the answers of those that refused.

    Attributes:
        path: of the API; empty until one has accepted.
        target: the path of the URI that batches are posted to. Only Lambda learns it.
    """

    def __init__(self, target: str) -> None:
        self.path = ""
        self.schema = ""
        self.target = target
        self.refusals: list[str] = []
