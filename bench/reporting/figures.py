"""Sum up repetitions, and compare the layer with the floor and the obvious way.

Pure.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.subjects import FLOOR, KEEPING, LAYER, OBVIOUS

_PERCENTILE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The sum of several measurements of one thing, in one unit."""

    median: float
    minimum: float
    p99: float
    count: int


def series(values: Iterable[float]) -> Series:
    """Sum up measurements. The p99 is the nearest rank, so a value that was measured.

    Raises:
        ValueError: there are none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no measurements")
    rank = max(math.ceil(_PERCENTILE * len(ordered)), 1)
    return Series(
        median=statistics.median(ordered),
        minimum=ordered[0],
        p99=ordered[rank - 1],
        count=len(ordered),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        topic: the part of the suite, such as ``start-up``.
        what: what was measured.
        unit: of all values.
        values: by subject, without those that cannot do it.
        limit: the most that the layer may take; None where there is no target.
        limit_ratio: the most in multiples of the floor.
        at_least: whether the limits are the least instead.
        note: a remark for the reader.
    """

    topic: str
    what: str
    unit: str
    values: dict[str, float]
    limit: float | None = None
    limit_ratio: float | None = None
    at_least: bool = False
    note: str = ""
    detail: dict[str, Series] = field(default_factory=dict)

    @property
    def measured(self) -> float:
        """The layer's value."""
        return self.values[LAYER]

    @property
    def reference(self) -> str:
        """The floor that can do the thing at all; empty where neither can."""
        return next((name for name in (FLOOR, KEEPING) if name in self.values), "")

    def ratio_to(self, subject: str) -> float | None:
        """Return the layer's value in multiples of another's; None where that has none, or none above zero."""
        other = self.values.get(subject)
        return self.measured / other if other and other > 0 else None

    @property
    def met(self) -> bool | None:
        """Whether the layer keeps to its limits; None where there are none to keep to."""
        checks = []
        if self.limit is not None:
            checks.append(self._within(self.measured, self.limit))
        ratio = self.ratio_to(self.reference)
        if self.limit_ratio is not None and ratio is not None:
            checks.append(self._within(ratio, self.limit_ratio))
        return all(checks) if checks else None

    def _within(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit

    def as_json(self) -> dict[str, Any]:
        """Return the row as a file has it."""
        return asdict(self) | {
            "reference": self.reference,
            "ratio_to_floor": self.ratio_to(self.reference),
            "ratio_to_obvious": self.ratio_to(OBVIOUS),
            "met": self.met,
        }


def row(
    topic: str,
    what: str,
    unit: str,
    measured: Mapping[str, Sequence[float]],
    *,
    pick: Callable[[Series], float] = lambda each: each.median,
    **more: Any,
) -> Row:
    """Make a row of measurements by subject; it shows their medians by default."""
    detail = {name: series(values) for name, values in measured.items() if values}
    values = {name: pick(each) for name, each in detail.items()}
    return Row(topic=topic, what=what, unit=unit, values=values, detail=detail, **more)
