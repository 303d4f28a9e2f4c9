"""``LocalLambda``: the emulator for a test or a script that has no event loop.

The emulator runs on an event loop in a thread of its own. Each method hands its work over and waits, with a bound.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from emulator.assembly import Assembled, assemble
from emulator.loop_thread import LoopThread
from emulator.machine.frames import Line
from emulator.model.errors import EmulatorTimeout, MisuseError
from emulator.model.function import Function
from emulator.model.invocation import InvokeResult
from emulator.model.journal import Journal
from emulator.options import Options, takes_keywords_of
from emulator.phases.init import InitResult
from emulator.phases.lifecycle import Lifecycle
from emulator.phases.shutdown import ShutdownResult
from emulator.telemetry.output import EVENT_OVERHEAD_BYTES, Output

T = TypeVar("T")
# Added to every bound of the environment itself, so that this one only speaks when the emulator is stuck.
SLACK_S = 30.0
NOT_RUNNING = "the emulator is not running; use it in a with block"


class LocalLambda:
    """A local Lambda for one function; a context manager.

    ``LocalLambda(function, layers=[...], ...)`` takes the fields of ``Options`` as keywords.

    Attributes:
        function: The function under test.
        journal: All that passed between the emulator and the processes.
        scratch: The directory that holds unpacked layers; it goes with the ``with`` block.
    """

    @takes_keywords_of(Options)
    def __init__(self, function: Function, options: Options) -> None:
        if options.root is not None and (
            function.family != "provided" or options.isolation == "relocated"
        ):
            raise MisuseError(
                "a root file system of its own takes a custom runtime (provided…) and a mount namespace"
            )
        self.function = function
        self.journal = Journal()
        self.scratch: Path | None = None
        self._options = options
        self._loop: LoopThread | None = None
        self._assembled: Assembled | None = None

    # Start and stop.

    def __enter__(self) -> "LocalLambda":  # noqa: PYI034 - typing.Self is not in Python 3.10
        """Unpack the layers, start the APIs. The init phase runs with the first invocation."""
        self.scratch = Path(tempfile.mkdtemp(prefix="local-lambda-"))
        self._loop = LoopThread("local-lambda", stop_timeout_s=SLACK_S)
        try:
            self._assembled = self.run(
                assemble(self.function, self._options, journal=self.journal, scratch=self.scratch)
            )
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
        if self._loop is None or self.scratch is None:
            return
        try:
            if self._assembled is not None:
                self.run(self._assembled.stop(), self._options.shutdown_ms / 1e3 + SLACK_S)
        finally:
            self._loop.close()
            self._loop = None
            shutil.rmtree(self.scratch, ignore_errors=True)

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = SLACK_S) -> T:
        """Run a coroutine on the emulator's event loop and return its result.

        Raises:
            EmulatorTimeout: It took too long.
            MisuseError: The emulator is not running.
        """
        if self._loop is None:
            work.close()
            raise MisuseError(NOT_RUNNING)
        return self._loop.call(work, timeout_s)

    def wait_until_interrupted(self) -> None:
        """Block until KeyboardInterrupt."""
        # Not with Thread.join: before Python 3.13 an interrupted join takes the thread for ended.
        while self._loop is not None and self._loop.alive:
            time.sleep(0.2)

    @property
    def isolation(self) -> str:
        """How the environment is isolated: ``namespace`` or ``relocated``; empty before the ``with`` block."""
        return self._assembled.isolation if self._assembled else ""

    @property
    def running_lifecycle(self) -> Lifecycle:
        """The part that runs on the event loop.

        Raises:
            MisuseError: The ``with`` block has not begun.
        """
        if self._assembled is None:
            raise MisuseError(NOT_RUNNING)
        return self._assembled.lifecycle

    @property
    def _bound_s(self) -> float:
        options, timeout_ms = self._options, self.function.timeout_ms
        inits_ms = options.init_timeout_ms + timeout_ms
        whole_ms = inits_ms + timeout_ms + 3 * options.shutdown_ms + options.settle_ms
        return whole_ms / 1e3 + SLACK_S

    # What a test does.

    def initialise(self) -> InitResult:
        """Run the init phase now, unless an environment is there, and return its result."""
        return self.run(self.running_lifecycle.initialise(), self._bound_s)

    def invoke(
        self,
        payload: Any = None,
        *,
        trace_id: str | None = None,
        request_id: str | None = None,
    ) -> InvokeResult:
        """Invoke the function, and return when the invocation has ended for the extensions too."""

        async def work() -> InvokeResult:
            invocation = self.running_lifecycle.make(_encoded(payload), trace_id, request_id)
            return await self.running_lifecycle.invoke(invocation)

        return self.run(work(), self._bound_s)

    def invoke_concurrently(self, payloads: Sequence[Any]) -> list[InvokeResult]:
        """Invoke the function several times at once; on Managed Instances only.

        Raises:
            MisuseError: The mode is not Managed Instances.
        """

        async def work() -> list[InvokeResult]:
            made = [self.running_lifecycle.make(_encoded(p), None, None) for p in payloads]
            return await self.running_lifecycle.invoke_together(made)

        return self.run(work(), self._bound_s)

    def shutdown(self, reason: str = "spindown") -> ShutdownResult | None:
        """End the environment; return None if there was none."""
        return self.run(self.running_lifecycle.shutdown(reason), self._bound_s)

    def freeze(self) -> None:
        """Stop the environment's processes and timers."""

        async def work() -> None:
            self.running_lifecycle.freeze()

        self.run(work())

    def thaw(self) -> None:
        """Let the environment run on."""

        async def work() -> None:
            self.running_lifecycle.thaw()

        self.run(work())

    def deliver(
        self, events: list[Any] | bytes, *, extension: str | None = None
    ) -> dict[str, int | None]:
        """Post a list of events, or raw bytes, to the subscribers; return the status by subscriber."""
        return self.run(self.running_lifecycle.deliver(events, extension))

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Poll a condition until it is true.

        Raises:
            EmulatorTimeout: The time ran out first.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise EmulatorTimeout(f"the condition did not hold within {timeout_s:g} s")
            time.sleep(0.005)

    # What a test looks at.

    @property
    def _output(self) -> Output:
        return self.running_lifecycle.setting.output

    @property
    def written(self) -> list[Line]:
        """Every line of the function, in the order it was read."""
        return self._output.snapshot(self._output.written)

    def lines(self, request_id: str) -> list[str]:
        """Return the texts of one invocation's lines."""
        return [line.text for line in self.written if line.request_id == request_id]

    @property
    def extension_output(self) -> list[Line]:
        """The lines of the extensions' stdout and stderr."""
        return self._output.snapshot(self._output.extension_lines)

    @property
    def cloudwatch(self) -> list[Line]:
        """The lines that CloudWatch would store, the platform's own included."""
        return self._output.snapshot(self._output.cloudwatch)

    @property
    def cloudwatch_bytes(self) -> int:
        """The size of these lines as CloudWatch counts: UTF-8 bytes plus 26 for each."""
        return sum(len(line.text.encode()) + EVENT_OVERHEAD_BYTES for line in self.cloudwatch)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event as a dict."""
        return [
            event.as_dict() for event in list(self.running_lifecycle.setting.telemetry.all_events)
        ]

    @property
    def last_shutdown(self) -> ShutdownResult | None:
        """The end of the last environment, also after a timeout or a crash."""
        return self.running_lifecycle.last_shutdown


def _encoded(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()
