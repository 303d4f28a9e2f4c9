"""``LocalLambda``: the emulator for a test or a script that has no event loop.

Everything runs on a loop in a thread of its own; each method hands over and waits, with a bound. Longer than most modules:
it is all that a user of the emulator calls, in one place.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import threading
import time
import uuid
from concurrent.futures import (
    TimeoutError as FutureTimeoutError,  # not yet the built-in one in 3.10
)
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from emulator.machine.filesystem import Places, RootFileSystem, unpack_layers
from emulator.machine.processes import Child, Processes
from emulator.machine.runtimes import (
    Interpreter,
    find_node,
    node_client,
    python_client,
    runtime_version,
)
from emulator.model.clock import Clock
from emulator.model.errors import EmulatorTimeout, IsolationRefused, MisuseError
from emulator.model.http1 import Request, Response, Server
from emulator.model.journal import Journal
from emulator.model.variations import Variations
from emulator.phases.environment import Setting
from emulator.phases.lifecycle import Lifecycle
from emulator.telemetry.batcher import DeliveryPolicy
from emulator.telemetry.hub import Telemetry
from emulator.telemetry.output import EVENT_OVERHEAD_BYTES, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from types import TracebackType

    from emulator.machine.frames import Line, RawRecord
    from emulator.model.function import Function
    from emulator.model.invocation import Invocation, InvokeResult
    from emulator.phases.init import InitResult
    from emulator.phases.shutdown import ShutdownResult

__all__ = ["Isolation", "LocalLambda"]

Isolation = Literal["auto", "namespace", "relocated"]
T = TypeVar("T")
# Added to every bound of the environment itself, so that this one only speaks when the emulator is stuck.
SLACK_S = 30.0


class LocalLambda:
    """A local Lambda for one function; a context manager. See the README for the arguments."""

    def __init__(  # noqa: PLR0913 - the one front door: every argument is keyword-only and has its line in the README
        self,
        function: Function,
        *,
        layers: Sequence[Path] = (),
        variations: Variations | None = None,
        managed_instances: bool = False,
        max_concurrency: int = 4,
        isolation: Isolation = "auto",
        interpreter: Path | None = None,
        runtime_client: Path | None = None,
        node: Path | None = None,
        root: RootFileSystem | None = None,
        freeze: bool = True,
        settle_ms: float = 0,
        init_timeout_ms: float = 10_000,
        shutdown_ms: int = 2_000,
        delivery: DeliveryPolicy | None = None,
        environ: Mapping[str, str] | None = None,
        on_line: Callable[[Line], None] | None = None,
    ) -> None:
        """Check and remember; nothing is started before the ``with`` block."""
        self.function = function
        self.journal = Journal()
        self.isolation = ""
        self._layers = [Path(layer) for layer in layers]
        self._variations = variations or Variations()
        self._managed = managed_instances
        self._max_concurrency = max_concurrency
        self._wanted_isolation = isolation
        self._interpreter = interpreter
        self._runtime_client = runtime_client
        self._node = node
        self._root = root
        if root is not None and (function.family != "provided" or isolation == "relocated"):
            msg = "a root file system of its own takes a custom runtime (provided…) and a mount namespace"
            raise MisuseError(msg)
        self._freeze = freeze
        self._settle_ms = settle_ms
        self._init_timeout_ms = init_timeout_ms
        self._shutdown_ms = shutdown_ms
        self._delivery = delivery or DeliveryPolicy()
        self._environ = dict(environ or {})
        self._on_line = on_line
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._scratch: Path | None = None
        self._server: Server | None = None
        self.lifecycle: Lifecycle | None = None

    # Start and stop.

    def __enter__(self) -> LocalLambda:  # noqa: PYI034 - typing.Self is not in Python 3.10
        """Unpack the layers, start the APIs. The init phase runs with the first invocation."""
        self._scratch = Path(tempfile.mkdtemp(prefix="local-lambda-"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="local-lambda", daemon=True
        )
        self._thread.start()
        try:
            self._call(self._start(self._scratch), SLACK_S)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Shut the environment down and remove everything."""
        self._close()

    def _close(self) -> None:
        if self._loop is None:
            return
        try:
            self._call(self._stop(), self._shutdown_ms / 1e3 + SLACK_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            assert self._thread is not None  # noqa: S101 - for the type checker; the caller sees to it
            self._thread.join(SLACK_S)
            self._loop.close()
            self._loop = None
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)

    async def _stop(self) -> None:
        if self.lifecycle is not None:
            await self.lifecycle.stop()
        if self._server is not None:
            await self._server.stop()
        rest = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _start(self, scratch: Path) -> None:
        clock = Clock()
        telemetry = Telemetry(
            clock=clock, journal=self.journal, variations=self._variations, policy=self._delivery
        )
        output = Output(self.function, telemetry)
        output.on_line = self._on_line
        output.attribute_by_line = self._managed
        opt = unpack_layers(self._layers, scratch)
        interpreter = Interpreter.of(self._interpreter)
        client, node = self._runtime_client, None
        if self.function.family == "python":
            client = client or python_client(interpreter)
        elif self.function.family == "nodejs":
            node = find_node(self._node)
            client = client or node_client(node)
        sources: dict[str, Any] = {
            "opt": opt,
            "task": Path(self.function.code).resolve(),  # noqa: ASYNC240 - once, before anything runs
            # What a root file system has not got itself is not there.
            "lang": interpreter.prefix if self._root is None else None,
            "runtime": None if client is None else client.resolve(),
        }

        def record(child: Child, channel: str, raw: RawRecord) -> None:
            output.record(child, channel, raw)

        processes = Processes(self.journal, record)
        places = await self._isolate(processes, sources, scratch)

        async def answer(request: Request) -> Response | None:
            return await self._life.handle(request)

        self._server = Server(answer)
        await self._server.start()
        day = time.strftime("%Y/%m/%d", time.gmtime())
        setting = Setting(
            function=self.function,
            variations=self._variations,
            managed_instances=self._managed,
            max_concurrency=self._max_concurrency,
            clock=clock,
            journal=self.journal,
            telemetry=telemetry,
            output=output,
            processes=processes,
            places=places,
            opt=opt,
            node=node,
            shutdown_ms=self._shutdown_ms,
            log_stream=f"{day}/[{self.function.version}]{uuid.uuid4().hex}",
            variables=self._environ,
            runtime_version=runtime_version(self.function, interpreter),
            api_address=f"127.0.0.1:{self._server.port}",
        )
        self.lifecycle = Lifecycle(
            setting,
            freeze=self._freeze,
            settle_ms=self._settle_ms,
            init_timeout_ms=self._init_timeout_ms,
        )

    async def _isolate(
        self, processes: Processes, sources: dict[str, Any], scratch: Path
    ) -> Places:
        if self._wanted_isolation != "relocated":
            places = Places.mounted(**sources)
            mountpoint = scratch / "mountpoint"
            mountpoint.mkdir()
            mounts = list(places.mounts)
            if self._root is not None:
                temporary = scratch / "tmp"
                temporary.mkdir()
                temporary.chmod(0o1777)
                mounts = self._root.mounts(places.mounts, temporary)
            refused = await processes.start(mounts, mountpoint, self._root)
            if refused is None:
                self.isolation = "namespace"
                return places
            if self._wanted_isolation == "namespace" or self._root is not None:
                await processes.stop()
                msg = f"this machine refuses a mount namespace: {refused}"
                raise IsolationRefused(msg)
            await processes.stop()
        await processes.start([], scratch)
        self.isolation = "relocated"
        return Places.relocated(scratch, **sources)

    def _call(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        if self._loop is None:
            work.close()
            msg = "the emulator is not running; use it in a with block"
            raise MisuseError(msg)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except FutureTimeoutError as error:
            if future.done():
                raise
            future.cancel()
            msg = f"the emulator did not finish within {timeout_s:g} s"
            raise EmulatorTimeout(msg) from error

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = SLACK_S) -> T:
        """Run a coroutine on the emulator's event loop and give its result.

        Raises:
            EmulatorTimeout: It took too long.
        """
        return self._call(work, timeout_s)

    @property
    def scratch(self) -> Path | None:
        """The directory that holds unpacked layers; it goes with the ``with`` block."""
        return self._scratch

    def wait_until_interrupted(self) -> None:
        """Block until KeyboardInterrupt."""
        # Not with Thread.join: before Python 3.13 an interrupted join takes the thread for ended.
        while self._thread is not None and self._thread.is_alive():
            time.sleep(0.2)

    @property
    def running_lifecycle(self) -> Lifecycle:
        """The part that runs on the event loop.

        Raises:
            MisuseError: Outside the ``with`` block.
        """
        return self._life

    @property
    def _life(self) -> Lifecycle:
        if self.lifecycle is None:
            msg = "the emulator is not running; use it in a with block"
            raise MisuseError(msg)
        return self.lifecycle

    @property
    def _bound_s(self) -> float:
        inits_ms = self._init_timeout_ms + self.function.timeout_ms
        whole_ms = inits_ms + self.function.timeout_ms + 3 * self._shutdown_ms + self._settle_ms
        return whole_ms / 1e3 + SLACK_S

    # What a test does.

    def initialise(self) -> InitResult:
        """Run the init phase now, unless there is an environment; give how it went."""
        return self._call(self._life.initialise(), self._bound_s)

    def invoke(
        self,
        payload: Any = None,
        *,
        trace_id: str | None = None,
        request_id: str | None = None,
    ) -> InvokeResult:
        """Invoke, and return when the invocation has ended, extensions included."""

        async def work() -> InvokeResult:
            invocation = self._life.make(_encoded(payload), trace_id, request_id)
            return await self._life.invoke(invocation)

        return self._call(work(), self._bound_s)

    def invoke_concurrently(self, payloads: Sequence[Any]) -> list[InvokeResult]:
        """Invoke several times at once; Managed Instances only.

        Raises:
            MisuseError: Not in Managed Instances mode.
        """

        async def work() -> list[InvokeResult]:
            made: list[Invocation] = [self._life.make(_encoded(p), None, None) for p in payloads]
            return await self._life.invoke_together(made)

        return self._call(work(), self._bound_s)

    def shutdown(self, reason: str = "spindown") -> ShutdownResult | None:
        """End the environment; None if there is none."""
        return self._call(self._life.shutdown(reason), self._bound_s)

    def freeze(self) -> None:
        """Stop the environment."""
        self._call(self._soon(self._life.freeze), SLACK_S)

    def thaw(self) -> None:
        """Let the environment run on."""
        self._call(self._soon(self._life.thaw), SLACK_S)

    async def _soon(self, action: Callable[[], None]) -> None:
        action()

    def deliver(
        self, events: list[Any] | bytes, *, extension: str | None = None
    ) -> dict[str, int | None]:
        """Post a hand-made list of events, or raw bytes, to the subscribers; give each one's status."""
        return self._call(self._life.deliver(events, extension), SLACK_S)

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Wait until a condition holds.

        Raises:
            EmulatorTimeout: It did not within the time.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                msg = f"the condition did not hold within {timeout_s:g} s"
                raise EmulatorTimeout(msg)
            time.sleep(0.005)

    # What a test looks at.

    @property
    def written(self) -> list[Line]:
        """Every line of the function, in the order it was read."""
        output = self._life.setting.output
        with output.lock:
            return list(output.written)

    def lines(self, request_id: str) -> list[str]:
        """Texts of one invocation's lines."""
        return [line.text for line in self.written if line.request_id == request_id]

    @property
    def extension_output(self) -> list[Line]:
        """Lines of the extensions' stdout and stderr."""
        output = self._life.setting.output
        with output.lock:
            return list(output.extension_lines)

    @property
    def cloudwatch(self) -> list[Line]:
        """Everything CloudWatch would store, the platform's own lines included."""
        output = self._life.setting.output
        with output.lock:
            return list(output.cloudwatch)

    @property
    def cloudwatch_bytes(self) -> int:
        """Size of it as CloudWatch counts: UTF-8 bytes plus 26 an event."""
        return sum(len(line.text.encode()) + EVENT_OVERHEAD_BYTES for line in self.cloudwatch)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event as a dict."""
        return [event.as_dict() for event in list(self._life.setting.telemetry.all_events)]

    @property
    def last_shutdown(self) -> ShutdownResult | None:
        """How the last environment ended, also after a timeout or a crash."""
        return self._life.last_shutdown


def _encoded(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()
