"""Play Lambda for a measurement: the Extensions, Logs and Telemetry APIs and a sink, in one thread.

Promises: no thread, no queue and no parsing between the arrival of a byte and its time, so that the same small amount is
added to every subject. It follows the script and checks next to nothing: the emulator behaves like Lambda, and this is
a clock.

Assumes: the subject answers every request of ours within ``WAIT_S``.
"""

import re
import time
from collections.abc import Callable, Collection
from socket import socket
from types import TracebackType
from typing import NamedTuple, final

from bench.control_plane.process import THEIRS, cpu_ns, is_asleep
from bench.control_plane.sockets import BenchError, Sockets
from bench.control_plane.subject import SubjectProcess

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

_URI = re.compile(rb'"URI"\s*:\s*"http://[^":/]+:(\d+)([^"]*)"')
_IDENTIFIER = "11111111-2222-4333-8444-555555555555"


class Request(NamedTuple):
    """One request that has arrived in full."""

    kind: str
    at_ns: int
    body_bytes: int


@final
class ControlPlane:
    """Run one subject from its start to SHUTDOWN, as one environment.

    Attributes:
        requests: all that have arrived, in order: ``register``, ``subscribe``, ``next``, ``sink``, and of a runtime
            ``runtime next`` and ``runtime done``.
        sink_bytes: bodies that the sink has taken.
        stalls: whether the sink leaves requests without an answer.
        stop_at_next: whether to stop the subject at its next Next.
    """

    def __init__(self, *, freezes: bool = False) -> None:
        """Listen. With ``freezes``, stop the subject after each Next and continue it with the next event."""
        self._freezes = freezes
        self._subject = SubjectProcess()
        self._sockets = Sockets(self._take)
        self._asking: socket | None = None
        self._idle_runtime: socket | None = None
        self._deadline_ms = round(time.time() * 1000) + DEADLINE_MS
        self.stop_at_next = self.stalls = False
        self.requests: list[Request] = []
        self.sink_bytes = 0

    @property
    def pid(self) -> int:
        """The subject's process id; 0 once it has exited."""
        return self._subject.pid

    @property
    def started_ns(self) -> int:
        """The moment before the subject was started, on the monotonic clock."""
        return self._subject.started_ns

    @property
    def sink(self) -> str:
        """The URL of the sink."""
        return f"http://{self._sockets.sink_address}/sink"

    @property
    def address(self) -> str:
        """Lambda's own address, of the Runtime API and the others."""
        return self._sockets.address

    @property
    def all_ask(self) -> bool:
        """Whether the subject and a runtime both ask for an event."""
        return self._is_asked and self._idle_runtime is not None

    def __enter__(self) -> "ControlPlane":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._subject.kill()
        self._sockets.close()

    # The subject ------------------------------------------------------------------------------------------------

    def start(
        self,
        command: tuple[str, ...],
        environ: dict[str, str],
        *,
        archives: bool = False,
        cores: Collection[int] = frozenset(THEIRS),
    ) -> None:
        """Start the subject.

        Args:
            command: the program and its arguments.
            environ: its environment, without the variables that depend on our port.
            archives: whether the sink is ARCHIVE_SINK too.
            cores: those that it may run on.
        """
        ours = {
            "AWS_LAMBDA_RUNTIME_API": self._sockets.address,
            "FLIGHT_RECORDER_SINK": self.sink,
        }
        if archives:
            ours["FLIGHT_RECORDER_ARCHIVE_SINK"] = self.sink
        self._subject.start(command, ours | environ, cores=cores)

    def thaw(self) -> None:
        """Continue a stopped subject."""
        self._subject.thaw()

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
        while not self._subject.has_exited():
            self._sockets.step(0.01)
            if time.monotonic() > until_s:
                raise BenchError("the subject did not exit")

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
        self.wait_for(lambda: self._is_asked)
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
        return self._answer_next(_invoke_event(identifier, self._deadline_ms))

    def run_function(self, identifier: str) -> int:
        """Send an event to the runtime that is asking; return when it was sent, in ns.

        Raises:
            BenchError: none is asking.
        """
        runtime, self._idle_runtime = self._idle_runtime, None
        if runtime is None:
            raise BenchError("an event was due, and no runtime was asking for one")
        head = f"Lambda-Runtime-Aws-Request-Id: {identifier}\r\n"
        runtime.sendall(_answer(b"{}", content_type="application/json", head=head))
        return time.monotonic_ns()

    def post(self, body: bytes) -> int:
        """Post a batch and wait for its 200, serving all other requests meanwhile.

        Returns:
            When the last byte was handed to the kernel, in ns.
        """
        sent_ns = self.send(body)
        self.wait_for(lambda: self._sockets.all_acknowledged)
        return sent_ns

    def send(self, body: bytes) -> int:
        """Post a batch when the one before has its 200; return when the last byte was handed to the kernel, in ns."""
        self.wait_for(lambda: self._sockets.all_acknowledged)
        return self._sockets.post(body)

    def pump(self, *, until_ns: int) -> None:
        """Serve requests until a moment of the monotonic clock."""
        while (left_ns := until_ns - time.monotonic_ns()) > 0:
            self._sockets.step(left_ns / 1e9)

    def settle(self) -> None:
        """Serve requests until all threads of the subject sleep, and use no more CPU time."""
        until_s = time.monotonic() + SETTLE_S
        before_ns = cpu_ns(self.pid)
        while time.monotonic() < until_s:
            self.pump(until_ns=time.monotonic_ns() + round(SETTLED_S * 1e9))
            now_ns = cpu_ns(self.pid)
            # On a busy machine a thread may use no CPU because it gets none.
            if now_ns - before_ns < SETTLED_CPU_NS and is_asleep(self.pid):
                return
            before_ns = now_ns

    def wait_for(
        self, condition: Callable[[], bool], *, within_s: float = WAIT_S, every_s: float = 0.5
    ) -> None:
        """Serve requests until a condition holds; look every ``every_s`` where no request changes it.

        Raises:
            BenchError: it did not in time, or the subject has exited.
        """
        until_s = time.monotonic() + within_s
        while not condition():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise BenchError("the subject did not answer in time")
            served = self._sockets.step(min(left_s, every_s))
            if not served and self._subject.has_exited() and not condition():
                raise BenchError("the subject has exited")

    # The requests -----------------------------------------------------------------------------------------------

    @property
    def _is_asked(self) -> bool:
        # A socket that the subject has closed is closed here too, and has no descriptor any more.
        return self._asking is not None and self._asking.fileno() >= 0

    def _last(self, kind: str) -> Request:
        return next(each for each in reversed(self.requests) if each.kind == kind)

    def _answer_next(self, event: str) -> int:
        asking, is_asked, self._asking = self._asking, self._is_asked, None
        if asking is None or not is_asked:
            raise BenchError("an event was due, and the subject was not asking for one")
        asking.sendall(_answer(event.encode(), content_type="application/json"))
        return time.monotonic_ns()

    def _take(self, connection: socket, head: bytes, body: bytes, now_ns: int) -> None:
        target = head.split(b" ", 2)[1]
        if target.endswith(b"/event/next"):
            self.requests.append(Request("next", now_ns, 0))
            self._asking = connection
            if self._freezes or self.stop_at_next:
                self.stop_at_next = False
                self._subject.freeze()
        elif target.startswith(b"/sink"):
            self.requests.append(Request("sink", now_ns, len(body)))
            self.sink_bytes += len(body)
            if not self.stalls:
                connection.sendall(_answer(b""))
        elif target.endswith(b"/invocation/next"):
            self.requests.append(Request("runtime next", now_ns, 0))
            self._idle_runtime = connection
        elif target.endswith(b"/response"):
            self.requests.append(Request("runtime done", now_ns, len(body)))
            connection.sendall(_answer(b'{"status":"OK"}', content_type="application/json"))
        elif target.endswith(b"/register"):
            self.requests.append(Request("register", now_ns, 0))
            connection.sendall(_answer(b'{"functionName":"f"}', content_type="application/json"))
        else:
            uri = _URI.search(body)
            if uri is None:
                raise BenchError(f"an unknown request: {head[:80]!r}")
            self._sockets.destination_port = int(uri[1])
            self._sockets.destination_path = uri[2].decode() or "/"
            self.requests.append(Request("subscribe", now_ns, 0))
            connection.sendall(_answer(b'"OK"'))


def _invoke_event(identifier: str, deadline_ms: int) -> str:
    return (
        f'{{"eventType":"INVOKE","deadlineMs":{deadline_ms},"requestId":"{identifier}",'
        '"invokedFunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:f",'
        '"tracing":{"type":"X-Amzn-Trace-Id","value":'
        '"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}}'
    )


def _answer(body: bytes, *, content_type: str = "text/plain", head: str = "") -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{head}"
        f"Lambda-Extension-Identifier: {_IDENTIFIER}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
