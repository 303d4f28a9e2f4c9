"""Whether to hold ``/event/next`` until an invocation's outcome is known: FLUSH, and the gaps seen.

Holding costs the time that Lambda takes to report the end, 25 ms and a little, billed on every invocation that is held.
Not holding costs nothing, but a failure is delivered with the next invocation, because the environment freezes. So Next
is held where the next invocation is far off, and not where it is near. Nothing is lost either way.

Pure: times are passed in. They come from INVOKE's ``deadlineMs``, which is Lambda's own clock. The environment's clock
may stand still or jump while it is frozen.
"""

from collections import deque

from extension.config.parsers import Flush
from extension.config.settings import Settings
from extension.recorder.invocation import Invocation

NEAR_MS = 1500
"""The next invocation is near if it comes within this time. A failure is then delivered about as soon as it is read."""

GAPS_LOOKED_AT = 4
"""All of the last gaps must be short. After one long gap, the next invocations are held again."""


class Hold:
    """Note the times of an invocation for which Next is held, in seconds of a clock that does not jump.

    Attributes:
        deadline_s: when Next is called in any case.
        invocation: in the recorder, once its start has been seen.
        ended_s: when its end was seen; 0 before.
        flush_until_s: when Next is called although a delivery is not over; 0 before the end.
    """

    def __init__(
        self, request_id: str, invocation: Invocation | None, *, deadline_s: float
    ) -> None:
        self.request_id = request_id
        self.invocation = invocation
        self.deadline_s = deadline_s
        self.ended_s = 0.0
        self.flush_until_s = 0.0


class FlushControl:
    """Decide for each INVOKE. The first is held: for a quiet function it may be the only one today."""

    def __init__(self, settings: Settings, *, ends_are_told: bool = True) -> None:
        """Start with whether Lambda reports ends before Next. The Logs API's first schema does not."""
        self.apply(settings)
        self._deadline_ms: int | None = None
        self._gaps_ms: deque[int] = deque(maxlen=GAPS_LOOKED_AT)
        self._telemetry_missing = not ends_are_told

    def apply(self, settings: Settings) -> None:
        """Apply FLUSH and FLUSH_TIMEOUT, which bounds a delivery. A Next that is being held stays held as it began."""
        self._flush = settings.flush
        self.flush_timeout_s = settings.flush_timeout_ms / 1000

    def holds(self, *, deadline_ms: int) -> bool:
        """Return whether to hold Next for the invocation with this ``deadlineMs``."""
        gaps_ms = self._gaps_ms
        if self._deadline_ms is not None:
            gaps_ms.append(deadline_ms - self._deadline_ms)
        self._deadline_ms = deadline_ms
        if self._telemetry_missing or self._flush is Flush.BACKGROUND:
            return False
        is_near = len(gaps_ms) == GAPS_LOOKED_AT and all(0 <= gap <= NEAR_MS for gap in gaps_ms)
        return self._flush is Flush.END or not is_near

    def give_up(self) -> None:
        """Stop holding, because an end never came. Holding would cost the whole timeout each time."""
        self._telemetry_missing = True
