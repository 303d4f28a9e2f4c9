"""Work out the figures of one set of settings.

Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extension.sampling import verdict
from whatif.model.prices import SINKS, usd_of
from whatif.replay.tally import WITHHELD, Incomplete, Tally

NORMAL_95 = 1.96
"""95 % of a normal distribution lie within so many standard deviations to either side."""

FAILED, HISTORY, RULES, SAMPLED, METRICS = (
    "failed",
    "history",
    "by a rule",
    "sampled",
    "metrics only",
)
KINDS = (FAILED, HISTORY, RULES, SAMPLED, METRICS)


@dataclass(frozen=True, slots=True)
class Row:
    """One set of settings.

    Attributes:
        label: Its difference from the others, in words.
        is_own: Whether it is the user's own.
        lines: The number of kept lines.
        lines_by_kind: Kept lines by one of :data:`KINDS`.
        cloudwatch_bytes: The size of all deliveries, as CloudWatch counts.
        failures: Failed invocations by reason, the most frequent first.
        whole: Failed invocations that are kept whole.
        missing: Failed invocations that lack lines, by cause.
        withheld_lines: Lines of failed invocations above KEEP_AT_MOST.
        incomplete: The first failed invocations that lack lines.
        healthy: Kept healthy invocations.
        estimated: The number of invocations, as the sum of weights.
        margin: The error of 95 of 100 samples is at most this.
        estimated_lines: The number of lines, as the sum of weights.
        usd: The cost by sink, for :attr:`View.per`.
    """

    label: str
    is_own: bool
    lines: int
    lines_by_kind: Mapping[str, int]
    cloudwatch_bytes: float
    failures: Mapping[str, int]
    whole: int
    missing: Mapping[str, int]
    withheld_lines: int
    incomplete: Sequence[Incomplete]
    healthy: int
    estimated: float
    margin: float
    estimated_lines: float
    usd: Mapping[str, float]

    @property
    def estimates(self) -> bool:
        """Whether the kept invocations estimate the healthy ones; with a rate of 0 they do not."""
        return self.healthy > 0

    @property
    def failed(self) -> int:
        """The number of failed invocations."""
        return sum(self.failures.values())

    @property
    def withheld(self) -> int:
        """The number of failed invocations above KEEP_AT_MOST; only error lines and counts of them are kept."""
        return self.missing.get(WITHHELD, 0)


def row_of(label: str, tally: Tally, factor: float, *, is_own: bool) -> Row:
    """Return the figures of one set of settings; ``factor`` scales costs to those of :attr:`View.per`."""
    by_kind = dict.fromkeys(KINDS, 0)
    for reason, lines in tally.lines.items():
        by_kind[_kind_of(reason, tally)] += lines
    return Row(
        label=label,
        is_own=is_own,
        lines=tally.kept_lines,
        lines_by_kind=by_kind,
        cloudwatch_bytes=tally.volume.cloudwatch_bytes,
        failures=dict(tally.failures.most_common()),
        whole=tally.failed - tally.incomplete_count,
        missing=dict(tally.missing),
        withheld_lines=tally.withheld,
        incomplete=tally.incomplete,
        healthy=sum(tally.kept.values()),
        estimated=tally.estimated,
        margin=NORMAL_95 * math.sqrt(max(tally.variance, 0.0)),
        estimated_lines=tally.estimated_lines,
        usd={name: usd_of(tally.volume, name) * factor for name in SINKS},
    )


def _kind_of(reason: str, tally: Tally) -> str:
    if reason in tally.failures:
        return FAILED
    named = {verdict.SAMPLED: SAMPLED, verdict.EMF: METRICS, verdict.HISTORY: HISTORY}
    return named.get(reason, RULES)
