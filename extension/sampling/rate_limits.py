"""Limit how many invocations are kept a minute, or make sure that some are (KEEP_AT_LEAST, KEEP_AT_MOST)."""

from extension.config.parsers import Pace


class Floor:
    """KEEP_AT_LEAST: a healthy invocation now and then, so that a quiet function is never out of sight.

    Due at a pace, whatever the draw says of this one; what the draw kept before counts towards it.
    """

    __slots__ = ("_due_ms", "_interval_ms", "_pace")

    def __init__(self) -> None:
        self._pace: Pace | None = None
        self._interval_ms = 0.0
        self._due_ms: float | None = None

    def apply(self, pace: Pace | None) -> None:
        """Takes KEEP_AT_LEAST, at first or when it may have changed."""
        if pace != self._pace:
            self._pace, self._due_ms = pace, None
            self._interval_ms = pace.per_ms / pace.invocations if pace is not None else 0.0

    def is_due(self, now_ms: int) -> bool:
        """Tells whether one is to be kept.

        A clock that was set back does not put it off for longer than the pace does.
        """
        if self._pace is None:
            return False
        due_ms = self._due_ms
        return due_ms is None or now_ms >= due_ms or now_ms < due_ms - self._interval_ms

    def kept(self, now_ms: int) -> None:
        """Takes note that a healthy invocation is kept, whatever for."""
        self._due_ms = now_ms + self._interval_ms


class Ceiling:
    """KEEP_AT_MOST: how many failed invocations are delivered whole when everything fails.

    As many as the pace names may come at once, and then one for each interval that passes: it ends by itself.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._left = float(pace.invocations)
        self._at_ms: int | None = None

    def admits(self, now_ms: int) -> bool:
        """Tells whether one more may go whole, and counts it if so."""
        if self._at_ms is not None:
            # Clocks that jump back give nothing, those that jump ahead no more than there is room for.
            passed_ms = max(now_ms - self._at_ms, 0)
            gained = passed_ms * self._pace.invocations / self._pace.per_ms
            self._left = min(self._left + gained, float(self._pace.invocations))
        self._at_ms = now_ms
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
