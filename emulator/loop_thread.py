"""Run an event loop in a thread of its own, for callers that have none."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import (
    TimeoutError as FutureTimeoutError,  # not yet the built-in one in 3.10
)
from typing import Any, TypeVar

from emulator.model.errors import EmulatorTimeout

T = TypeVar("T")


class LoopThread:
    """One event loop and its thread, from construction to ``close``."""

    def __init__(self, name: str, *, stop_timeout_s: float) -> None:
        self._stop_timeout_s = stop_timeout_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive()

    def call(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a coroutine on the loop and return its result.

        Raises:
            EmulatorTimeout: It took too long, and has been cancelled.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except FutureTimeoutError as error:
            if future.done():
                raise
            future.cancel()
            raise EmulatorTimeout(f"the emulator did not finish within {timeout_s:g} s") from error

    def close(self) -> None:
        """Cancel the tasks that still run, and end the thread."""
        try:
            self.call(self._cancel_tasks(), self._stop_timeout_s)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(self._stop_timeout_s)
            self._loop.close()

    async def _cancel_tasks(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
