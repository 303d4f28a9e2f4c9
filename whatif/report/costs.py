"""Work out what all ways to keep the logs cost, side by side, and what each saves net of all costs.

Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from extension import PREFIX
from extension.config.parsers import kind_of_sink
from whatif.model.log import Log
from whatif.model.net import (
    FUNCTION_ALARMS,
    METRICS_OF_ONE,
    NOT_WATCHED,
    Account,
    Pace,
    Upkeep,
    Watching,
    Ways,
    upkeep_of,
)
from whatif.model.prices import GB, NATIVE, SINKS, last_gb_usd, native_usd
from whatif.model.settings_source import MEMORY
from whatif.model.words import money_text
from whatif.replay.grid import Point
from whatif.report.rows import Row

ASSUMED_MEMORY_MB = 128
"""Lambda's default, where neither a REPORT nor the variables tell the memory size."""


@dataclass(frozen=True, slots=True)
class CostView:
    """What everything costs, in USD for :attr:`View.per`.

    Attributes:
        native: Without the recorder, by one of :data:`whatif.model.prices.NATIVE`.
        upkeep: What the recorder costs beside its deliveries.
        watching: The metrics and alarms that are in it.
        pace: The held invocations, cold starts and lines of metrics, as the log has them.
        invocations: The invocations of the log.
        memory_mb: The memory size to count with; of several functions the largest.
        memory_is_assumed: Whether the log does not tell it.
        is_monthly: Whether costs are those of a month; if not, metrics and alarms are left out.
        cloudwatch_bytes: The size of all lines, for :attr:`View.per`.
        other_bytes: What other functions of the account send in a month.
        own_sink: The sink of the user's own settings; CloudWatch if AWS does not bill theirs.
    """

    native: Mapping[str, float]
    upkeep: Upkeep
    watching: Watching
    pace: Pace
    invocations: int
    memory_mb: int
    memory_is_assumed: bool
    is_monthly: bool
    cloudwatch_bytes: float
    other_bytes: float
    own_sink: str

    def ways(self, row: Row) -> Ways:
        """Return the cost of all ways with one set of settings."""
        return Ways(dict(self.native), dict(row.usd), self.upkeep)

    @property
    def today_usd(self) -> float:
        """The cost of everything in CloudWatch's Standard class."""
        return self.native["lambda"]

    @property
    def last_gb_usd(self) -> float:
        """What the last GB of Lambda's own logs costs in the account."""
        return last_gb_usd(self.cloudwatch_bytes + self.other_bytes, "lambda")


def costs_of(
    own: Point,
    logs: Mapping[str, Log],
    *,
    factor: float,
    is_monthly: bool,
    compressed_share: float,
    account: Account,
) -> CostView:
    """Return the costs of a log.

    Args:
        own: The user's own settings.
        logs: The counts of each function.
        factor: From the log to the length of time, or number of invocations, that costs are for.
        is_monthly: Whether that is a month.
        compressed_share: The share that compression leaves of the lines, 0 to 1.
        account: What is known of the account beside the log.
    """
    total = Log()
    for log in logs.values():
        total.add(log)
    configured = own.variables.get(MEMORY, "")
    assumed_mb = int(configured) if configured.isdecimal() else ASSUMED_MEMORY_MB
    names = {log.function or name for name, log in logs.items()}
    watching = NOT_WATCHED
    if is_monthly:
        watching = watching_of(own, functions=len(names), fleet=account.fleet)
    pace = summed_pace(pace_of(log, assumed_mb=assumed_mb) for log in logs.values())
    size_bytes = total.cloudwatch_bytes * factor
    native = {
        way: native_usd(
            size_bytes, way, compressed_share=compressed_share, other_bytes=account.other_bytes
        )
        for way in NATIVE
    }
    return CostView(
        native=native,
        upkeep=upkeep_of(pace.times(factor), watching),
        watching=watching,
        pace=pace,
        invocations=total.starts,
        memory_mb=total.memory_mb or assumed_mb,
        memory_is_assumed=not total.memory_mb and not configured.isdecimal(),
        is_monthly=is_monthly,
        cloudwatch_bytes=size_bytes,
        other_bytes=account.other_bytes,
        own_sink=_sink_of(own),
    )


def pace_of(log: Log, *, assumed_mb: int) -> Pace:
    """Return a function's pace, with an assumed memory size if its log tells none."""
    if log.memory_mb:
        return log.pace
    return log.pace._replace(held_mb=log.held * assumed_mb, cold_mb=log.cold_starts * assumed_mb)


def summed_pace(paces: Iterable[Pace]) -> Pace:
    """Add paces up."""
    total = Pace()
    for pace in paces:
        total = total.plus(pace)
    return total


def watching_of(own: Point, *, functions: int, fleet: int) -> Watching:
    """Return the metrics and alarms that the user's variables ask for, or else those of the templates' defaults."""
    interval = own.variables.get(f"{PREFIX}METRICS", "").strip().lower()
    if interval == "off":
        return NOT_WATCHED
    if interval and not own.variables.get(f"{PREFIX}METRICS_FLEET", "").strip():
        return Watching(METRICS_OF_ONE, FUNCTION_ALARMS, shared_by=1, functions=functions)
    return Watching(shared_by=max(fleet, functions, 1), functions=max(functions, 1))


def _sink_of(own: Point) -> str:
    kind = kind_of_sink(own.settings.sinks[0].url)
    return kind if kind in SINKS else SINKS[0]


def ranked(rows: Sequence[Row], costs: CostView) -> list[Row]:
    """Return sets of settings, the best first.

    It keeps the most failures whole, then it estimates all invocations, then it leaves most net of all costs.
    """

    def rank(row: Row) -> tuple[int, bool, float]:
        ways = costs.ways(row)
        return -row.whole, not row.estimates, -ways.net_usd(ways.best_sink)

    return sorted(rows, key=rank)


def saving_text(own: Row, costs: CostView, *, per: str) -> str:
    """Say what the user's own settings save: in percent, in money, and net of all costs."""
    today, then = costs.today_usd, own.usd[costs.own_sink]
    net = costs.ways(own).net_usd(costs.own_sink)
    change = 100 * (then - today) / today if today else 0.0
    unit = "a month" if costs.is_monthly else f"for {per}"
    bare = net_of_metrics(own, costs)
    rest = f", or {money_text(bare, signed=True)} without metrics and alarms" if bare != net else ""
    return (
        f"{change:+.0f} %: {money_text(today)} -> {money_text(then)} {unit};"
        f" net of all costs {money_text(net, signed=True)}{rest}"
    )


def net_of_metrics(row: Row, costs: CostView) -> float:
    """Return what is saved net of all costs but those of metrics and alarms."""
    bare = costs.upkeep._replace(watching=0.0, metric_lines=0.0)
    return costs.ways(row)._replace(upkeep=bare).net_usd(costs.own_sink)


def share_of_last_gb(row: Row, costs: CostView) -> float:
    """Return what the deliveries of one GB of lines cost in CloudWatch, in USD."""
    if not costs.cloudwatch_bytes:
        return 0.0
    return row.usd["cloudwatch"] / (costs.cloudwatch_bytes / GB)
