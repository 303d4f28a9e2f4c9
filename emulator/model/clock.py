"""Keep the time of the microVM, which stands still while the environment is frozen.

The batch buffers of the Logs and Telemetry APIs live inside the frozen microVM, so their timers, reply time-outs and
back-off pauses must not run on while the processes are stopped.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from emulator.model.errors import EmulatorTimeout

T = TypeVar("T")


class Clock:
    """Monotonic time less the time spent frozen; belongs to one event loop."""

    def __init__(self) -> None:
        self._frozen_ns = 0
        self._frozen_since: int | None = None
        self._running = asyncio.Event()
        self._running.set()

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_since is not None

    def now_ns(self) -> int:
        """Return the running time in nanoseconds."""
        now = time.monotonic_ns() if self._frozen_since is None else self._frozen_since
        return now - self._frozen_ns

    def freeze(self) -> None:
        """Stop the clock; harmless when it is stopped."""
        if self._frozen_since is None:
            self._frozen_since = time.monotonic_ns()
            self._running.clear()

    def thaw(self) -> None:
        """Let the clock run on; harmless when it runs."""
        if self._frozen_since is not None:
            self._frozen_ns += time.monotonic_ns() - self._frozen_since
            self._frozen_since = None
            self._running.set()

    async def running(self) -> None:
        """Wait until the clock runs."""
        await self._running.wait()

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds of running time."""
        target = self.now_ns() + int(seconds * 1e9)
        while True:
            await self._running.wait()
            left_ns = target - self.now_ns()
            if left_ns <= 0:
                return
            await asyncio.sleep(left_ns / 1e9)

    async def bounded(self, work: Awaitable[T], seconds: float) -> T:
        """Await work for at most so many seconds of running time.

        Raises:
            EmulatorTimeout: It took longer; the work has been cancelled.
        """
        task = asyncio.ensure_future(work)
        target = self.now_ns() + int(seconds * 1e9)
        try:
            while True:
                done, _ = await asyncio.wait(
                    {task}, timeout=max(0.0, (target - self.now_ns()) / 1e9)
                )
                if done:
                    return task.result()
                await self._running.wait()
                if self.now_ns() >= target:
                    raise EmulatorTimeout(f"no answer within {seconds:g} s")
        finally:
            task.cancel()
            # The awaiting task was cancelled: nobody needs the result of the work, or a warning about it.
            task.add_done_callback(lambda t: t.cancelled() or t.exception())
