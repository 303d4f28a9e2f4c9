"""Receive the kept records: a small HTTP server for the gzipped NDJSON of the extension's ``http://`` sink."""

import gzip
import json
import threading
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One record that arrived: its fields, and its size in the uncompressed body."""

    fields: dict[str, Any]
    size_bytes: int

    @property
    def request_id(self) -> str:
        """The request id of its invocation; empty if the record has no request id."""
        return str(self.fields.get("requestId", ""))

    @property
    def is_line(self) -> bool:
        """Whether it is a line of the function, rather than a record about the invocation."""
        return self.fields.get("type") == "function"


class _Server(ThreadingHTTPServer):
    daemon_threads = (
        True  # a kept-alive connection of a frozen environment must not hold up the end
    )
    block_on_close = False


class Receiver:
    """A server on a free port of 127.0.0.1; a context manager that answers inside its block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._refused: list[str] = []
        self._wire_bytes = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # the extension keeps its connection

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                taken = receiver.take(body, self.headers.get("Content-Encoding", ""))
                self.send_response(200 if taken else 400)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Print nothing: the demo prints a line for each invocation."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="demo-sink", daemon=True
        )

    def __enter__(self) -> "Receiver":  # noqa: PYI034 - Self is not in typing before 3.11
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The URL to send records to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def take(self, body: bytes, encoding: str) -> bool:
        """Read one body. If it is not NDJSON of objects, note it in ``refused`` and return False."""
        try:
            text = gzip.decompress(body) if encoding == "gzip" else body
            records = [_record(line) for line in text.splitlines()]
        except (ValueError, OSError, EOFError, zlib.error) as error:
            with self._lock:
                self._refused.append(f"a body of {len(body)} bytes: {error}")
            return False
        with self._lock:
            self._records += records
            self._wire_bytes += len(body)
        return True

    @property
    def records(self) -> list[Record]:
        """All records so far, in the order of arrival."""
        with self._lock:
            return list(self._records)

    def of(self, request_id: str) -> list[Record]:
        """Return the records of one invocation, in the order of arrival."""
        return [record for record in self.records if record.request_id == request_id]

    @property
    def refused(self) -> list[str]:
        """Descriptions of the bodies that could not be read."""
        with self._lock:
            return list(self._refused)

    @property
    def wire_bytes(self) -> int:
        """The size of all bodies as they came over the wire."""
        with self._lock:
            return self._wire_bytes


def _record(line: bytes) -> Record:
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("a line that is not a JSON object")  # noqa: TRY004 - to the sender it is a bad value, like malformed JSON
    return Record(fields, len(line))
