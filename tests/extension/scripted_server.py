"""A server that answers requests as a test tells it to, in plain HTTP or with a certificate of its own making."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

Script = Callable[[socket.socket, bytes], bool]
"""Gets the connection and the body of the request; tells whether the connection stays open."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def status(code: int, *headers: str, body: bytes = b"no!") -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {code} Status", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def hang_up(_connection: socket.socket, _body: bytes) -> bool:
    """Closes the connection instead of answering."""
    return False


def reset(connection: socket.socket, _body: bytes) -> bool:
    """Answers with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    return False


def make_certificate(folder: Path, *, subject: str = "IP:127.0.0.1", days: int = 2) -> Path | None:
    """Makes a self-signed certificate, key in the same file; None where there is no openssl.

    Args:
        folder: where to put it.
        subject: what it is for.
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


class Server:
    """Reads requests, and answers as it is told.

    Attributes:
        requests: head and body of each.
        connections: how many there have been.
        answers: what comes next, in turn; ``OK`` once they are used up.
        released: set at the end, for scripts that wait.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.requests: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.answers: list[bytes | Script] = []
        self.released = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/in?a=b"

    def close(self) -> None:
        """Ends everything."""
        self.released.set()
        # A thread that waits in accept keeps the port open unless it is woken.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        self.drop()

    def drop(self) -> None:
        """Closes every connection."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open = []

    def headers(self, number: int = -1) -> dict[str, str]:
        """The headers of a request, by lower-case names."""
        lines = self.requests[number][0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def trickle(self, beginning: bytes, byte: bytes) -> Script:
        """Answers a byte each 50 ms."""

        def answer(connection: socket.socket, _body: bytes) -> bool:
            connection.sendall(beginning)
            while not self.released.wait(0.05):
                connection.sendall(byte)
            return False

        return answer

    def stall(self, connection: socket.socket, _body: bytes) -> bool:
        """Does not answer."""
        return self.released.wait(10.0)

    def next_answer(self) -> bytes | Script:
        """Takes the next answer."""
        return self.answers.pop(0) if self.answers else OK

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            connection = plain
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
                self._open.append(connection)
            while received := connection.recv(65536):
                data += received
                head, end, body = data.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                if not end or len(body) < length:
                    continue
                data = body[length:]
                self.requests.append((head, body[:length]))
                answer = self.next_answer()
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                elif not answer(connection, body):
                    connection.close()
                    return
