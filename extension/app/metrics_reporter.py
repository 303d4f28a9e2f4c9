"""Write a line of metrics when an interval has passed. The check runs where the main loop wakes anyhow, by no timer.

Promises: no invocation waits for metrics. Changes that cannot be handed on now come with the next line. Loaded only
where METRICS is set.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial

from extension.delivery.own_metrics import OwnMetrics
from extension.diagnostics.account import Account
from extension.diagnostics.metrics import Metrics
from extension.model.chunk import Chunk
from extension.model.own_event import own_event
from extension.recorder.tail_sampler import TailSampler


class MetricsReporter:
    """Make lines of metrics, and hand them on."""

    def __init__(  # noqa: PLR0913 - the wiring is run's
        self,
        *,
        account: Account,
        sampler: TailSampler,
        own_metrics: OwnMetrics,
        held_bytes: Callable[[], int],
        settings_age_s: Callable[[], float | None],
        function: str,
        version: str,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Start with METRICS off.

        ``settings_age_s`` returns the age of the settings that are references, None if there are none. ``wall_s`` goes on
        while the environment is frozen.
        """
        self._account = account
        self._sampler = sampler
        self._own_metrics = own_metrics
        self._held_bytes = held_bytes
        self._settings_age_s = settings_age_s
        self._event = partial(own_event, function=function, version=version, reason="")
        self._wall_s = wall_s
        self._buffer_bytes = 1
        self._metrics = Metrics(function=function, interval_ms=0, now_ms=self._now_ms())

    def apply(
        self, *, interval_ms: int, fleet: str, buffer_bytes: int, schemes: Mapping[str, str]
    ) -> None:
        """Apply METRICS (0 for off), METRICS_FLEET, BUFFER_SIZE, and the schemes of the sinks by variable."""
        self._metrics.interval_ms = interval_ms
        self._metrics.fleet = fleet
        self._buffer_bytes = buffer_bytes
        self._own_metrics.apply(schemes)
        self._own_metrics.on_answer = self._metrics.answered if interval_ms else None

    def check(self) -> None:
        """Note the bytes held, and write a line if one is due."""
        self._metrics.used(self._held_bytes() / self._buffer_bytes)
        now_ms = self._now_ms()
        if not self._metrics.is_due(now_ms):
            return
        line = self._draw_up(now_ms)
        if line is None:
            self._metrics.skip(now_ms)
        elif self._own_metrics.report(self._chunk(line)):
            self._metrics.told(self._account, now_ms)

    def finish(self, until_s: float) -> bool:
        """Write the last line; return whether deliveries have to be finished again until then for it."""
        if not self._metrics.interval_ms:
            return False
        line = self._draw_up(self._now_ms())
        return line is not None and self._own_metrics.report_last(self._chunk(line), until_s)

    def _draw_up(self, now_ms: int) -> dict[str, object] | None:
        age_s = self._settings_age_s()
        return self._metrics.draw_up(self._account, now_ms, settings_age_s=age_s)

    def _now_ms(self) -> int:
        return int(self._wall_s() * 1000)

    def _chunk(self, line: dict[str, object]) -> Chunk:
        return self._event(
            "function",
            line,
            at_s=self._wall_s(),
            number=self._sampler.metadata.number(),
            environment_id=self._sampler.metadata.environment_id,
            instance_id=self._sampler.metadata.instance_id,
        )
