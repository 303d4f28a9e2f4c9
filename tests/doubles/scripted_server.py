"""Answer requests byte by byte, as a test says: the double of a server, or of a network, that misbehaves.

It stands in for anything that the extension's HTTP client talks to. A real server cannot be made to send half a status
line or to reset a connection at a given byte. It knows nothing of what it is asked: the script is all of its manners.
"""

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.doubles.http_server import HttpServer, Request

Script = Callable[[socket.socket, bytes], bool]
"""Gets the connection and the body of the request; returns whether the connection stays open."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
STALL_S = 10.0


def status(code: int, *headers: str, body: bytes = b"no!") -> bytes:
    """Return an answer."""
    lines = [f"HTTP/1.1 {code} Status", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def hang_up(_connection: socket.socket, _body: bytes) -> bool:
    """Close the connection instead of answering."""
    return False


def reset(connection: socket.socket, _body: bytes) -> bool:
    """Answer with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    return False


def in_pieces(answer: bytes, *, piece_bytes: int) -> Script:
    """Return a script that sends an answer in pieces, and closes the connection."""

    def send(connection: socket.socket, _body: bytes) -> bool:
        for start in range(0, len(answer), piece_bytes):
            connection.sendall(answer[start : start + piece_bytes])
        return False

    return send


def make_certificate(folder: Path, *, subject: str = "IP:127.0.0.1", days: int = 2) -> Path | None:
    """Make a self-signed certificate, key in the same file; return None where there is no openssl.

    Args:
        folder: where to put it.
        subject: its subjectAltName.
        days: how long it is valid from now on; negative for one that was.
    """
    if shutil.which("openssl") is None:
        return None
    key, asked, names, path = (folder / name for name in ("key", "request", "names", "made.pem"))
    names.write_text(f"subjectAltName={subject}\n")
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for command in (
        f"openssl req -new {curve} -subj /CN=test -keyout {key} -out {asked}",
        f"openssl x509 -req -in {asked} -signkey {key} -days {days} -extfile {names} -out {path}",
    ):
        subprocess.run(command.split(), capture_output=True, check=True)
    path.write_text(path.read_text() + key.read_text())
    return path


class ScriptedServer(HttpServer):
    """Answers the next requests with the next scripts.

    Attributes:
        answers: in turn; ``OK`` once they are used up.
    """

    url_path = "/in?a=b"

    def __init__(self, certificate: Path | None = None) -> None:
        self.answers: list[bytes | Script] = []
        super().__init__(certificate=certificate)

    def trickle(self, beginning: bytes, byte: bytes) -> Script:
        """Return a script that sends a byte each 50 ms."""

        def answer(connection: socket.socket, _body: bytes) -> bool:
            connection.sendall(beginning)
            while not self.released.wait(0.05):
                connection.sendall(byte)
            return False

        return answer

    def stall(self, _connection: socket.socket, _body: bytes) -> bool:
        """Answer nothing."""
        return self.released.wait(STALL_S)

    def answer(self, connection: socket.socket, request: Request) -> bool:
        """Answer by the next script."""
        answer = self.answers.pop(0) if self.answers else OK
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return True
        return answer(connection, request.body)
