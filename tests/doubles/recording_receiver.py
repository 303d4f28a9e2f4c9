"""Record what is delivered, and answer it: the double of every HTTP intake, of AWS, and of their bad days.

It stands in for receivers that cannot be had here, and for those that cannot be made to fail on demand. It stores
nothing and checks nothing: fakes of single intakes, with their rules, are in `tests/services/intakes.py`.
"""

import json
import socket
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union

from tests.doubles.http_server import HttpServer, Request

STALL_LIMIT_S = 30.0
"""A client that waits for ever is ended by its test before."""
SLOW_S = 0.3


class Reply(NamedTuple):
    """An HTTP answer; Content-Length is added."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}

    def encode(self, *, is_head: bool = False) -> bytes:
        """Return it as it goes over the wire; without its body as the answer to HEAD."""
        given = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [
            f"HTTP/1.1 {self.status} Status",
            *(f"{name}: {value}" for name, value in given.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if is_head else self.body)


class Cut(NamedTuple):
    """The end of a connection, in the place of an answer.

    Attributes:
        data: what is sent before.
        stall_s: how long to wait before, unless the receiver closes or recovers.
        resets: whether the connection ends with a TCP reset.
    """

    data: bytes = b""
    stall_s: float = 0.0
    resets: bool = False


CLOSE, RESET, STALL = Cut(), Cut(resets=True), Cut(stall_s=STALL_LIMIT_S)

Answer = Union[Reply, Cut, bytes, Callable[[Request], "Answer"]]  # noqa: UP007 - it names itself
"""Bytes are sent as they are, and the connection stays open; a function is given the request, and returns an answer."""

Fault = Literal["slow", "stall", "close", "close_midway", "half_answer", "garbage", "forget"]
Behaviour = Fault | Literal["ok", "500", "429", "403", "405"]
"""``close_midway`` closes after a request's head, ``forget`` after one request a connection, unannounced; a number is
the status of every answer."""

FAULTS = {
    "stall": STALL,
    "close": CLOSE,
    "half_answer": Cut(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "garbage": Cut(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
}


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return an answer in JSON."""
    return Reply(
        status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers}
    )


OK = Reply()


class RecordingReceiver(HttpServer):
    """Records requests, and answers each with the next answer.

    Attributes:
        answers: for the next requests, in turn.
        otherwise: the answer once those are used up.
        behaviour: anything but ``ok`` goes before both.
        retry_after: the header of that name, if any.
    """

    def __init__(
        self,
        otherwise: Answer = OK,
        *,
        certificate: Path | None = None,
        port: int = 0,
        listening: bool = True,
        last_stays: bool = False,
        dated: bool = False,
        refusal: bytes = b"",
    ) -> None:
        """Take a port.

        Args:
            otherwise: see the attributes.
            certificate: a file with certificate and key; with it the receiver speaks TLS.
            port: which port; 0 for any.
            listening: whether to accept at once.
            last_stays: whether the last of ``answers`` is given to all requests that follow.
            dated: whether answers get a Date header, from which AWS's clients take the time.
            refusal: the body of an answer whose status is the behaviour.
        """
        self.answers: list[Answer] = []
        self.otherwise = otherwise
        self.behaviour: Behaviour = "ok"
        self.retry_after = ""
        self._last_stays, self._dated, self._refusal = last_stays, dated, refusal
        super().__init__(certificate=certificate, port=port, listening=listening)

    @property
    def taken(self) -> list[Request]:
        """Return the requests that were answered with success."""
        return [one for one in list(self.requests) if 200 <= one.status < 300]

    def recover(self) -> None:
        """Behave from now on, like a server that has been restarted."""
        self.behaviour = "ok"
        self.released.set()
        self.drop()

    def accepts(self, head: bytes, number: int) -> bool:
        """Return whether to read a request's body."""
        if self.behaviour == "forget":
            return all(one.connection != number for one in self.requests)
        return self.behaviour != "close_midway"

    def answer_to(self, request: Request) -> Answer:
        """Return the answer to a request."""
        behaviour = request.behaviour = self.behaviour
        if behaviour == "slow":
            time.sleep(SLOW_S)
        retry = {"Retry-After": self.retry_after} if self.retry_after else {}
        if behaviour.isdecimal():
            return Reply(int(behaviour), self._refusal, retry)
        if behaviour in FAULTS:
            return FAULTS[behaviour]
        with self.changed:
            if not self.answers:
                return self.otherwise
            return self.answers[0] if self._stays else self.answers.pop(0)

    @property
    def _stays(self) -> bool:
        return self._last_stays and len(self.answers) == 1

    def answer(self, connection: socket.socket, request: Request) -> bool:
        """Send the answer to a request; return whether the connection stays open."""
        answer = self.answer_to(request)
        while callable(answer):
            answer = answer(request)
        if isinstance(answer, Cut):
            if answer.stall_s:
                self.released.wait(answer.stall_s)
            if answer.resets:
                # To linger for no time makes close() send RST (socket(7)).
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.sendall(answer.data)
            return False
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return True
        if self._dated and "Date" not in answer.headers:
            date = {"Date": formatdate(usegmt=True)}
            answer = answer._replace(headers={**date, **answer.headers})
        # Before the answer goes out: who has got it may look at once.
        request.status = answer.status
        try:
            connection.sendall(answer.encode(is_head=request.method == "HEAD"))
        except OSError:
            request.status = 0
            raise
        return True


def aws_endpoint() -> RecordingReceiver:
    """Return a receiver that answers as AWS's endpoints do: with a date, and with the last answer from then on."""
    return RecordingReceiver(last_stays=True, dated=True)
