"""Work out the figures of the report from a study: today's, and those of each set of settings.

Pure.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from extension.model.timestamps import epoch_ns
from whatif.model.net import Account
from whatif.model.prices import month_factor
from whatif.model.words import counted, listed
from whatif.replay.study import Study
from whatif.replay.tally import Failure
from whatif.report.advice import Advice, advice_of
from whatif.report.costs import CostView, costs_of, ranked
from whatif.report.findings import FunctionRow, MissedView, functions_of, missed_of
from whatif.report.rows import Row, row_of

MILLION = 10**6
MAX_NAMED = 3
"""Functions that the heading names."""

MAX_EXAMPLES = 3
"""Failures that are shown."""

DAY_CHARS = len("2026-11-20")

UNFRAMED = (
    "it has lines, but not the START and REPORT lines between which an invocation stands, as a filter pattern or a system"
    " log level above INFO leaves them out. How its invocations ended cannot be told; export it without a filter."
)


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
        first_time: The time of the first event, as Lambda writes it.
        last_time: That of the last one.
        costs: What everything costs.
        rows: The sets of settings, the best first.
        files: For each file its name, its kind, its events and its unreadable lines.
        notes: Remarks that the reader needs to judge the figures.
        functions: The functions, those with the most invocations first.
        missed: What the user's own settings take for healthy, and a person might not.
        examples: Failures that the user's own settings find, of as many reasons as there are.
        advice: When something else is the better choice.
        is_refused: Whether no outcome can be told from the logs, so that the figures would mean nothing.
    """

    per: str
    invocations: int
    lines: int
    cloudwatch_bytes: int
    environments: int
    span_s: float
    first_time: str
    last_time: str
    costs: CostView
    rows: Sequence[Row]
    files: Sequence[tuple[str, str, int, int]]
    notes: Sequence[str]
    functions: Sequence[FunctionRow]
    missed: MissedView
    examples: Sequence[Failure]
    advice: Sequence[Advice]
    is_refused: bool = False

    @property
    def own(self) -> Row:
        """The user's own settings."""
        return next(row for row in self.rows if row.is_own)

    @property
    def best(self) -> Row:
        """The best set of settings."""
        return self.rows[0]

    @property
    def subject(self) -> str:
        """The functions, or the files that were read, in words."""
        names = [row.name for row in self.functions]
        more = len(names) - MAX_NAMED
        return ", ".join(names[:MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")

    @property
    def dates(self) -> str:
        """The days of the log, in words."""
        first, last = self.first_time[:DAY_CHARS], self.last_time[:DAY_CHARS]
        return first if first == last else f"{first} to {last}"


def view_of(study: Study, account: Account | None = None) -> View:
    """Return the figures of a study, for an account of which more may be known than the log tells."""
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
    share = max((tally.volume.compressed_share for tally in study.tallies), default=0.0)
    costs = costs_of(
        next(point for point in study.points if point.is_own),
        study.logs,
        factor=factor,
        is_monthly=monthly is not None,
        compressed_share=share,
        account=account or Account(),
    )
    rows = ranked(
        [
            row_of(point.label, tally, factor, is_own=point.is_own)
            for point, tally in zip(study.points, study.tallies, strict=True)
        ],
        costs,
    )
    own = next(row for row in rows if row.is_own)
    missed = missed_of(study, factor=factor)
    return View(
        per=per,
        invocations=invocations,
        lines=log.lines,
        cloudwatch_bytes=log.cloudwatch_bytes,
        environments=study.environments,
        span_s=span_s,
        first_time=log.first_time,
        last_time=log.last_time,
        costs=costs,
        rows=rows,
        files=[(one.name, one.form, one.events, one.unreadable) for one in study.readings],
        notes=_notes(study),
        functions=functions_of(study, costs, factor=factor),
        missed=missed,
        examples=_examples(study),
        advice=advice_of(rows[0], own, costs, missed),
        is_refused=_is_refused(study),
    )


def _examples(study: Study) -> list[Failure]:
    """Return failures of the user's own settings: one of each reason, the most frequent first, then a second of each."""
    own = next(
        tally for point, tally in zip(study.points, study.tallies, strict=True) if point.is_own
    )
    shown = [own.examples.get(reason, []) for reason, _ in own.failures.most_common()]
    turns = (of_one[turn] for turn in range(MAX_EXAMPLES) for of_one in shown if turn < len(of_one))
    return list(islice(turns, MAX_EXAMPLES))


def _is_refused(study: Study) -> bool:
    logs = [log for log in study.logs.values() if log.lines]
    return bool(logs) and all(log.is_filtered for log in logs)


def _span_s(first: str, last: str) -> float:
    first_ns, last_ns = epoch_ns(first), epoch_ns(last)
    return (last_ns - first_ns) / 1e9 if first_ns is not None and last_ns is not None else 0.0


def _unresolved_text(names: Collection[str]) -> str:
    replaced = listed(sorted(names))
    if "SETTINGS" in names:
        replaced = "what the document of SETTINGS sets"
    return f"References are not fetched here. Defaults replace {replaced}, unless --set or --env has a value."


def _notes(study: Study) -> list[str]:
    log = study.log
    found = []
    for reading in study.readings:
        found += [f"{reading.name}: {note}" for note in reading.notes]
    found += [f"{name}: {UNFRAMED}" for name, one in study.logs.items() if one.is_filtered]
    if _is_refused(study):
        return found
    if unresolved := {name for point in study.points for name in point.settings.unresolved}:
        found.append(_unresolved_text(unresolved))
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
