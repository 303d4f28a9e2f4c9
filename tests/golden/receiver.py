"""A server in the place of every HTTP intake and of AWS: it keeps what it gets, and answers by the path."""

import gzip
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

ANSWERS = {
    "/refuse": [405],
    "/deny": [403],
    "/hiccup": [500, 200],
    "/large": [413, 200],
    "/unreadable": [400, 200],
}
"""The statuses that a path answers with, in turn; the last one stays. Other paths answer 200."""

TAKEN = b'{"errors":false}'
"""What Elasticsearch says of a request that it has taken; others say it by the status."""


class Kept(NamedTuple):
    """One request: its head, the body as it came, and the body without its compression."""

    method: str
    path: str
    headers: dict[str, str]
    sent: bytes
    body: bytes
    status: int


class Receiver:
    """Serves on a loopback port until closed.

    Attributes:
        requests: in the order in which they came.
    """

    def __init__(self, *, answers: Mapping[str, bytes], hiccups: int = 0) -> None:
        """Take what is answered otherwise.

        Args:
            answers: bodies, each for the first request to an action of AWS's, or to a path.
            hiccups: how many of the first PutLogEvents get a 500.
        """
        self.requests: list[Kept] = []
        self.changed = threading.Condition()
        self._answers = dict(answers)
        self._hiccups = hiccups
        self._has_group = False
        self._turns: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(
        self, method: str, path: str, headers: dict[str, str], sent: bytes
    ) -> tuple[int, bytes]:
        """Keep a request; return status and body of its answer."""
        is_gzip = headers.get("content-encoding") == "gzip" or path.endswith(".gz")
        with self.changed:
            status, answer = self._answer_to(path, headers.get("x-amz-target", ""))
            body = gzip.decompress(sent) if is_gzip else sent
            self.requests.append(Kept(method, path, headers, sent, body, status))
            self.changed.notify_all()
        return status, answer

    def _answer_to(self, path: str, target: str) -> tuple[int, bytes]:
        action = target.rpartition(".")[2]
        if action == "CreateLogStream" and not self._has_group:
            return 400, b'{"__type":"ResourceNotFoundException"}'
        if action == "CreateLogGroup":
            self._has_group = True
        if action == "PutLogEvents" and self._hiccups:
            self._hiccups -= 1
            return 500, b'{"__type":"ServiceUnavailableException"}'
        statuses = ANSWERS.get(path, [200])
        turn = self._turns.get(path, 0)
        self._turns[path] = turn + 1
        answer = self._answers.pop(action or path, b"" if path.endswith("/v1/logs") else TAKEN)
        return statuses[min(turn, len(statuses) - 1)], answer


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = receiver.answer(self.command, self.path, headers, sent)
            # Without a Date: the extension would take its clock from there.
            head = f"HTTP/1.1 {status} Status\r\nContent-Length: {len(answer)}\r\n\r\n"
            self.wfile.write(head.encode() + answer)

        do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

    return Handler
