"""The listener over real sockets: whatever others send, genuine batches are taken whole and in order, and answered."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

from extension.lambda_api.listener import MAX_CONNECTIONS, Listener
from tests.doubles.extension.listeners import close_listener
from tests.fuzz.corpus import JUNK
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

ListenerCase = list[tuple[int, bytes]]
"""What is sent next, and on which connection; 0 is Lambda's, which sends whole batches."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PATH = "/8f6d5c4b3a2948178655443322110099"

PIECES = (
    *JUNK,
    *(b"POST / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"Content-Length: 5\r\n\r\n", b"Content-Length: 999999\r\n\r\n"),
    *(b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02"),
    *(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nFORGED[]]", b"x" * 20_000),
)  # fmt: skip


class Listeners(Fuzzer):
    """Let other processes speak to the listener between two batches of Lambda's."""

    def draw(self, random: Random) -> ListenerCase:
        most = pick(random, (2, 4, MAX_CONNECTIONS + 8))
        # More idle connections than there are places.
        sent: ListenerCase = [
            (1 + number, b"") for number in range(most if most > MAX_CONNECTIONS else 0)
        ]
        for number in range(5 + int(random.random() * 60)):
            if random.random() < 0.25:
                sent.append((0, b'[{"n":%d}]' % number))
            else:
                sent.append(
                    (
                        1 + int(random.random() * most),
                        b"".join([pick(random, PIECES) for _ in range(pick(random, (1, 1, 2, 4)))]),
                    )
                )
        return sent

    def check(self, case: ListenerCase) -> int:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        listening.setblocking(False)
        poll = select.poll()
        listener = _listener(listening, poll)
        others: dict[int, socket.socket] = {}
        try:
            self._play(case, listener, poll, listening, others)
        finally:
            for one in others.values():
                one.close()
            close_listener(listener)
        return len(case)

    def _play(
        self,
        case: ListenerCase,
        listener: Listener,
        poll: select.poll,
        listening: socket.socket,
        others: dict[int, socket.socket],
    ) -> None:
        for number, data in case:
            if number in others and _is_closed(others[number]):
                assert number, "Lambda's connection was closed"
                others.pop(number).close()
            connection = others.get(number)
            if connection is None:
                connection = others[number] = socket.create_connection(listening.getsockname())
                connection.setblocking(False)
            if number:
                _send(connection, data)
                _turn(listener, poll)
                continue
            _send(
                connection,
                b"POST %b HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n%b"
                % (PATH.encode(), len(data), data),
            )
            found: list[bytes] = []
            for _ in range(50):
                found += _turn(listener, poll)
                if data in found:
                    break
            assert data in found, "a batch was not taken"
            assert connection.recv(1000) == OK
        assert len(poll.poll(0)) <= MAX_CONNECTIONS + 1


def _listener(listening: socket.socket, poll: select.poll) -> Listener:
    return Listener(listening, poll, path=PATH, say=lambda *_, **__: None)


def _turn(listener: Listener, poll: select.poll) -> list[bytes]:
    return [bytes(body) for descriptor, _ in poll.poll(0) for body in listener.attend(descriptor)]


def _send(connection: socket.socket, data: bytes) -> None:
    # The listener may have closed the connection, or its buffer is full.
    with contextlib.suppress(OSError):
        connection.send(data)


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
