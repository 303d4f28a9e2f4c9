"""Decide when one environment fetches settings that are references, and when it puts them in force.

Promises: each refresh belongs to a multiple of the interval on the wall clock. It is fetched at a random moment of the
interval before, so that the calls of many environments are spread, and put in force at the multiple, in all of them
together. The first fetch is at once, and so is one whose multiple passed while the environment was frozen. An attempt
that failed and may pass is made again after a fully random pause, until it succeeds. One that is still failing when its
multiple comes goes over to the next one. An environment that is throttled leaves out multiples for a while.

Pure: clock and randomness are handed in.
"""

from collections.abc import Callable

from extension.model.receipt import Receipt

FIRST_BASE_S = 0.5
"""Bound on the first pause of the first fetch, doubled with each failure: deliveries may wait for it."""

FIRST_CAP_S = 60.0
"""Bound on each pause of the first fetch. A function that scales up to 10,000 environments asks 100 times a second until
GetParameters, with its 40 a second, has answered them all; a longer pause would hold lines back without need."""

REFRESH_BASE_S = 10.0
"""The same for a refresh, which nobody waits for: the known values are in force. Its bound is the interval."""

MAX_DOUBLINGS = 16
"""Bound on the exponent: the caps are reached long before, and a power without bound would overflow."""

MAX_STRIDE = 4
"""Most multiples from one refresh to the next of an environment that is throttled: at 5 minutes, a change is known within
20 minutes to an environment that has to ask so rarely."""

CALM_REFRESHES = 24
"""Refreshes in a row without throttling before an environment asks twice as often again. To find out sooner whether the
quota is still used up would be at other callers' cost: with 10,000 environments and 20 calls a second of others, 2 % of
theirs are refused; with 12 refreshes it would be 3 % (simulated, 40 calls a second)."""


class RefreshSchedule:
    """Pace the fetches of one environment. All times are in seconds since 1970.

    Attributes:
        stride: how many multiples lie from one refresh to the next.
    """

    def __init__(self, *, interval_s: float, random: Callable[[], float]) -> None:
        """Let the first fetch be due. ``random`` returns numbers in [0, 1)."""
        self._interval_s = interval_s
        self._random = random
        self.stride = 1
        self._calm = 0
        self.restart()

    def restart(self) -> None:
        """Let a first fetch be due: none has ended yet, or this is a copy of a snapshot."""
        self._is_first = True
        self._at_s = self._multiple_s = 0.0
        self._failures = 0
        self._was_throttled = False

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until a fetch is due."""
        wait_s = self._at_s - now_s
        # A clock that was set back must not delay the next fetch.
        return max(wait_s, 0.0) if wait_s <= (self.stride + 1) * self._interval_s else 0.0

    def begin(self, now_s: float) -> float:
        """Note that a fetch begins; return when to put its result in force, 0.0 for at once."""
        if self._multiple_s > now_s + (self.stride + 1) * self._interval_s:
            self._multiple_s = 0.0
        elif self._multiple_s and now_s >= self._multiple_s:
            goes_over = self._failures and now_s < self._multiple_s + self._interval_s
            self._multiple_s = self._multiple_after(now_s) if goes_over else 0.0
        return self._multiple_s

    def failed(self, now_s: float, receipt: Receipt) -> None:
        """Pause after an attempt that failed and may pass, as the receipt tells."""
        is_first = self._is_first
        self._was_throttled |= receipt.is_throttled and not is_first
        base_s, cap_s = (
            (FIRST_BASE_S, FIRST_CAP_S) if is_first else (REFRESH_BASE_S, self._interval_s)
        )
        pause_s = self._random() * min(cap_s, base_s * 2 ** min(self._failures, MAX_DOUBLINGS))
        asked_s = min(receipt.retry_after_s or 0.0, cap_s) * (1.0 + self._random())
        self._failures += 1
        self._at_s = now_s + max(pause_s, asked_s)

    def settled(self, now_s: float) -> None:
        """Plan the next refresh after a fetch that is not to be repeated: all was fetched, or the rest was denied."""
        last_s = self._multiple_s or self._multiple_after(now_s) - self._interval_s
        steps = self.stride if self._is_first else self._adapted_steps()
        self._is_first = self._was_throttled = False
        self._failures = 0
        self._plan(last_s, steps, now_s)

    def change_interval(self, interval_s: float, now_s: float) -> None:
        """Go by another interval from now on. Pauses of a fetch that failed stay."""
        if interval_s == self._interval_s:
            return
        self._interval_s = interval_s
        if not (self._is_first or self._failures):
            self._plan(self._multiple_after(now_s) - interval_s, self.stride, now_s)

    def _plan(self, last_s: float, steps: int, now_s: float) -> None:
        """Draw the moment of the refresh so many multiples after the last one."""
        self._multiple_s = last_s + steps * self._interval_s
        self._at_s = self._multiple_s - self._interval_s * (1.0 - self._random())
        if self._at_s <= now_s:
            # What is known was fetched behind this moment, so it is as good as that refresh.
            self._multiple_s += self._interval_s
            self._at_s = self._multiple_s - self._interval_s * (1.0 - self._random())

    def _adapted_steps(self) -> int:
        """Adapt the stride to the refresh that has ended; return the multiples to the next one."""
        if not self._was_throttled:
            self._calm += 1
            if self._calm >= CALM_REFRESHES and self.stride > 1:
                self.stride //= 2
                self._calm = 0
            return self.stride
        self._calm = 0
        self.stride = min(2 * self.stride, MAX_STRIDE)
        # Those that were throttled together do not leave out the same multiples.
        return 1 + int(self._random() * self.stride)

    def _multiple_after(self, now_s: float) -> float:
        return (now_s // self._interval_s + 1) * self._interval_s
