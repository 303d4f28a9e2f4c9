"""Settings that are references: fetched beside everything else, and again at the multiples of REFRESH_INTERVAL.

Promises: nothing waits for a fetch but what names the sinks; a fetch that fails leaves what was known in force, and is
told. All environments fetch at the same moment of the clock, so that they change together: a rate can be turned up
during an incident, without a deployment. An environment that was frozen at that moment fetches when it thaws.
"""

import os
import threading
import time
from collections.abc import Callable

from extension.config.references import Fetched, References, next_refresh_s


class Refresher:
    """Fetches on a thread of its own, one fetch at a time. Used by the main loop.

    Attributes:
        descriptor: becomes readable when something can be collected.
        busy: whether a fetch is under way, or what it brought has not been collected.
    """

    def __init__(self, references: References) -> None:
        """Takes what fetches."""
        self._references = references
        self._fetched: Fetched | None = None
        self.descriptor, self._announce = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.busy = False

    def start_fetch(self) -> None:
        """Begins a fetch, unless one is under way."""
        if self.busy:
            return
        self.busy = True
        # A thread for each: one that waits for the next hour's refresh would hold its stack's memory all the while.
        thread = threading.Thread(target=self._run, name="references", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The environment's 1,024 threads and processes are shared with the function.
            self._settle(self._references.last_known("no thread can be started"))

    def collect(self) -> Fetched | None:
        """Gives what was fetched, once it is there."""
        try:
            os.read(self.descriptor, 64)
        except BlockingIOError:
            return None
        self.busy = False
        return self._fetched

    def _run(self) -> None:
        try:
            fetched = self._references.fetch()
        except Exception as error:  # noqa: BLE001 - the settings stay; what broke is said by its type alone
            fetched = self._references.last_known(f"internal error: {type(error).__name__}")
        self._settle(fetched)

    def _settle(self, fetched: Fetched) -> None:
        self._fetched = fetched
        os.write(self._announce, b"!")


class Renewal:
    """When to fetch, and what for. Used by the main loop."""

    __slots__ = ("_apply", "_interval_s", "_next_s", "_refresher", "_wall_s")

    def __init__(
        self,
        refresher: Refresher,
        *,
        interval_s: float,
        apply: Callable[[Fetched], None],
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Takes what fetches, how often, and what is to be done with what came.

        Args:
            refresher: fetches, on a thread of its own.
            interval_s: REFRESH_INTERVAL.
            apply: called on the main loop's thread.
            wall_s: the time of day, in seconds since 1970.
        """
        self._refresher = refresher
        self._interval_s = interval_s
        self._apply = apply
        self._wall_s = wall_s
        self._next_s = 0.0

    @property
    def descriptor(self) -> int:
        """Becomes readable when something has been fetched."""
        return self._refresher.descriptor

    def wait_s(self) -> float:
        """Gives the seconds until the next fetch."""
        return max(0.0, self._next_s - self._wall_s())

    def check(self) -> None:
        """Begins to fetch, if it is time."""
        now_s = self._wall_s()
        # A clock that was set back must not put the next fetch off for longer than an interval.
        if now_s < self._next_s <= now_s + self._interval_s or self._refresher.busy:
            return
        self._next_s = next_refresh_s(now_s, interval_s=self._interval_s)
        self._refresher.start_fetch()

    def attend(self, descriptor: int) -> bool:
        """Takes what was fetched, if ``descriptor`` is ours; tells whether it is."""
        if descriptor != self._refresher.descriptor:
            return False
        fetched = self._refresher.collect()
        if fetched is not None:
            self._apply(fetched)
        return True
