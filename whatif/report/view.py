"""Work out the figures of the report from a study: today's, and those of each set of settings.

Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from extension.model.timestamps import epoch_ns
from whatif.model.prices import SINKS, Volume, month_factor, usd_of
from whatif.model.words import counted, listed
from whatif.replay.study import Study
from whatif.report.findings import FunctionRow, MissedView, functions_of, missed_of
from whatif.report.rows import Row, row_of

MILLION = 10**6
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
        today_usd: The cost of the logs, in CloudWatch's two classes.
        rows: The sets of settings.
        files: For each file its name, its kind, its events and its unreadable lines.
        notes: Remarks that the reader needs to judge the figures.
        functions: The functions, those with the most invocations first.
        missed: What the user's own settings take for healthy, and a person might not.
        is_refused: Whether no outcome can be told from the logs, so that the figures would mean nothing.
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
    functions: Sequence[FunctionRow]
    missed: MissedView
    is_refused: bool = False

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
        row_of(point.label, tally, factor, is_own=point.is_own)
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
        functions=functions_of(study, share=share, factor=factor),
        missed=missed_of(study, factor=factor),
        is_refused=_is_refused(study),
    )


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
