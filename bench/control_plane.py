"""Play Lambda for a measurement: the Extensions, Logs and Telemetry APIs and a sink, in one thread.

Promises: no thread, no queue and no parsing between a byte that arrives and the time that is noted for it, so what it
adds is the same small amount for every program measured. It does what the script says and checks next to nothing:
the emulator is what behaves like Lambda, this only measures like a clock.

Assumes: the subject answers every request of ours within ``WAIT_S``.
"""

import errno
import os
import re
import select
import signal
import time
from collections.abc import Callable, Collection
from socket import IPPROTO_TCP, SO_REUSEADDR, SOL_SOCKET, TCP_NODELAY, create_connection, socket
from types import TracebackType
from typing import NamedTuple, final

from bench.process import CORES, OURS, THEIRS, cpu_ns

WAIT_S = 20.0
"""The longest wait for an answer. A measurement that waits longer is broken, not slow."""

EXIT_S = 2.0
"""Lambda gives this long at SHUTDOWN (AWS: Lambda execution environment, shutdown phase)."""

DEADLINE_MS = 900_000
"""Of an invocation: Lambda's longest, so that no deadline takes part in a measurement."""

BUSY_GAP_MS = 20
QUIET_GAP_MS = 60_000
"""How far apart invocations seem. ``deadlineMs`` tells the subject, so nobody has to wait."""

SETTLED_S = 0.08
"""A subject that uses no CPU for this long has loaded and delivered everything."""

SETTLED_CPU_NS = 100_000
"""Less than this within ``SETTLED_S`` is not work."""

SETTLE_S = 5.0
"""The longest wait for a subject to come to rest."""

RECEIVE_BYTES = 256 * 1024

_PORT = re.compile(rb'"URI"\s*:\s*"http://[^":/]+:(\d+)')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_IDENTIFIER = "11111111-2222-4333-8444-555555555555"


class BenchError(Exception):
    """The subject broke off, so the measurement means nothing."""


class Request(NamedTuple):
    """One request that has arrived in full."""

    kind: str
    at_ns: int
    body_bytes: int


class _Connection:
    """One connection from the subject, with the bytes of an unfinished request."""

    __slots__ = ("data", "missing", "socket")

    def __init__(self, connection: socket) -> None:
        self.socket = connection
        self.data = bytearray()
        self.missing = 0


@final
class ControlPlane:
    """Run one subject from its start to SHUTDOWN, as one environment.

    Attributes:
        pid: of the subject.
        started_ns: just before it was started, on the monotonic clock.
        requests: what has arrived, in order: ``register``, ``subscribe``, ``next``, ``sink``.
        sink_bytes: bodies that the sink has taken.
    """

    def __init__(self, *, freezes: bool = False) -> None:
        """Listen. With ``freezes``, stop the subject after each Next and continue it with the next event."""
        self._freezes = freezes
        self._frozen = False
        self._listening = socket()
        self._listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(64)
        self._connections: dict[int, _Connection] = {}
        self._asking: socket | None = None
        self._poster: socket | None = None
        self._destination = 0
        self._acknowledged = 0
        self._posted = 0
        self._deadline_ms = round(time.time() * 1000) + DEADLINE_MS
        self.stop_at_next = False
        self.pid = 0
        self.started_ns = 0
        self.requests: list[Request] = []
        self.sink_bytes = 0

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def sink(self) -> str:
        """The URL of the sink."""
        return f"http://{self.address}/sink"

    def __enter__(self) -> "ControlPlane":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # The subject ------------------------------------------------------------------------------------------------

    def start(
        self,
        command: tuple[str, ...],
        environ: dict[str, str],
        *,
        cores: Collection[int] = frozenset(THEIRS),
    ) -> None:
        """Start the subject. posix_spawn uses vfork, so our own size does not slow the start.

        Args:
            command: the program and its arguments.
            environ: its environment, but for what depends on our port.
            cores: those that it may run on.
        """
        quiet = [
            (os.POSIX_SPAWN_OPEN, descriptor, "/dev/null", os.O_RDWR, 0) for descriptor in (0, 1, 2)
        ]
        environ = {
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "FLIGHT_RECORDER_SINK": self.sink,
            **environ,
        }
        os.sched_setaffinity(0, cores)  # The subject inherits it.
        self.started_ns = time.monotonic_ns()
        self.pid = os.posix_spawn(command[0], command, environ, file_actions=quiet, setpgroup=0)
        os.sched_setaffinity(0, OURS)

    def freeze(self) -> None:
        """Stop the subject, as Lambda does between invocations."""
        if not self._frozen:
            self._frozen = True
            os.kill(self.pid, signal.SIGSTOP)
            os.waitpid(self.pid, os.WUNTRACED)  # All of its threads have stopped then.

    def thaw(self) -> None:
        """Continue a stopped subject."""
        if self._frozen:
            self._frozen = False
            os.kill(self.pid, signal.SIGCONT)

    def shut_down(self) -> None:
        """Send SHUTDOWN, and wait for the subject to exit.

        Raises:
            BenchError: it did not.
        """
        deadline_ms = round((time.time() + EXIT_S) * 1000)
        self._answer_next(
            f'{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{deadline_ms}}}'
        )
        until_s = time.monotonic() + WAIT_S
        while not self._has_exited():
            self._step(0.01)
            if time.monotonic() > until_s:
                raise BenchError("the subject did not exit")

    def close(self) -> None:
        """Kill the subject; the measurement is over."""
        os.sched_setaffinity(0, CORES)
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        for connection in self._connections.values():
            connection.socket.close()
        self._listening.close()

    def _has_exited(self) -> bool:
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
        return not self.pid

    # The script -------------------------------------------------------------------------------------------------

    def count(self, kind: str) -> int:
        """Return how many requests of a kind have arrived."""
        return sum(1 for each in self.requests if each.kind == kind)

    def first(self, kind: str) -> Request:
        """Return the first request of a kind.

        Raises:
            BenchError: there was none.
        """
        for each in self.requests:
            if each.kind == kind:
                return each
        raise BenchError(f"no {kind} has come")

    def wait_next(self) -> int:
        """Wait until the subject asks for the next event; return the time of its request, in ns."""
        self.wait_for(lambda: self._asking is not None)
        return self._last("next").at_ns

    def wait_sink(self, count: int) -> int:
        """Wait for ``count`` requests to the sink; return the time of the last one, in ns."""
        self.wait_for(lambda: self.count("sink") >= count)
        return self._last("sink").at_ns

    def forget(self) -> None:
        """Forget the requests so far, so that a long run does not search a long list."""
        self.requests.clear()

    def invoke(self, identifier: str, *, gap_ms: int = BUSY_GAP_MS) -> int:
        """Send INVOKE to a subject that is asking.

        Args:
            identifier: the request id.
            gap_ms: the time that seems to have passed since the invocation before.

        Returns:
            When it was sent, in ns.
        """
        self._deadline_ms += gap_ms
        self.thaw()
        return self._answer_next(
            f'{{"eventType":"INVOKE","deadlineMs":{self._deadline_ms},"requestId":"{identifier}",'
            '"invokedFunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:f",'
            '"tracing":{"type":"X-Amzn-Trace-Id","value":'
            '"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}}'
        )

    def post(self, body: bytes) -> int:
        """Post a batch and wait for its 200, serving all other requests meanwhile.

        Returns:
            When the last byte was handed to the kernel, in ns.
        """
        poster = self._poster
        if poster is None:
            poster = self._poster = create_connection(("127.0.0.1", self._destination), WAIT_S)
            poster.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            self._connections[poster.fileno()] = _Connection(poster)
        head = (
            "POST / HTTP/1.1\r\nHost: sandbox.localdomain\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        poster.sendall(head.encode() + body)
        sent_ns = time.monotonic_ns()
        self._posted += 1
        self.wait_for(lambda: self._acknowledged >= self._posted)
        return sent_ns

    def pump(self, *, until_ns: int) -> None:
        """Serve requests until a moment of the monotonic clock."""
        while (left_ns := until_ns - time.monotonic_ns()) > 0:
            self._step(left_ns / 1e9)

    def settle(self) -> None:
        """Serve requests until the subject uses no more CPU time."""
        until_s = time.monotonic() + SETTLE_S
        before_ns = cpu_ns(self.pid)
        while time.monotonic() < until_s:
            self.pump(until_ns=time.monotonic_ns() + round(SETTLED_S * 1e9))
            now_ns = cpu_ns(self.pid)
            if now_ns - before_ns < SETTLED_CPU_NS:
                return
            before_ns = now_ns

    def wait_for(self, condition: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
        """Serve requests until a condition holds.

        Raises:
            BenchError: it did not in time, or the subject has exited.
        """
        until_s = time.monotonic() + within_s
        while not condition():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise BenchError("the subject did not answer in time")
            if not self._step(min(left_s, 0.5)) and self._has_exited() and not condition():
                raise BenchError("the subject has exited")

    # Sockets ----------------------------------------------------------------------------------------------------

    def _last(self, kind: str) -> Request:
        return next(each for each in reversed(self.requests) if each.kind == kind)

    def _answer_next(self, event: str) -> int:
        asking, self._asking = self._asking, None
        if asking is None:
            raise BenchError("an event was due, and the subject was not asking for one")
        asking.sendall(_answer(event.encode(), content_type="application/json"))
        return time.monotonic_ns()

    def _step(self, timeout_s: float) -> bool:
        waiting = [self._listening.fileno(), *self._connections]
        ready, _, _ = select.select(waiting, [], [], timeout_s)
        for descriptor in ready:
            if descriptor == self._listening.fileno():
                accepted, _ = self._listening.accept()
                accepted.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                self._connections[accepted.fileno()] = _Connection(accepted)
            else:
                self._read(descriptor)
        return bool(ready)

    def _read(self, descriptor: int) -> None:
        connection = self._connections[descriptor]
        try:
            data = connection.socket.recv(RECEIVE_BYTES)
        except OSError as error:
            if error.errno not in {errno.ECONNRESET, errno.EPIPE}:
                raise
            data = b""
        now_ns = time.monotonic_ns()
        if not data:
            self._drop(descriptor)
            return
        if connection.socket is self._poster:
            # Only ever one request is under way, and nobody's answer to it has a body.
            connection.data += data
            if connection.data.endswith(b"\r\n\r\n"):
                if not connection.data.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
                    raise BenchError(f"a batch was answered with {bytes(connection.data[:40])!r}")
                connection.data.clear()
                self._acknowledged += 1
            return
        connection.data += data
        head_end = connection.data.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _LENGTH.search(connection.data, 0, head_end)
        size = int(length[1]) if length is not None else 0
        if len(connection.data) < head_end + 4 + size:
            return
        head = bytes(connection.data[:head_end])
        body = bytes(connection.data[head_end + 4 : head_end + 4 + size])
        connection.data.clear()
        self._take(connection.socket, head, body, now_ns)

    def _take(self, connection: socket, head: bytes, body: bytes, now_ns: int) -> None:
        target = head.split(b" ", 2)[1]
        if target.endswith(b"/event/next"):
            self.requests.append(Request("next", now_ns, 0))
            self._asking = connection
            if self._freezes or self.stop_at_next:
                self.stop_at_next = False
                self.freeze()
        elif target.startswith(b"/sink"):
            self.requests.append(Request("sink", now_ns, len(body)))
            self.sink_bytes += len(body)
            connection.sendall(_answer(b""))
        elif target.endswith(b"/register"):
            self.requests.append(Request("register", now_ns, 0))
            connection.sendall(_answer(b'{"functionName":"f"}', content_type="application/json"))
        else:
            port = _PORT.search(body)
            if port is None:
                raise BenchError(f"a request that means nothing here: {head[:80]!r}")
            self._destination = int(port[1])
            self.requests.append(Request("subscribe", now_ns, 0))
            connection.sendall(_answer(b'"OK"'))

    def _drop(self, descriptor: int) -> None:
        connection = self._connections.pop(descriptor).socket
        if connection is self._poster:
            self._poster = None
        if connection is self._asking:
            self._asking = None
        connection.close()


def _answer(body: bytes, *, content_type: str = "text/plain") -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
        f"Lambda-Extension-Identifier: {_IDENTIFIER}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
