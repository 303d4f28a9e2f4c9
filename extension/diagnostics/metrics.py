"""The account as metrics: changes since the last line, in CloudWatch's embedded metric format.

Promises: the sums over all lines of an environment are its account, except for the request that carries the last line.
An interval in which nothing happened makes no line. The one dimension is the function's name, or that of the fleet, so
that the number of metrics does not grow with invocations, or not even with functions. Each line names the function. Pure:
the clock is passed in. Loaded only where METRICS is set.

Assumes: CloudWatch extracts metrics from a log event that is one JSON object of this form and nothing else, with 100
values at most for each metric (AWS: "Specification: Embedded metric format"). Zero is written as zero, because an alarm
treats missing data differently, and a metric costs the same.
"""

from collections.abc import Mapping
from typing import NamedTuple

from extension.diagnostics.account import Account
from extension.model.receipt import Answer

NAMESPACE = "FlightRecorder"
DIMENSION = "FunctionName"
FLEET_DIMENSION = "Fleet"
"""In the place of the function's name, where METRICS_FLEET is set."""
NO_FUNCTION = "unknown"
"""A dimension's value must not be empty. Lambda always gives the function's name; its local stand-ins may not."""

MAX_VALUES = 100
"""Of one metric in one line (AWS: embedded metric format, target members)."""

USD_PER_GB = 0.50
"""The list price of a GB ingested into CloudWatch Logs' Standard class in us-east-1 (Amazon CloudWatch pricing, Logs,
November 2026)."""
GB = 10**9

ENVELOPE_BYTES = len('{"time":"2022-10-12T00:00:15.064Z","type":"function","record":""}')
"""The JSON that Lambda puts around each line it delivers, which CloudWatch does not bill."""
BILLED_BYTES = 26
"""Billed for each event beside its message (AWS: PutLogEvents)."""


class Metric(NamedTuple):
    """Describe one metric, as docs/metrics.md shows it."""

    name: str
    unit: str
    meaning: str


METRICS = (
    Metric("ReceivedLines", "Count", "Lines that Lambda delivered."),
    Metric("KeptLines", "Count", "Lines that a sink has taken."),
    Metric(
        "HandedToStdoutLines",
        "Count",
        "Lines of failed invocations that no sink took and that went to standard output. A Deny on the function's own log"
        " group loses them.",
    ),
    Metric("DroppedLines", "Count", "Lines that the recorder decided to drop."),
    Metric("EvictedLines", "Count", "Lines given up for BUFFER_SIZE."),
    Metric("LostLines", "Count", "Lines that should have been delivered and were not."),
    Metric("ReceivedBytes", "Bytes", "Bytes that Lambda delivered, as they came."),
    Metric("DeliveredBytes", "Bytes", "Bytes that SINK and FALLBACK_SINK have taken, as sent."),
    Metric("Invocations", "Count", "Invocations that began."),
    Metric("FailedInvocations", "Count", "Invocations that failed."),
    Metric("Deliveries", "Count", "Requests to SINK and FALLBACK_SINK, answered or not."),
    Metric("FailedDeliveries", "Count", "Requests of which the sink did not take everything."),
    Metric("ThrottledDeliveries", "Count", "Requests that the sink refused because too many came."),
    Metric(
        "RefusedStreams", "Count", "Log streams that CloudWatch did not make, for the same reason."
    ),
    Metric(
        "DeliveryTime", "Milliseconds", "The time from handing a batch to a sink to its answer."
    ),
    Metric("HeldTime", "Milliseconds", "How long environments were held after invocations."),
    Metric("BufferUsed", "Percent", "The largest share of BUFFER_SIZE in use."),
    Metric(
        "SettingsAge",
        "Seconds",
        "How long ago the settings that are references were last fetched without a problem.",
    ),
    Metric(
        "EstimatedSaving",
        "None",
        "US dollars: CloudWatch's price for the received bytes, less its price for the delivered bytes.",
    ),
)

RARE = frozenset({"DeliveryTime", "SettingsAge"})
"""Metrics that a line has only if something was delivered, or settings are references."""

NO_NEWS = frozenset({"ReceivedBytes", "DeliveredBytes", "Deliveries"})
"""A line is written if another sum is not zero. A delivery alone may be that of the last line of metrics."""

Values = Mapping[str, float]


def totals(account: Account) -> dict[str, float]:
    """Return the metrics that are sums over an account so far."""
    deliveries = sum(account.deliveries.values())
    return {
        "ReceivedLines": account.received,
        "KeptLines": sum(account.kept.values()),
        "HandedToStdoutLines": account.handed_to_stdout,
        "DroppedLines": sum(account.dropped.values()),
        "EvictedLines": account.evicted,
        "LostLines": sum(account.lost.values()),
        "ReceivedBytes": account.received_bytes,
        "DeliveredBytes": account.delivered_bytes,
        "Invocations": account.invocations,
        "FailedInvocations": account.failed_invocations,
        "Deliveries": deliveries,
        "FailedDeliveries": deliveries - account.deliveries.get(Answer.TAKEN.value, 0),
        "ThrottledDeliveries": account.throttled,
        "RefusedStreams": account.refused_streams,
        "HeldTime": sum(account.held_ms.values()),
    }


def saving_usd(values: Values) -> float:
    """Estimate CloudWatch Logs' price of the lines received, less its price of the lines delivered.

    It holds where the function may not write to its own log group. Elsewhere CloudWatch bills every line as well.
    """
    not_billed_bytes = values["ReceivedLines"] * (ENVELOPE_BYTES - BILLED_BYTES)
    saved_bytes = values["ReceivedBytes"] - not_billed_bytes - values["DeliveredBytes"]
    return saved_bytes / GB * USD_PER_GB


class Times:
    """Hold every duration, then every second one, then every fourth, and so on, so that they fit into a line.

    The longest is always among them, because alarms look at it.
    """

    def __init__(self) -> None:
        self._values_ms: list[float] = []
        self._longest_ms = 0.0
        self._count = 0
        self._every = 1

    def add(self, took_ms: float) -> None:
        """Add a duration."""
        self._longest_ms = max(self._longest_ms, took_ms)
        if self._count % self._every == 0:
            if len(self._values_ms) >= MAX_VALUES:
                # MAX_VALUES is even, so the value that is added now is one of those that stay.
                self._values_ms = self._values_ms[::2]
                self._every *= 2
            self._values_ms.append(took_ms)
        self._count += 1

    def values_ms(self) -> list[float]:
        """Return the durations that are kept, in the order they came."""
        values = list(self._values_ms)
        if values and self._longest_ms not in values:
            values[-1] = self._longest_ms
        return [round(one, 1) for one in values]


class Metrics:
    """Make the lines of one environment, each from the changes since the last.

    Attributes:
        interval_ms: 0 makes no lines.
        fleet: METRICS_FLEET; empty where it is not set.
    """

    fleet = ""

    def __init__(self, *, function: str, interval_ms: int, now_ms: int) -> None:
        """Start with an empty account. ``now_ms`` is since 1970, by a clock that goes on in a frozen environment."""
        self._function = function or NO_FUNCTION
        self.interval_ms = interval_ms
        self._since_ms = now_ms
        self._told: Values = totals(Account())
        self._times = Times()
        self._used = 0.0

    def answered(self, took_ms: float) -> None:
        """Note how long a sink took to answer."""
        self._times.add(took_ms)

    def used(self, share: float) -> None:
        """Note the share of BUFFER_SIZE that is in use."""
        self._used = max(self._used, share)

    def is_due(self, now_ms: int) -> bool:
        """Return whether an interval has passed. A clock that was set back does not delay the next line."""
        return bool(self.interval_ms) and not 0 <= now_ms - self._since_ms < self.interval_ms

    def draw_up(
        self, account: Account, now_ms: int, *, settings_age_s: float | None = None
    ) -> dict[str, object] | None:
        """Return the line about the time since the last :meth:`told`; None if nothing has happened."""
        values = {name: now - self._told[name] for name, now in totals(account).items()}
        if not any(value for name, value in values.items() if name not in NO_NEWS):
            return None
        shown: dict[str, float | list[float]] = {
            **values,
            "HeldTime": round(values["HeldTime"], 1),
            "BufferUsed": round(self._used * 100, 1),
            "EstimatedSaving": round(saving_usd(values), 12),
        }
        if times_ms := self._times.values_ms():
            shown["DeliveryTime"] = times_ms
        if settings_age_s is not None:
            shown["SettingsAge"] = round(settings_age_s, 1)
        there = [metric for metric in METRICS if metric.name in shown]
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[FLEET_DIMENSION if self.fleet else DIMENSION]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in there],
        }
        return {
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            **({FLEET_DIMENSION: self.fleet} if self.fleet else {}),
            DIMENSION: self._function,
            **{metric.name: shown[metric.name] for metric in there},
        }

    def told(self, account: Account, now_ms: int) -> None:
        """Note that the line has been handed on, and start the next interval."""
        self._told = totals(account)
        self._since_ms = now_ms
        self._times = Times()
        self._used = 0.0

    def skip(self, now_ms: int) -> None:
        """Start the next interval without a line. The next line tells about both intervals."""
        self._since_ms = now_ms
