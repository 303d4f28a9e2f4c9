"""Work out the figures of the report from a study: today's, and those of each set of settings.

Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extension.model.timestamps import epoch_ns
from extension.sampling import verdict
from whatif.model import prices
from whatif.model.prices import SINKS, Volume, month_factor, usd_of
from whatif.model.words import counted, listed
from whatif.replay.study import Study
from whatif.replay.tally import WITHHELD, Incomplete, Tally

MILLION = 10**6
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


@dataclass(frozen=True, slots=True)
class View:
    """All figures of the report.

    Attributes:
        per: The unit of costs, such as ``a month at this pace``.
        invocations: The number of invocations in the logs.
        lines: The number of the functions' lines in the logs.
        cloudwatch_bytes: The size of the logs, as CloudWatch counts.
        environments: The number of environments.
        span_s: The time from the first event to the last, in seconds.
        today_usd: The cost of the logs, in CloudWatch's two classes.
        rows: The sets of settings.
        files: For each file its name, its kind, its events and its unreadable lines.
        notes: Remarks that the reader needs to judge the figures.
    """

    per: str
    invocations: int
    lines: int
    cloudwatch_bytes: int
    environments: int
    span_s: float
    today_usd: Mapping[str, float]
    rows: Sequence[Row]
    files: Sequence[tuple[str, str, int, int]]
    notes: Sequence[str]

    @property
    def own(self) -> Row:
        """The user's own settings."""
        return next(row for row in self.rows if row.is_own)


def view_of(study: Study) -> View:
    """Return the figures of a study."""
    log = study.log
    invocations = max((tally.invocations for tally in study.tallies), default=0)
    span_s = _span_s(log.first_time, log.last_time)
    monthly = month_factor(span_s)
    if monthly is not None:
        factor, per = monthly, "a month at this pace"
    elif invocations:
        factor, per = MILLION / invocations, "a million invocations"
    else:
        factor, per = 1.0, "this log"
    rows = [
        _row(point.label, tally, factor, is_own=point.is_own)
        for point, tally in zip(study.points, study.tallies, strict=True)
    ]
    share = max((tally.volume.compressed_share for tally in study.tallies), default=0.0)
    today = Volume(log.cloudwatch_bytes, 0.0, share, 0)
    return View(
        per=per,
        invocations=invocations,
        lines=log.lines,
        cloudwatch_bytes=log.cloudwatch_bytes,
        environments=study.environments,
        span_s=span_s,
        today_usd={name: usd_of(today, name) * factor for name in SINKS[:2]},
        rows=rows,
        files=[(one.name, one.form, one.events, one.unreadable) for one in study.readings],
        notes=_notes(study),
    )


def _row(label: str, tally: Tally, factor: float, *, is_own: bool) -> Row:
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
        usd={name: usd_of(tally.volume, name) * factor for name in prices.SINKS},
    )


def _kind_of(reason: str, tally: Tally) -> str:
    if reason in tally.failures:
        return FAILED
    named = {verdict.SAMPLED: SAMPLED, verdict.EMF: METRICS, verdict.HISTORY: HISTORY}
    return named.get(reason, RULES)


def _span_s(first: str, last: str) -> float:
    first_ns, last_ns = epoch_ns(first), epoch_ns(last)
    return (last_ns - first_ns) / 1e9 if first_ns is not None and last_ns is not None else 0.0


def _notes(study: Study) -> list[str]:
    log = study.log
    found = []
    for reading in study.readings:
        found += [f"{reading.name}: {note}" for note in reading.notes]
    unresolved = sorted({name for point in study.points for name in point.settings.unresolved})
    if unresolved:
        found.append(
            f"References are not fetched here. Defaults replace {listed(unresolved)}, unless --set or --env has a value."
        )
    if not all(point.settings.enabled for point in study.points):
        found.append("ENABLED is false, so the extension does nothing of this.")
    if log.cut:
        found.append(
            f"{counted(log.cut, 'invocation')} had not ended at the end of the log. They count as successful."
        )
    if log.outside:
        found.append(
            f"{counted(log.outside, 'line')} before the first START of an environment: from init, or from an invocation that"
            " had begun before the log. They count to the first invocation."
        )
    if log.disordered:
        found.append(
            f"{counted(log.disordered, 'event')} behind a later one of the same environment. A line without a request id"
            " counts to the invocation that it stands in, which may be the wrong one."
        )
    if log.sampled:
        found.append(
            f"{counted(log.sampled, 'record')} kept by an extension before. The lines that it dropped are missing, and rates"
            " apply to the kept ones. The log of an ARCHIVE_SINK has everything."
        )
    unreadable = sum(tally.unreadable_bytes for tally in study.tallies)
    if unreadable:
        found.append(f"The extension could not read {counted(unreadable, 'byte')} as events.")
    return found
