"""Work out what the user's own settings do by function, and what they miss.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from whatif.model.log import Log
from whatif.model.net import MEASURED_SINK, Pace, upkeep_of
from whatif.model.prices import Volume, usd_of
from whatif.model.signs import SIGNS
from whatif.replay.functions import Figures, summed
from whatif.replay.grid import Point
from whatif.replay.missed import Example
from whatif.replay.study import Study
from whatif.replay.suggestion import LEVEL_SIGN, suggestion_of
from whatif.replay.tally import Tally
from whatif.report.costs import CostView, pace_of, summed_pace
from whatif.report.rows import Row, row_of


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function under the user's own settings.

    Attributes:
        name: Its name, or that of the file or log group that it was read from.
        invocations: The number of its invocations.
        lines: The number of its lines in the logs.
        failed: Its failed invocations.
        kept: Its kept lines.
        today_usd: The cost of its logs in CloudWatch, Standard class, for :attr:`View.per`.
        usd: The cost of its kept lines there.
        net_usd: What is saved there, net of all costs.
    """

    name: str
    invocations: int
    lines: int
    failed: int
    kept: int
    today_usd: float
    usd: float
    net_usd: float


@dataclass(frozen=True, slots=True)
class MissedRow:
    """The missed invocations that show one sign.

    Attributes:
        sign: Its name.
        invocations: Those that the user's own settings take for healthy.
        mild: Those of them in which only lines below ERROR show it.
        let_go: Those of them that would be let go.
        usd: What it costs to keep them whole, in CloudWatch, Standard class, for :attr:`View.per`.
        settings: What keeps them: settings without their prefix, and their values.
        examples: Some of them.
    """

    sign: str
    invocations: int
    mild: int
    let_go: int
    usd: float
    settings: Mapping[str, str]
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class MissedView:
    """The invocations that a person might call failed, and that the user's own settings take for healthy.

    Attributes:
        invocations: All of them, each once.
        let_go: Those of them that would be let go.
        rows: Those that show a sign. An invocation may show several.
        settings: What keeps all of them: settings without their prefix, and their values.
        kept: All figures under these settings.
        unsearched: Signs that were not looked for, since ERROR_PATTERN has no room for them.
    """

    invocations: int
    let_go: int
    rows: Sequence[MissedRow]
    settings: Mapping[str, str]
    kept: Row
    unsearched: Sequence[str]


def _own(study: Study) -> tuple[Point, Tally]:
    pairs = zip(study.points, study.tallies, strict=True)
    return next(pair for pair in pairs if pair[0].is_own)


def functions_of(study: Study, costs: CostView, *, factor: float) -> list[FunctionRow]:
    """Return the functions, those with the most invocations first.

    Args:
        study: The result of the replay.
        costs: What all functions cost together.
        factor: Scales costs to those of :attr:`View.per`.
    """
    _, tally = _own(study)
    kept_share = tally.volume.compressed_share
    by_name: dict[str, tuple[Log, list[Figures], list[Pace]]] = {}
    for name, log in study.logs.items():
        total, figures, paces = by_name.setdefault(log.function or name, (Log(), [], []))
        total.add(log)
        figures.append(study.functions.get(name, Figures()))
        paces.append(pace_of(log, assumed_mb=costs.memory_mb))
    whole_bytes = sum(log.cloudwatch_bytes for log, *_ in by_name.values())
    rows = []
    for name, (log, figures, paces) in by_name.items():
        own = summed(figures)
        # Of what has one price for all functions, such as the tiers' and a fleet's metrics, each has its share.
        today_usd = costs.today_usd * log.cloudwatch_bytes / whole_bytes if whole_bytes else 0.0
        usd = _standard_usd(own.cloudwatch_bytes, kept_share) * factor
        upkeep = upkeep_of(summed_pace(paces).times(factor), costs.watching.share_of_one())
        rows.append(
            FunctionRow(
                name=name,
                invocations=own.invocations,
                lines=log.lines,
                failed=own.failed,
                kept=own.lines,
                today_usd=today_usd,
                usd=usd,
                net_usd=today_usd - usd - upkeep.usd(MEASURED_SINK),
            )
        )
    return sorted(rows, key=lambda row: (-row.invocations, -row.lines, row.name))


def _standard_usd(cloudwatch_bytes: float, compressed_share: float) -> float:
    return usd_of(Volume(cloudwatch_bytes, 0.0, compressed_share, 0), "cloudwatch")


def missed_of(study: Study, *, factor: float) -> MissedView:
    """Return what a person might call failed and the user's own settings do not; ``factor`` is as above."""
    own, _ = _own(study)
    missed = study.missed
    share = missed.tally.volume.compressed_share
    every = (LEVEL_SIGN, *SIGNS)
    found = [sign for sign in every if sign.name in missed.by_sign]
    rows = []
    for sign in found:
        one = missed.by_sign[sign.name]
        rows.append(
            MissedRow(
                sign=sign.name,
                invocations=one.invocations,
                mild=one.mild,
                let_go=one.let_go,
                usd=_standard_usd(one.cloudwatch_bytes, share) * factor,
                settings=suggestion_of(own, [sign]).changed,
                examples=one.examples,
            )
        )
    searched = suggestion_of(own).signs
    return MissedView(
        invocations=missed.total.invocations,
        let_go=missed.total.let_go,
        rows=rows,
        settings=suggestion_of(own, found).changed,
        kept=row_of("", missed.tally, factor, is_own=False),
        unsearched=[sign.name for sign in SIGNS if sign not in searched],
    )
