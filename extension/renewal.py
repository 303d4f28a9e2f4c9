"""Settings that are references: fetched beside everything else, and again at the multiples of REFRESH_INTERVAL.

Promises: nothing waits for a fetch but what names the sinks; a fetch that fails leaves what was known in force, and is
told. All environments fetch at the same moment of the clock, so that they change together: a rate can be turned up
during an incident, without a deployment. An environment that was frozen at that moment fetches when it thaws.
"""

import time
from collections.abc import Callable

from .references import Fetched, Refresher, next_refresh_s


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
