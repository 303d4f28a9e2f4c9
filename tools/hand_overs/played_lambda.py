"""Play Lambda's APIs and a sink, for one extension, on one loopback port.

Assumes that the extension asks one request at a time on each connection. It checks nothing: the emulator is what
behaves like Lambda.
"""

import json
import queue
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

WAIT_S = 20.0
"""The most that one step may take. Steps take milliseconds, and tens of them where the machine is busy."""

SHUTDOWN_S = 2.0
"""What Lambda gives an extension at SHUTDOWN (AWS: Lambda execution environment, shutdown phase)."""

ANSWER_BYTES = 4096
"""An answer of the listener is a status line and one header."""

TELEMETRY_API = "/2022-07-01/telemetry"
LOGS_API = "/2020-08-15/logs"
IDENTIFIER = "8f6d5c4b-3a29-4817-8655-443322110099"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"


class PlayedLambda:
    """Serve until closed.

    Attributes:
        destination: the port of the listener that the extension subscribed; 0 before.
        target: the path of the URI that it subscribed.
    """

    def __init__(self) -> None:
        self.destination = 0
        self.target = "/"
        self._asked = threading.Semaphore(0)
        self._events: queue.Queue[bytes] = queue.Queue()
        self._sender: socket.socket | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port of all its APIs."""
        return self._server.server_port

    def __enter__(self) -> "PlayedLambda":  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket, and end the thread that waits to answer Next."""
        self._events.put(b"{}")
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._sender is not None:
            self._sender.close()

    def wait_for_next(self) -> None:
        """Wait until the extension asks for one more event."""
        if not self._asked.acquire(timeout=WAIT_S):
            raise TimeoutError("the extension did not ask for its next event")

    def invoke(self, request_id: str) -> None:
        """Answer Next with INVOKE, and wait for the next Next."""
        event = {
            "eventType": "INVOKE",
            "requestId": request_id,
            "deadlineMs": round((time.time() + WAIT_S) * 1000),
            "invokedFunctionArn": ARN,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": _trace(request_id)},
        }
        self._events.put(json.dumps(event).encode())
        self.wait_for_next()

    def shut_down(self) -> None:
        """Answer Next with SHUTDOWN."""
        deadline_ms = round((time.time() + SHUTDOWN_S) * 1000)
        event = {
            "eventType": "SHUTDOWN",
            "shutdownReason": "spindown",
            "deadlineMs": deadline_ms,
        }
        self._events.put(json.dumps(event).encode())

    def post(self, batch: list[dict[str, object]]) -> None:
        """Post a batch to the extension's listener, in one piece, and wait for the answer."""
        body = json.dumps(batch, separators=(",", ":")).encode()
        if self._sender is None:
            self._sender = socket.create_connection(("127.0.0.1", self.destination), WAIT_S)
        head = (
            f"POST {self.target} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._sender.sendall(head.encode() + body)
        if not self._sender.recv(ANSWER_BYTES).startswith(b"HTTP/1.1 200 "):
            raise ConnectionError("the listener did not answer 200")

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """Answer one request with the body of a 200."""
        if path.endswith("/event/next"):
            self._asked.release()
            return self._events.get()
        if method == "PUT" and path in (TELEMETRY_API, LOGS_API):
            uri = urlsplit(json.loads(body)["destination"]["URI"])
            self.destination, self.target = uri.port or 0, uri.path or "/"
            return b'"OK"'
        return b"{}"


def _handler(played: PlayedLambda) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = played.answer(self.command, self.path, body)
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n"
                f"Lambda-Extension-Identifier: {IDENTIFIER}\r\n\r\n"
            )
            self.wfile.write(head.encode() + answer)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

    return Handler


def _trace(request_id: str) -> str:
    return (
        f"Root=1-5f35ae12-0c0fec141ab77a00bc047aa{request_id[-1]};Parent=2be948a625588e32;Sampled=1"
    )


def batch(request_id: str, *, level: str = "ERROR") -> list[dict[str, object]]:
    """Make the four events of one invocation, with a second line of the given level."""

    def event(kind: str, record: object, *, ms: int) -> dict[str, object]:
        return {"time": moment(ms), "type": kind, "record": record}

    def moment(ms: int) -> str:
        return f"2026-11-24T12:00:0{request_id[-1]}.{ms:03d}Z"

    tracing = {
        "type": "X-Amzn-Trace-Id",
        "value": _trace(request_id),
        "spanId": "2be948a625588e33",
    }
    ended = {"requestId": request_id, "status": "success", "metrics": {"durationMs": 12.5}}
    return [
        event(
            "platform.start",
            {"requestId": request_id, "version": "7", "tracing": tracing},
            ms=1,
        ),
        event("function", f"[INFO]\t{moment(2)}\t{request_id}\torder read\n", ms=2),
        event("function", f"[{level}]\t{moment(3)}\t{request_id}\tpayment refused\n", ms=3),
        event("platform.runtimeDone", ended, ms=14),
    ]
