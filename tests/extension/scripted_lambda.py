"""A small Lambda for tests: an Extensions API that follows a script, and the sender of what was subscribed to."""

import json
import queue
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

IDENTIFIER = "8f6d5c4b-3a29-4817-8655-443322110099"
WAIT_S = 10.0
"""The longest that a test waits for what should happen at once."""

CLOSE = "close"
"""As an answer: the connection is closed without one."""


class Call(NamedTuple):
    """One request: ``register``, ``subscribe`` or ``next``; what it asked for; when it came."""

    kind: str
    detail: str
    at_s: float


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Answer = Reply | str

REGISTERED = Reply(200, b"{}", (("Lambda-Extension-Identifier", IDENTIFIER),))


class ScriptedLambda:
    """Serves on a port of its own until closed.

    Attributes:
        calls: what was asked, in that order.
        peers: for each call, the client's port: calls on one connection have the same.
        identifiers: the identifier that each call named.
    """

    def __init__(
        self,
        *,
        register: list[Answer] | None = None,
        subscribe: Callable[[str, str], Answer] | None = None,
        port: int = 0,
    ) -> None:
        """Takes the answers to register, of which the last one stays, the one to (path, schema), and a port."""
        self.calls: list[Call] = []
        self.peers: list[int] = []
        self.identifiers: list[str] = []
        self.destination = 0
        self.on_call: Callable[[str], None] = lambda _kind: None
        self._register = register or [REGISTERED]
        self._subscribe = subscribe or (lambda _path, _schema: Reply(200, b'"OK"'))
        self._events: queue.Queue[Answer | None] = queue.Queue()
        self._changed = threading.Condition()
        self._sender: socket.socket | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """As AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ScriptedLambda":  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for _ in range(8):
            self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._sender is not None:
            self._sender.close()

    # The script -------------------------------------------------------------------------------------------------

    def answer_next(self, answer: Answer) -> None:
        """Gives an answer to the next Next, asked already or not."""
        self._events.put(answer)

    def invoke(
        self, request_id: str, *, timeout_s: float = 5.0, trace: str = "", **more: object
    ) -> None:
        """Sends INVOKE."""
        event: dict[str, object] = {
            "eventType": "INVOKE",
            "requestId": request_id,
            "deadlineMs": round((time.time() + timeout_s) * 1000),
            "invokedFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
        }
        if trace:
            event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": trace}
        self.answer_next(Reply(200, json.dumps(event | more).encode()))

    def shut_down(self, *, reason: str = "spindown", timeout_s: float = 2.0) -> None:
        """Sends SHUTDOWN."""
        event = {
            "eventType": "SHUTDOWN",
            "shutdownReason": reason,
            "deadlineMs": round((time.time() + timeout_s) * 1000),
        }
        self.answer_next(Reply(200, json.dumps(event).encode()))

    def wait_for(self, kind: str, count: int, *, timeout_s: float = WAIT_S) -> list[Call]:
        """Waits for the ``count``-th call of a kind, and returns all of that kind."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.of(kind)) >= count, timeout_s)
        assert arrived, f"{kind} came {len(self.of(kind))} times, not {count}: {self.calls}"
        return self.of(kind)

    def of(self, kind: str) -> list[Call]:
        return [call for call in self.calls if call.kind == kind]

    def post(self, events: list[dict[str, Any]] | bytes) -> None:
        """Posts a batch to the subscriber, and waits for its 200."""
        body = (
            events
            if isinstance(events, bytes)
            else json.dumps(events, separators=(",", ":")).encode()
        )
        if self._sender is None:
            self._sender = socket.create_connection(("127.0.0.1", self.destination), WAIT_S)
        head = f"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: {len(body)}\r\n\r\n"
        self._sender.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = self._sender.recv(4096)
            assert received, f"closed after {answer!r}"
            answer += received
        assert answer.startswith(b"HTTP/1.1 200 "), answer

    # The server's side --------------------------------------------------------------------------------------------

    def take(self, kind: str, detail: str, *, peer: int, identifier: str) -> None:
        with self._changed:
            self.calls.append(Call(kind, detail, time.monotonic()))
            self.peers.append(peer)
            self.identifiers.append(identifier)
            self._changed.notify_all()
        self.on_call(kind)

    def answer_register(self) -> Answer:
        return self._register.pop(0) if len(self._register) > 1 else self._register[0]

    def answer_subscribe(self, path: str, subscription: dict[str, Any]) -> Answer:
        uri = urllib.parse.urlsplit(subscription["destination"]["URI"])
        self.destination = uri.port or 0
        return self._subscribe(path, subscription["schemaVersion"])

    def next_answer(self) -> Answer | None:
        return self._events.get()


def _handler(  # noqa: C901 - one class
    scripted: ScriptedLambda,
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind, detail = self._what(body)
            scripted.take(
                kind,
                detail,
                peer=self.client_address[1],
                identifier=self.headers.get("Lambda-Extension-Identifier", ""),
            )
            if kind == "register":
                answer: Answer | None = scripted.answer_register()
            elif kind == "subscribe":
                answer = scripted.answer_subscribe(self.path, json.loads(body))
            else:
                answer = scripted.next_answer()
            if not isinstance(answer, Reply):
                self.close_connection = True
                return
            head = [f"HTTP/1.1 {answer.status} Status", f"Content-Length: {len(answer.body)}"]
            head += [f"{name}: {value}" for name, value in answer.headers]
            self.wfile.write("\r\n".join(head).encode() + b"\r\n\r\n" + answer.body)

        def _what(self, body: bytes) -> tuple[str, str]:
            if self.path.endswith("/register"):
                return "register", json.dumps(json.loads(body)["events"])
            if self.path.endswith("/event/next"):
                return "next", ""
            return "subscribe", f"{self.path} {json.loads(body)['schemaVersion']}"

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

    return Handler


# Records as the Telemetry API sends them --------------------------------------------------------------------------------


def line(text: object, *, second: int = 1) -> dict[str, Any]:
    return {"time": f"2026-11-24T12:00:{second:02d}.000Z", "type": "function", "record": text}


def start(request_id: str, *, trace: str = "") -> dict[str, Any]:
    record: dict[str, Any] = {"requestId": request_id, "version": "$LATEST"}
    if trace:
        record["tracing"] = {"type": "X-Amzn-Trace-Id", "value": trace}
    return {"time": "2026-11-24T12:00:00.000Z", "type": "platform.start", "record": record}


def runtime_done(request_id: str, *, status: str = "success") -> dict[str, Any]:
    record = {"requestId": request_id, "status": status, "metrics": {"durationMs": 12.5}}
    return {"time": "2026-11-24T12:00:09.000Z", "type": "platform.runtimeDone", "record": record}


def report(request_id: str) -> dict[str, Any]:
    record = {"requestId": request_id, "status": "success", "metrics": {"durationMs": 12.5}}
    return {"time": "2026-11-24T12:00:10.000Z", "type": "platform.report", "record": record}
