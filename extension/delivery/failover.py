"""Failover: FALLBACK_SINK steps in while SINK is down. Loaded only where FALLBACK_SINK is set.

Promises: lines move to FALLBACK_SINK in their order, and each goes to one of the two. SINK is tried with a batch now
and then, and gets everything again once it has taken one.
"""

from typing import TYPE_CHECKING

from extension.delivery.exporter import Exporter
from extension.model.chunk import Chunk

if TYPE_CHECKING:
    from extension.delivery.own_metrics import OwnMetrics

FALLBACK_SHARE = 0.5
"""Of the time at SHUTDOWN, the share for FALLBACK_SINK if SINK does not answer: each needs a connection and a request."""


class Failover:
    """Move lines from SINK to FALLBACK_SINK.

    Attributes:
        switch_s: at SHUTDOWN, when FALLBACK_SINK gets what SINK has not taken.
    """

    def __init__(self, primary: Exporter, fallback: Exporter) -> None:
        self._primary = primary
        self.fallback = fallback
        self.own_metrics: OwnMetrics | None = None
        self.switch_s = 0.0

    def divert(self, now_s: float) -> None:
        """Move what waits for SINK while it is down, unless its next attempt is due."""
        queue = self._primary.queue
        backoff = queue.backoff
        if backoff.is_down and now_s < backoff.try_at_s and not self._primary.is_sending:
            self._move(queue.take_waiting())

    def begin_shutdown(self, begin_s: float, until_s: float) -> None:
        """Divide the time at SHUTDOWN between the two sinks."""
        self.switch_s = begin_s + (until_s - begin_s) * (1 - FALLBACK_SHARE)

    def switch(self, now_s: float) -> bool:
        """Move everything at SHUTDOWN once SINK fails or its time is over; return whether SINK is done."""
        primary = self._primary
        if primary.is_empty:
            return True
        if now_s < self.switch_s and not primary.queue.backoff.is_failing:
            return False
        self._move(primary.queue.take_all())
        return True

    def _move(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self.fallback.queue.put(chunk)
        if self.own_metrics is not None:
            self.own_metrics.move(self._primary, self.fallback)
