"""Follow a script as Lambda: an Extensions API, and the sender of what the extension subscribed to.

It doubles Lambda's side of the Extensions, Logs and Telemetry API for one extension in one environment, for tests that
decide every answer and its time. It checks nothing, freezes nobody and starts no process: the local Lambda in
`emulator/` is what behaves like the real one.
"""

import json
import socket
import time
import urllib.parse
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.doubles import lambda_events
from tests.doubles.http_server import WAIT_S, Request
from tests.doubles.recording_receiver import CLOSE, Answer, RecordingReceiver, Reply

IDENTIFIER = "8f6d5c4b-3a29-4817-8655-443322110099"

REGISTERED = Reply(200, b"{}", {"Lambda-Extension-Identifier": IDENTIFIER})


class Call(NamedTuple):
    """One request: ``register``, ``subscribe`` or ``next``; its events or subscription; when it came."""

    kind: str
    detail: str
    at_s: float


class ScriptedLambda(RecordingReceiver):
    """Serves on a port of its own until closed; its ``address`` is the value of AWS_LAMBDA_RUNTIME_API.

    Attributes:
        calls: all calls, in order.
        destination: the port that was subscribed with.
        target: the path that was subscribed with.
        on_call: called with the kind of each call, before its answer.
    """

    def __init__(
        self,
        *,
        register: list[Answer] | None = None,
        subscribe: Callable[[str, str], Answer] | None = None,
        port: int = 0,
    ) -> None:
        """Take the answers to register, of which the last one stays, the one to (path, schema), and a port."""
        self.calls: list[Call] = []
        self.destination = 0
        self.target = ""
        self.on_call: Callable[[str], None] = lambda _kind: None
        self._register = register or [REGISTERED]
        self._subscribe = subscribe or (lambda _path, _schema: Reply(200, b'"OK"'))
        self._events: list[Answer] = []
        self._sender: socket.socket | None = None
        super().__init__(port=port)

    def close(self) -> None:
        """End everything."""
        super().close()
        if self._sender is not None:
            self._sender.close()

    @property
    def peers(self) -> list[int]:
        """Return the client's port for each call: calls on one connection have the same."""
        return [request.peer for request in self.requests]

    @property
    def identifiers(self) -> list[str]:
        """Return the identifier that each call named."""
        return [one.headers.get("lambda-extension-identifier", "") for one in self.requests]

    # The script -------------------------------------------------------------------------------------------------

    def answer_next(self, answer: Answer) -> None:
        """Give an answer to the next Next, asked already or not."""
        with self.changed:
            self._events.append(answer)
            self.changed.notify_all()

    def invoke(
        self, request_id: str, *, timeout_s: float = 5.0, trace: str = "", **more: object
    ) -> None:
        """Send INVOKE."""
        event = lambda_events.invoke(request_id, deadline_ms=_in_ms(timeout_s), trace=trace)
        self.answer_next(Reply(200, json.dumps({**event, **more}).encode()))

    def shut_down(self, *, reason: str = "spindown", timeout_s: float = 2.0) -> None:
        """Send SHUTDOWN."""
        event = lambda_events.shutdown(reason, deadline_ms=_in_ms(timeout_s))
        self.answer_next(Reply(200, json.dumps(event).encode()))

    def wait_for_next(self) -> Request:
        """Wait for a Next that is not answered yet, and return it."""
        self.wait_until(self._unanswered, "the extension does not ask for Next")
        return self._unanswered()[0]

    def tell(self, event: lambda_events.Event) -> None:
        """Answer Next, once it is asked for; the answer is on the wire when this returns."""
        request = self.wait_for_next()
        self.answer_next(Reply(200, json.dumps(event).encode()))
        self.wait_until(lambda: request.answered, "Next was not answered")

    def wait_for(self, kind: str, count: int, *, timeout_s: float = WAIT_S) -> list[Call]:
        """Wait for the ``count``-th call of a kind, and return all of that kind."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.of(kind)) >= count, timeout_s)
        assert arrived, f"{kind} came {len(self.of(kind))} times, not {count}: {self.calls}"
        return self.of(kind)

    def of(self, kind: str) -> list[Call]:
        """Return the calls of a kind."""
        return [call for call in self.calls if call.kind == kind]

    def post(self, events: Iterable[object] | bytes) -> None:
        """Post a batch to the subscriber, and wait for its 200."""
        body = events if isinstance(events, bytes) else lambda_events.batch(events)
        if self._sender is None:
            self._sender = socket.create_connection(("127.0.0.1", self.destination), WAIT_S)
        head = (
            f"POST {self.target} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._sender.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = self._sender.recv(4096)
            assert received, f"closed after {answer!r}"
            answer += received
        assert answer.startswith(b"HTTP/1.1 200 "), answer

    # The server's side --------------------------------------------------------------------------------------------

    def answer_to(self, request: Request) -> Answer:
        """Return the script's answer."""
        kind, detail = _call(request)
        with self.changed:
            self.calls.append(Call(kind, detail, request.at_s))
            self.changed.notify_all()
        self.on_call(kind)
        if kind == "register":
            return self._register.pop(0) if len(self._register) > 1 else self._register[0]
        if kind == "next":
            return self._next_event()
        subscription = request.payload
        uri = urllib.parse.urlsplit(subscription["destination"]["URI"])
        self.destination, self.target = uri.port or 0, uri.path
        return self._subscribe(request.path, subscription["schemaVersion"])

    def _next_event(self) -> Answer:
        with self.changed:
            self.changed.wait_for(lambda: self._events or self.released.is_set())
            return self._events.pop(0) if self._events else CLOSE

    def _unanswered(self) -> list[Request]:
        return [one for one in self.requests if _call(one)[0] == "next" and not one.answered]


def _call(request: Request) -> tuple[str, str]:
    if request.path.endswith("/register"):
        return "register", json.dumps(request.payload["events"])
    if request.path.endswith("/event/next"):
        return "next", ""
    return "subscribe", f"{request.path} {request.payload['schemaVersion']}"


def _in_ms(wait_s: float) -> int:
    return round((time.time() + wait_s) * 1000)
