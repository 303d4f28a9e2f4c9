"""ERROR_PATTERN under a bound: a search that takes too long is ended, and the pattern is given up.

Python's ``re`` can take exponential time on a hostile line. It looks for signals while it works, so a timer ends the
search; that works in the main thread only, which is where lines are read. The timer counts the process's own time,
since the environment may be frozen in the middle. A line whose search was ended counts as
found: what may be the line that is looked for is not lost.
"""

import signal
import types
from collections.abc import Callable

from .values import Pattern

MAX_SEARCH_S = 0.05
"""Of processor time, for one line. Ordinary patterns take microseconds; a function waits for this at most once."""


class _SearchTookTooLongError(Exception):
    pass


class GuardedPattern:
    """A compiled pattern that cannot stall the loop."""

    def __init__(self, pattern: Pattern, *, given_up: Callable[[], None]) -> None:
        """Takes the pattern, and what to call when it is given up."""
        self._pattern = pattern
        self._given_up = given_up
        self._active = True
        self._searching = False
        signal.signal(signal.SIGVTALRM, self._interrupt)

    def search(self, text: str) -> bool:
        """Tells whether the pattern is found in a line; False for good once it has been given up."""
        if not self._active:
            return False
        try:
            self._searching = True
            signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SEARCH_S)
            try:
                return bool(self._pattern.search(text))
            finally:
                self._searching = False
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except _SearchTookTooLongError:
            self._active = False
            self._given_up()
            return True

    def _interrupt(self, _signal: int, _frame: types.FrameType | None) -> None:
        # The signal may come when the search has just ended.
        if self._searching:
            raise _SearchTookTooLongError
