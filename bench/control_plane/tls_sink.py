"""Serve an HTTPS sink with a self-signed certificate, in a thread on the control plane's cores."""

import contextlib
import os
import shutil
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import final

from bench.control_plane.process import OURS


def make_certificate(folder: Path) -> Path | None:
    """Make a self-signed certificate for 127.0.0.1, with its key; return None without openssl."""
    if shutil.which("openssl") is None:
        return None
    path = folder / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
        " -addext keyUsage=critical,digitalSignature,keyCertSign"
        f" -keyout {folder}/key.pem -out {path}"
    )
    done = subprocess.run(command.split(), capture_output=True, check=False)
    if done.returncode != 0:
        return None
    path.write_text(path.read_text() + (folder / "key.pem").read_text())
    return path


class _Server(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a subject that is killed leaves its connection in the middle of something."""


@final
class TlsSink:
    """Answer every POST with 200.

    Attributes:
        taken: set when a delivery has arrived in full.
        taken_ns: when each delivery had arrived, on the monotonic clock.
    """

    def __init__(self, certificate: Path) -> None:
        self.taken = taken = threading.Event()
        self.taken_ns: list[int] = []
        taken_ns = self.taken_ns

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                """Take one delivery."""
                self.rfile.read(int(self.headers["Content-Length"]))
                taken_ns.append(time.monotonic_ns())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                taken.set()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's
                """Log nothing."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """The URL to post to."""
        return f"https://127.0.0.1:{self._server.server_port}/"

    def _serve(self) -> None:
        os.sched_setaffinity(0, OURS)  # Of this thread alone.
        # The same, in a handshake.
        with contextlib.suppress(OSError):
            self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> "TlsSink":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
