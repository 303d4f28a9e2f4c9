"""The account as metrics: what has changed since the last line, in CloudWatch's embedded metric format.

Promises: the sums over all lines of an environment are its account, but for the request that carries the last line;
nothing is told of a time in which nothing happened; the one dimension is the function's name, so that no invocation
makes a metric of its own. Pure: the clock is passed in. Loaded only where METRICS is set.

Assumes: CloudWatch extracts metrics from a log event that is one JSON object of this form and nothing else, of 100
values at most for each metric (AWS: "Specification: Embedded metric format"). Zero is told as zero, since an alarm
takes missing data for something else, and a metric costs the same.
"""

from collections.abc import Mapping
from typing import NamedTuple

from extension.diagnostics.account import Account
from extension.model.receipt import Answer

NAMESPACE = "FlightRecorder"
DIMENSION = "FunctionName"
NO_FUNCTION = "unknown"
"""A dimension's value must not be empty. Lambda always says what the function is called; other places may not."""

MAX_VALUES = 100
"""Of one metric in one line (AWS: embedded metric format, target members)."""

USD_PER_GB = 0.50
"""What CloudWatch Logs takes in us-east-1 for a GB ingested into the Standard class, at list price (Amazon CloudWatch
pricing, Logs, November 2026)."""
GB = 10**9

ENVELOPE_BYTES = len('{"time":"2022-10-12T00:00:15.064Z","type":"function","record":""}')
"""What Lambda writes around each line that it delivers, which CloudWatch does not bill."""
BILLED_BYTES = 26
"""What CloudWatch bills for each event beside its message (AWS: PutLogEvents)."""


class Metric(NamedTuple):
    """One metric, as the page about them shows it."""

    name: str
    unit: str
    meaning: str


METRICS = (
    Metric("ReceivedLines", "Count", "Lines that Lambda delivered."),
    Metric("KeptLines", "Count", "Lines that a sink has taken."),
    Metric("DroppedLines", "Count", "Lines that the recorder decided to drop."),
    Metric("EvictedLines", "Count", "Lines given up for BUFFER_SIZE."),
    Metric("LostLines", "Count", "Lines that should have been delivered and were not."),
    Metric("ReceivedBytes", "Bytes", "Bytes that Lambda delivered, as they came."),
    Metric("DeliveredBytes", "Bytes", "Bytes that SINK and FALLBACK_SINK have taken, as sent."),
    Metric("Invocations", "Count", "Invocations that began."),
    Metric("FailedInvocations", "Count", "Invocations that failed."),
    Metric("Deliveries", "Count", "Requests to SINK and FALLBACK_SINK, answered or not."),
    Metric("FailedDeliveries", "Count", "Requests of which the sink did not take everything."),
    Metric(
        "DeliveryTime", "Milliseconds", "The time from handing a batch to a sink to its answer."
    ),
    Metric("HeldTime", "Milliseconds", "How long environments were held after invocations."),
    Metric("BufferUsed", "Percent", "The largest share of BUFFER_SIZE in use."),
    Metric(
        "EstimatedSaving",
        "None",
        "US dollars: CloudWatch's price for the received bytes, less its price for the delivered bytes.",
    ),
)

HAPPENINGS = (
    *("ReceivedLines", "KeptLines", "DroppedLines", "EvictedLines", "LostLines"),
    *("Invocations", "FailedInvocations", "FailedDeliveries", "HeldTime"),
)
"""What makes a line worth writing. A delivery alone does not: it may be that of the last line."""

Values = Mapping[str, float]


def totals(account: Account) -> dict[str, float]:
    """Gives the metrics that are sums, over all of an account so far."""
    deliveries = sum(account.deliveries.values())
    return {
        "ReceivedLines": account.received,
        "KeptLines": sum(account.kept.values()),
        "DroppedLines": sum(account.dropped.values()),
        "EvictedLines": account.evicted,
        "LostLines": sum(account.lost.values()),
        "ReceivedBytes": account.received_bytes,
        "DeliveredBytes": account.delivered_bytes,
        "Invocations": account.invocations,
        "FailedInvocations": account.failed_invocations,
        "Deliveries": deliveries,
        "FailedDeliveries": deliveries - account.deliveries.get(Answer.TAKEN.value, 0),
        "HeldTime": sum(account.held_ms.values()),
    }


def saving_usd(values: Values) -> float:
    """Estimates what CloudWatch Logs would have taken for what was received, less the same for what was delivered.

    Holds where the function may not write to its own log group; else CloudWatch takes everything besides.
    """
    billed_bytes = values["ReceivedBytes"] - values["ReceivedLines"] * (
        ENVELOPE_BYTES - BILLED_BYTES
    )
    return (billed_bytes - values["DeliveredBytes"]) / GB * USD_PER_GB


class Times:
    """Durations, of which no more are kept than a line may hold: every one, every second one, every fourth and so on.

    The longest is always among them, since it is what an alarm looks at.
    """

    __slots__ = ("_count", "_every", "_longest_ms", "_values_ms")

    def __init__(self) -> None:
        self._values_ms: list[float] = []
        self._longest_ms = 0.0
        self._count = 0
        self._every = 1

    def add(self, took_ms: float) -> None:
        """Takes one more."""
        self._longest_ms = max(self._longest_ms, took_ms)
        if self._count % self._every == 0:
            if len(self._values_ms) >= MAX_VALUES:
                # As many as that is an even number, so that this one is of those that stay.
                self._values_ms = self._values_ms[::2]
                self._every *= 2
            self._values_ms.append(took_ms)
        self._count += 1

    def values_ms(self) -> list[float]:
        """Gives those that are kept, in the order they came."""
        values = list(self._values_ms)
        if values and self._longest_ms not in values:
            values[-1] = self._longest_ms
        return [round(one, 1) for one in values]


class Metrics:
    """What is to be told, from one line to the next. Used by the main loop.

    Attributes:
        interval_ms: between two lines; 0 for none at all.
    """

    __slots__ = ("_function", "_since_ms", "_times", "_told", "_used", "interval_ms")

    def __init__(self, *, function: str, interval_ms: int, now_ms: int) -> None:
        """Begins with an account in which nothing has been told.

        Args:
            function: its name.
            interval_ms: METRICS.
            now_ms: since 1970, by a clock that goes on while the environment is frozen.
        """
        self._function = function or NO_FUNCTION
        self.interval_ms = interval_ms
        self._since_ms = now_ms
        self._told: Values = totals(Account())
        self._times = Times()
        self._used = 0.0

    def answered(self, took_ms: float) -> None:
        """Takes note of how long a sink took."""
        self._times.add(took_ms)

    def used(self, share: float) -> None:
        """Takes note of how much of BUFFER_SIZE is in use."""
        self._used = max(self._used, share)

    def is_due(self, now_ms: int) -> bool:
        """Tells whether an interval has passed. A clock that was set back does not put the next line off."""
        return bool(self.interval_ms) and not 0 <= now_ms - self._since_ms < self.interval_ms

    def draw_up(self, account: Account, now_ms: int) -> dict[str, object] | None:
        """Gives the line for what has happened since the last one; None if nothing has.

        What it tells counts as told once :meth:`told` is called, and comes again until then.
        """
        values = self._since(totals(account))
        if not any(values[name] for name in HAPPENINGS):
            return None
        shown: dict[str, float | list[float]] = {
            **values,
            "HeldTime": round(values["HeldTime"], 1),
            "BufferUsed": round(self._used * 100, 1),
            "EstimatedSaving": round(saving_usd(values), 12),
        }
        if times_ms := self._times.values_ms():
            shown["DeliveryTime"] = times_ms
        return self._emf(shown, now_ms)

    def told(self, account: Account, now_ms: int) -> None:
        """Takes note that the line has been taken, or that there was nothing to tell: begins the next interval."""
        self._told = totals(account)
        self._since_ms = now_ms
        self._times = Times()
        self._used = 0.0

    def skip(self, now_ms: int) -> None:
        """Begins the next interval although nothing was told: what there is goes with the next line."""
        self._since_ms = now_ms

    def _since(self, now: Values) -> dict[str, float]:
        return {name: value - self._told[name] for name, value in now.items()}

    def _emf(self, values: Mapping[str, float | list[float]], now_ms: int) -> dict[str, object]:
        there = [metric for metric in METRICS if metric.name in values]
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in there],
        }
        return {
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            DIMENSION: self._function,
            **{metric.name: values[metric.name] for metric in there},
        }
