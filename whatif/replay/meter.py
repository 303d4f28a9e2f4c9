"""Count what Lambda would bill one environment for because the recorder is there.

The extension's own :class:`FlushControl` decides which invocations are held, from the times of their starts. Pure.
"""

from typing import Any

from extension.app.flush_control import FlushControl
from extension.config.settings import Settings
from extension.model.timestamps import epoch_ns
from whatif.model.log import Log
from whatif.model.net import METRICS_INTERVAL_S


class Meter:
    """The counts of one environment."""

    def __init__(self, settings: Settings) -> None:
        """Start with the settings that FLUSH is one of."""
        self._flush = FlushControl(settings)
        self._held = 0
        self._inits = 0
        self._reported_inits = 0
        self._lines = 0
        self._last_interval = -1
        self._memory_mb = 0

    def begin(self, time: str) -> None:
        """Count an invocation that starts at a time, as Lambda writes it."""
        time_ns = epoch_ns(time)
        if time_ns is None:
            return
        self._held += self._flush.holds(deadline_ms=time_ns // 1_000_000)
        interval = time_ns // (METRICS_INTERVAL_S * 1_000_000_000)
        self._lines += interval != self._last_interval
        self._last_interval = interval

    def begin_init(self) -> None:
        """Count an init that Lambda told of."""
        self._inits += 1

    def report(self, record: dict[str, Any]) -> None:
        """Take the memory size, and the length of init, from the record of a REPORT."""
        metrics = record.get("metrics")
        if not isinstance(metrics, dict):
            return
        memory_mb = metrics.get("memorySizeMB")
        if isinstance(memory_mb, (int, float)):
            self._memory_mb = int(memory_mb)
        # Logs that were cut, or of before INIT_START was written, tell of an init with the first REPORT alone.
        self._reported_inits += "initDurationMs" in metrics

    def close(self, log: Log) -> None:
        """Add the counts to those of the function's log."""
        log.memory_mb = max(log.memory_mb, self._memory_mb)
        memory_mb = self._memory_mb or log.memory_mb
        inits = max(self._inits, self._reported_inits)
        log.held += self._held
        log.held_mb += self._held * memory_mb
        log.cold_starts += inits
        log.cold_mb += inits * memory_mb
        log.metric_lines += self._lines
