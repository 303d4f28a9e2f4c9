"""Whether to hold ``/event/next`` until an invocation's outcome is known: FLUSH, and the gaps seen.

Holding costs what Lambda takes to tell of the end, 25 ms and a little, billed on every invocation it is done for; not
holding costs nothing, but what failed is delivered with the next invocation, since the environment freezes. So hold
where the next invocation is far off, and don't where it is near. Nothing is lost either way.

Pure: times are passed in. They are those of INVOKE's ``deadlineMs``, which are Lambda's own clock: the environment's
may stand still or jump while it is frozen.
"""

from collections import deque

from extension.config.parsers import Flush
from extension.recorder.invocation import Invocation

NEAR_MS = 1500
"""The next invocation is near if it comes within this: a failure is then delivered about as soon as it is read."""

GAPS_LOOKED_AT = 4
"""All of the last gaps must be near: one long silence, and the next invocations are held again."""


class Hold:
    """An invocation for which Next is being held. Times are of a clock that does not jump, in seconds.

    Attributes:
        request_id: as INVOKE names it.
        deadline_s: when Next is asked for in any case.
        invocation: what is known of it, once its start has been seen.
        ended_s: when its end was seen; 0 before.
        flush_until_s: when what is owed is waited for no longer; 0 before the end.
    """

    __slots__ = ("deadline_s", "ended_s", "flush_until_s", "invocation", "request_id")

    def __init__(self, request_id: str, *, deadline_s: float) -> None:
        self.request_id = request_id
        self.deadline_s = deadline_s
        self.invocation: Invocation | None = None
        self.ended_s = 0.0
        self.flush_until_s = 0.0


class FlushControl:
    """Decides for each INVOKE. Starts by holding: the first invocation of a quiet function may be its last today.

    Attributes:
        flush: FLUSH, which may change.
    """

    __slots__ = ("_deadline_ms", "_gaps_ms", "_telemetry_missing", "flush")

    def __init__(self, flush: Flush, *, ends_are_told: bool = True) -> None:
        """Takes FLUSH, and whether Lambda tells of ends before Next: the Logs API's first schema does not."""
        self.flush = flush
        self._deadline_ms: int | None = None
        self._gaps_ms: deque[int] = deque(maxlen=GAPS_LOOKED_AT)
        self._telemetry_missing = not ends_are_told

    def holds(self, *, deadline_ms: int) -> bool:
        """Takes an INVOKE's ``deadlineMs``, and tells whether to hold for that invocation."""
        if self._deadline_ms is not None:
            self._gaps_ms.append(deadline_ms - self._deadline_ms)
        self._deadline_ms = deadline_ms
        if self._telemetry_missing or self.flush is Flush.BACKGROUND:
            return False
        return self.flush is Flush.END or not self.next_is_near

    @property
    def next_is_near(self) -> bool:
        """Whether the gaps seen say that the next invocation comes within seconds."""
        gaps = self._gaps_ms
        return len(gaps) == GAPS_LOOKED_AT and all(0 <= gap <= NEAR_MS for gap in gaps)

    def give_up(self) -> None:
        """Takes note that an end never came, so that holding would cost the whole timeout each time."""
        self._telemetry_missing = True
