"""A Lambda that follows a script: an Extensions API, and the sender of what the extension subscribed to."""

import json
import queue
import re
import socket
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

IDENTIFIER = "8f6d5c4b-3a29-4817-8655-443322110099"

WAIT_S = 20.0
"""The longest wait for a condition: a busy machine may take seconds to start a process."""


class Asked(NamedTuple):
    """One request of the extension to Lambda."""

    method: str
    path: str
    name: str
    body: bytes


class ScriptedLambda:
    """Serves on a loopback port until closed.

    Attributes:
        asked: all requests but those for the next event.
    """

    def __init__(self, refusals: dict[str, int] | None = None) -> None:
        """Take the status that each schema version is refused with; others are accepted."""
        self.asked: list[Asked] = []
        self._refusals = refusals or {}
        self._port = 0
        self._nexts = self._answers = 0
        self._events: queue.Queue[bytes] = queue.Queue()
        self._changed = threading.Condition()
        self._sender: socket.socket | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving, and let go of an extension that still asks."""
        self._events.put(b"")
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._sender is not None:
            self._sender.close()

    # The script's side --------------------------------------------------------------------------------------------

    def wait_for_next(self) -> None:
        """Wait until the extension asks for an event that it has not been given yet."""
        self._wait(lambda: self._nexts > self._answers, "the extension does not ask for Next")

    def tell(self, event: dict[str, object]) -> None:
        """Answer Next, once it is asked for; the answer is on the wire when this returns."""
        self.wait_for_next()
        answers = self._answers + 1
        self._events.put(json.dumps(event).encode())
        self._wait(lambda: self._answers >= answers, "Next was not answered")

    def post(self, body: bytes) -> None:
        """Post a batch to the subscriber, and wait for its 200."""
        if self._sender is None:
            self._sender = socket.create_connection(("127.0.0.1", self._port), WAIT_S)
        head = f"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: {len(body)}\r\n\r\n"
        self._sender.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = self._sender.recv(4096)
            assert received, f"closed after {answer!r}"
            answer += received
        assert answer.startswith(b"HTTP/1.1 200 "), answer

    def _wait(self, condition: "threading._PredicateT", problem: str) -> None:  # type: ignore[name-defined]
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S), problem

    # The server's side --------------------------------------------------------------------------------------------

    def next_event(self) -> bytes:
        """Take note that Next is asked for; return its answer."""
        with self._changed:
            self._nexts += 1
            self._changed.notify_all()
        return self._events.get()

    def answered(self) -> None:
        """Take note that Next is answered."""
        with self._changed:
            self._answers += 1
            self._changed.notify_all()

    def status_of(self, asked: Asked) -> int:
        """Remember a request; return the status of its answer."""
        self.asked.append(asked._replace(body=re.sub(rb"domain:\d+", b"domain:<port>", asked.body)))
        if asked.path.endswith("/register"):
            return 200
        subscription = json.loads(asked.body)
        self._port = urllib.parse.urlsplit(subscription["destination"]["URI"]).port or 0
        return self._refusals.get(subscription["schemaVersion"], 200)


def _handler_of(scripted: ScriptedLambda) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.endswith("/event/next"):
                self._answer(200, scripted.next_event())
                scripted.answered()
                return
            name = self.headers.get("Lambda-Extension-Name", "")
            asked = Asked(self.command, self.path, name, body)
            self._answer(scripted.status_of(asked), b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            head = f"HTTP/1.1 {status} Status\r\nContent-Length: {len(body)}\r\n"
            head += f"Lambda-Extension-Identifier: {IDENTIFIER}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

    return Handler
