"""Work out what the recorder itself costs, and what remains of the saving.

Promises: everything that AWS bills because the recorder is there is in :class:`Upkeep`, beside the deliveries. Pure.
"""

from typing import NamedTuple

from whatif.model.prices import (
    GB,
    MIB_PER_GIB,
    NATIVE,
    PRICES,
    SINKS,
    Volume,
    native_usd,
    usd_of,
)

HOLD_MS = 26
"""What a held invocation is billed more: 25 ms until Lambda reports its end, and the delivery (docs/cost.md, measured)."""

COLD_START_MS = 21
"""What a cold start is billed more: init is longer, and the first invocation (docs/cost.md, the largest that was measured)."""

METRICS_OF_ONE = 18
"""Metrics that the recorder makes of a function, or of a fleet (docs/metrics.md)."""

METRIC_LINE_BYTES = 1400
"""One line of metrics, with its fleet (docs/metrics.md, measured)."""

METRICS_INTERVAL_S = 300
"""How often the templates let an environment write such a line."""

FLEET_ALARMS = 4
"""Metrics that the alarms of layer/templates/fleet read."""

FUNCTION_ALARMS = 5
"""Metrics that the four alarms read that the templates make of a function without a fleet."""

MEASURED_SINK = "cloudwatch"
"""The sink to which the metrics go. To another, with the function's own log group denied, they reach nobody, so the templates
switch them off. CloudWatch makes no metrics in its Infrequent Access class."""


class Pace(NamedTuple):
    """What a function did in a length of time that costs something because the recorder is there.

    Attributes:
        held: The invocations after which the environment was held.
        held_mb: The sum of their memory sizes.
        cold_starts: The environments that began.
        cold_mb: The sum of their memory sizes.
        metric_lines: The lines of metrics that the environments would have written.
    """

    held: float = 0.0
    held_mb: float = 0.0
    cold_starts: float = 0.0
    cold_mb: float = 0.0
    metric_lines: float = 0.0

    def times(self, factor: float) -> "Pace":
        """Return the pace of another length of time."""
        return Pace(*(value * factor for value in self))

    def plus(self, other: "Pace") -> "Pace":
        """Return both together."""
        return Pace(*map(sum, zip(self, other, strict=True)))


class Watching(NamedTuple):
    """The metrics of the recorder, and their alarms, in a month.

    Attributes:
        metrics: Custom metrics.
        alarms: Metrics that alarms read.
        shared_by: Functions that share the two; 1 where each has its own.
        functions: Functions that are counted here.
    """

    metrics: int = METRICS_OF_ONE
    alarms: int = FLEET_ALARMS
    shared_by: int = 1
    functions: int = 1

    @property
    def whole_usd(self) -> float:
        """What they cost all functions that share them."""
        return self.metrics * PRICES["metric"].usd + self.alarms * PRICES["alarm"].usd

    @property
    def usd(self) -> float:
        """What they cost the functions that are counted here."""
        return self.whole_usd * self.functions / self.shared_by

    def share_of_one(self) -> "Watching":
        """Return what one of the functions has of it."""
        return self._replace(functions=1)


NOT_WATCHED = Watching(0, 0)


class Upkeep(NamedTuple):
    """What the recorder costs beside its deliveries, in USD.

    Attributes:
        hold: The time for which environments are held.
        cold_starts: What cold starts take longer.
        watching: Metrics and alarms.
        metric_lines: The lines of metrics, in CloudWatch.
    """

    hold: float
    cold_starts: float
    watching: float
    metric_lines: float

    def usd(self, sink: str) -> float:
        """Return all of it, with the metrics for the sink that they reach CloudWatch by."""
        measured = self.watching + self.metric_lines if sink == MEASURED_SINK else 0.0
        return self.hold + self.cold_starts + measured


def upkeep_of(pace: Pace, watching: Watching) -> Upkeep:
    """Return what the recorder costs at a pace; without metrics no lines are written either."""
    second_usd = PRICES["duration"].usd / MIB_PER_GIB
    lines_bytes = pace.metric_lines * METRIC_LINE_BYTES if watching.metrics else 0.0
    return Upkeep(
        hold=pace.held_mb * HOLD_MS / 1000 * second_usd,
        cold_starts=pace.cold_mb * COLD_START_MS / 1000 * second_usd,
        watching=watching.usd,
        metric_lines=lines_bytes / GB * PRICES["standard"].usd,
    )


class Account(NamedTuple):
    """What is known of the account beside the log.

    Attributes:
        other_bytes: What its other functions send to CloudWatch in a month.
        fleet: The functions that share the metrics of a fleet; 0 for those of the log.
    """

    other_bytes: float = 0.0
    fleet: int = 0


class Ways(NamedTuple):
    """What the ways to keep one month's log cost, side by side.

    Attributes:
        native: In USD, by one of :data:`whatif.model.prices.NATIVE`: Lambda itself sends every line.
        delivered: In USD, by one of :data:`whatif.model.prices.SINKS`: what the recorder delivers.
        upkeep: What the recorder costs beside that.
    """

    native: dict[str, float]
    delivered: dict[str, float]
    upkeep: Upkeep

    @property
    def today_usd(self) -> float:
        """The cost of everything in CloudWatch's Standard class, which is Lambda's default."""
        return self.native["lambda"]

    def total_usd(self, sink: str) -> float:
        """Return all that the recorder costs with a sink."""
        return self.delivered[sink] + self.upkeep.usd(sink)

    def net_usd(self, sink: str) -> float:
        """Return what is saved with a sink, less all that the recorder costs."""
        return self.today_usd - self.total_usd(sink)

    def native_net_usd(self, way: str) -> float:
        """Return what another way saves without the recorder."""
        return self.today_usd - self.native[way]

    @property
    def best_sink(self) -> str:
        """The sink that leaves most."""
        return max(SINKS, key=self.net_usd)


def ways_of(written: Volume, kept: Volume, upkeep: Upkeep, *, other_bytes: float = 0.0) -> Ways:
    """Return the cost of all ways.

    Args:
        written: All lines.
        kept: What the recorder delivers of them.
        upkeep: What it costs beside that.
        other_bytes: What other functions of the account send in the same time.
    """
    return Ways(
        native={
            way: native_usd(
                written.cloudwatch_bytes,
                way,
                compressed_share=written.compressed_share,
                other_bytes=other_bytes,
            )
            for way in NATIVE
        },
        delivered={sink: usd_of(kept, sink) for sink in SINKS},
        upkeep=upkeep,
    )
