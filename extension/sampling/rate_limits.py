"""Rate limits: how many invocations are kept at least and at most (KEEP_AT_LEAST, KEEP_AT_MOST).

Pure: times are those of Lambda's events. Loaded only where a limit is set.
"""

from extension.config.parsers import Pace


class Floor:
    """Apply KEEP_AT_LEAST: keep a healthy invocation now and then, so that a quiet function stays in sight.

    It is due at the pace, whatever the draw says of this one. Invocations that the draw keeps count towards it.
    """

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._interval_ms = pace.per_ms / pace.invocations
        self._due_ms: float | None = None

    def is_due(self, now_ms: int) -> bool:
        """Tell whether one is to be kept. A clock that was set back delays it by no more than the pace."""
        due_ms = self._due_ms
        return due_ms is None or now_ms >= due_ms or now_ms < due_ms - self._interval_ms

    def kept(self, now_ms: int) -> None:
        """Count a kept healthy invocation."""
        self._due_ms = now_ms + self._interval_ms


class Ceiling:
    """Apply KEEP_AT_MOST: limit how many failed invocations are delivered whole when everything fails.

    As many as the pace names may come at once, and then one in each interval: the limit ends by itself.
    """

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._left = float(pace.invocations)
        self._at_ms: int | None = None

    def admits(self, now_ms: int) -> bool:
        """Tell whether one more may be delivered whole, and count it if so."""
        if self._at_ms is not None:
            # A clock that jumps back gains nothing, one that jumps ahead no more than there is room for.
            passed_ms = max(now_ms - self._at_ms, 0)
            gained = passed_ms * self.pace.invocations / self.pace.per_ms
            self._left = min(self._left + gained, float(self.pace.invocations))
        self._at_ms = now_ms
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
