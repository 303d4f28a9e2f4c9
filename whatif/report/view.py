"""What a study says, in figures that a table and a page can show: today beside each set of settings.

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
"""Standard deviations to either side that 95 % of a normal distribution lie within."""

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
        label: What sets it apart.
        is_own: Whether it is the user's own.
        lines: Record.
        lines_by_kind: The same, by why: one of :data:`KINDS`.
        cloudwatch_bytes: As CloudWatch would count what is kept.
        failures: Failed invocations by reason, the most frequent first.
        whole: How many of them have all their lines.
        missing: How many of them have not, by why.
        withheld_lines: Of failed invocations, because there were more of them than KEEP_AT_MOST allows.
        incomplete: Those that have not, as far as they are listed.
        healthy: Healthy invocations that are kept.
        estimated: All invocations, as the sum of weights.
        margin: By how much it may be off, in 95 of 100 samples.
        estimated_lines: All lines, as the sum of weights.
        usd: By sink, for what the view's :attr:`View.per` says.
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
        """Whether what is kept says anything of the healthy invocations: with a rate of 0 it does not."""
        return self.healthy > 0

    @property
    def failed(self) -> int:
        """Failed invocations."""
        return sum(self.failures.values())

    @property
    def withheld(self) -> int:
        """Failed invocations of which error lines and counts went only, because too many failed."""
        return self.missing.get(WITHHELD, 0)


@dataclass(frozen=True, slots=True)
class View:
    """All of it.

    Attributes:
        per: What costs are for, such as ``a month at this pace``.
        invocations: In the log.
        lines: In the log, that the functions wrote.
        cloudwatch_bytes: Of the log, as CloudWatch counts.
        environments: That it is of.
        span_s: From its first event to its last, in seconds.
        today_usd: What the log costs, in CloudWatch's two classes.
        rows: The settings.
        files: Each file's name, its kind, its events, and how many lines of it could not be read.
        notes: What is to be known of the log before one believes the figures.
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
    """Draw figures from a study."""
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
            f"References are not fetched here: defaults stand in for {listed(unresolved)}, unless --set or --env says more."
        )
    if not all(point.settings.enabled for point in study.points):
        found.append("ENABLED is false: nothing of this happens until it is true.")
    if log.cut:
        found.append(
            f"{counted(log.cut, 'invocation')} had not ended where the log breaks off: taken for successful."
        )
    if log.outside:
        found.append(
            f"{counted(log.outside, 'line')} before the first START of an environment: what init wrote, or the log begins"
            " in the middle of an invocation. What stands there goes with the first invocation."
        )
    if log.disordered:
        found.append(
            f"{counted(log.disordered, 'event')} behind a later one of the same environment: what belongs to another"
            " invocation than it stands in was given to the wrong one, unless it names its own."
        )
    if log.sampled:
        found.append(
            f"{counted(log.sampled, 'record')} kept by an extension before: what it dropped is missing here, and rates"
            " apply to what it kept. The log of an ARCHIVE_SINK has everything."
        )
    unreadable = sum(tally.unreadable_bytes for tally in study.tallies)
    if unreadable:
        found.append(f"{counted(unreadable, 'byte')} could not be read as events by the extension.")
    return found
