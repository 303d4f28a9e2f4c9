"""Sinks over real sockets: a receiver may answer with any bytes. The answer is a receipt, in time, and tells no secret."""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from extension.model.receipt import Answer
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig
from tests.doubles.extension import chunks
from tests.fuzz.answers import CANARY, MAX_TOLD_CHARS
from tests.fuzz.corpus import JUNK, edited, edits
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

    from extension.sinks.base import Sink

SinkCase = list[tuple[str, list[bytes], list[tuple[int, int, bytes]], bool]]
"""For each request: which sink sends, the parts of the answer, edits of it, whether the connection is left open."""

SCHEMES = (
    "http",
    "elasticsearch+http",
    "splunk+http",
    "loki+http",
    "otlp+http",
    "cloudwatch",
    "s3",
    "firehose",
)
PARTS = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 Busy\r\n", b"HTTP/1.1 400 Bad\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 99999999999 x\r\n"),
    *(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/" + CANARY.encode() + b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(b"Content-Length: 0\r\n\r\n", b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"\r\n"),
    *(b"Set-Cookie: a=b; Max-Age=999999\r\n", b"Retry-After: 9999999\r\n", b"Content-Encoding: gzip\r\n", b"x-amz-bucket-region: x\r\n"),
    *(b"Content-Length: 900\r\n\r\n" + CANARY.encode(), b"X: " + b"y" * 9000 + b"\r\n", *JUNK[:8]),
)  # fmt: skip
WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 400 Bad\r\nContent-Length: 11\r\n\r\n" + CANARY.encode(),
    b"HTTP/1.1 500 Bad\r\nConnection: close\r\n\r\n<Code>SlowDown</Code>",
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"errors":false',
)
TIMEOUT_S = 5.0
"""Much longer than an answer takes: the receiver answers at once, and then closes."""


class Sinks(Fuzzer):
    """Let every kind of sink send to one receiver, which answers as it is told."""

    def draw(self, random: Random) -> SinkCase:
        return [self._request(random) for _ in range(4)]

    def _request(
        self, random: Random
    ) -> tuple[str, list[bytes], list[tuple[int, int, bytes]], bool]:
        if random.random() < 0.5:
            parts = [pick(random, WHOLE)]
        else:
            parts = [pick(random, PARTS) for _ in range(int(random.random() * 5))]
        return (
            pick(random, SCHEMES),
            parts,
            edits(random) if random.random() < 0.3 else [],
            random.random() < 0.3,
        )

    def check(self, case: SinkCase) -> int:
        for scheme, parts, changes, stays_open in case:
            if scheme not in SCHEMES:
                return 0  # of a case that was made smaller
            answer = edited(b"".join(parts), changes)
            self._receiver.answer = answer, stays_open and answer in WHOLE and b"Length" in answer
            receipt = self._sinks[scheme].send([chunks.lines("a", "b")], timeout_s=TIMEOUT_S)
            assert isinstance(receipt.answer, Answer)
            assert receipt.retry_after_s is None or receipt.retry_after_s >= 0.0
            for told in (receipt.detail, *receipt.refused.values()):
                assert len(told) <= MAX_TOLD_CHARS, told
                assert CANARY not in told, told
                assert SECRET not in told, told
        return len(case)

    def close(self) -> None:
        if "_sinks" in self.__dict__:
            for sink in self._sinks.values():
                sink.close()
            self._receiver.close()

    @cached_property
    def _receiver(self) -> Receiver:
        return Receiver()

    @cached_property
    def _sinks(self) -> dict[str, Sink]:
        url = f"http://127.0.0.1:{self._receiver.port}"
        environ = {
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
        }
        made = {}
        for scheme in SCHEMES:
            target = (
                f"{scheme}://{url.partition('://')[2]}/"
                if scheme.endswith("http")
                else f"{scheme}:name"
            )
            target = "s3://bucket/prefix" if scheme == "s3" else target
            made[scheme] = open_sink(
                SinkConfig(target, environ, headers=(("authorization", SECRET),))
            )
        return made


SECRET = "QuXz7hLm2vPwQuXz7hLm2vPw"


class Receiver:
    """Answers every request on a port with the bytes that it is told."""

    def __init__(self) -> None:
        self.answer: tuple[bytes, bool] = b"", False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # An accept that waits goes on waiting when its socket is closed.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while self._read(connection):
                    answer, stays_open = self.answer
                    connection.sendall(answer)
                    if not stays_open:
                        return
            except OSError:
                return

    def _read(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65_536)
            if not received:
                return False
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(one.split(b":")[1])
                for one in head.lower().split(b"\r\n")
                if one.startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            received = connection.recv(65_536)
            if not received:
                return False
            body += received
        return True
