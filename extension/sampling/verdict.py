"""The verdict on an invocation: what is kept of it, why, and how much what is kept stands for.

Pure, and the only place where "keep" is decided. A failure is kept whatever its rate, and so is what a rule speaks for,
with weight 1; the rest of what is healthy is kept by the draw, with weight 1/rate; never both, so that a count is the sum
of the weights. Levels may have rates of their own: they follow one draw, so they nest.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from extension.model.levels import Level
from extension.parsing.failures import Failure
from extension.sampling import probability
from extension.sampling.policies import Policy, Signs

SAMPLED = "sampled"
NOT_SAMPLED = "not-sampled"
EMF = "emf"
ARCHIVE = "archive"
AT_LEAST = "at-least"
HISTORY = "history"
FLOOD = "flood"
EXCLUDED = "excluded"
UNKNOWN_OUTCOME = "outcome-unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided of one invocation.

    Attributes:
        keep: whether something of its recording is delivered; if not, its metrics still are.
        reason: the name of the rule that decided.
        weight: of what is kept: the number of invocations that each stands for.
        failed: whether the invocation failed, which is what is given up last.
        by_level: whether the draw goes on for its lines, one by one: see :meth:`Rates.weight_of`.
    """

    keep: bool
    reason: str
    weight: float
    failed: bool
    by_level: bool = False


METRICS = Verdict(keep=True, reason=EMF, weight=1.0, failed=False)
"""For lines in the embedded metric format of an invocation that is otherwise let go."""

ARCHIVED = Verdict(keep=True, reason=ARCHIVE, weight=1.0, failed=False)
"""For what goes to ARCHIVE_SINK, where everything is: it stands for itself, whatever the sink gets."""

PAST = Verdict(keep=True, reason=HISTORY, weight=0.0, failed=False)
"""For what was let go of before a failure: it is there for the failure's sake, and stands for nothing."""


class Rates:
    """SAMPLE_RATE, and the rates of single levels.

    Attributes:
        least: the lowest of all: a transaction that is in at this rate is kept whole.
        most: the highest: one that is not in at this rate is let go.
    """

    __slots__ = ("_by_level", "_other", "least", "most")

    def __init__(self, rate: float, by_level: dict[Level, float | None] | None = None) -> None:
        """Takes SAMPLE_RATE, and rates of levels; None is SAMPLE_RATE's."""
        given = by_level or {}
        self._other = rate
        self._by_level = {level: rate if one is None else one for level, one in given.items()}
        every = (rate, *self._by_level.values())
        self.least, self.most = min(every), max(every)

    def of(self, level: Level | None) -> float:
        """Gives the rate for lines of a level; lines above WARN are kept if anything is."""
        if level is None:
            return self._other
        return self._by_level.get(level, self.most if level > Level.WARN else self._other)

    def weight_of(self, level: Level | None, *, randomness: int) -> float:
        """Gives what a line of a transaction stands for; 0 if it is not kept."""
        rate = self.of(level)
        kept = rate > 0.0 and probability.keeps(randomness, rate=rate)
        return probability.weight_of(rate) if kept else 0.0


def decide(  # noqa: PLR0911, PLR0913 - a ladder, and all that it rests on
    *,
    failure: Failure | None,
    signs: Signs,
    rules: Iterable[Policy],
    ended: bool,
    reported: bool,
    floor_is_due: bool,
    randomness: int,
    rates: Rates,
) -> Verdict | None:
    """Decides, or gives None while it is too early.

    Args:
        failure: the first sign of failure, if there has been one.
        signs: what else is known.
        rules: in the order in which they are asked.
        ended: whether the end of the invocation has been seen. Before it, only a failure, what a rule says and a rate
            of 1 are certain: a sampled invocation may still fail, and then its weight is 1.
        reported: whether all is known that the report tells, or will not be.
        floor_is_due: whether KEEP_AT_LEAST wants one.
        randomness: R, see :mod:`extension.sampling.probability`.
        rates: of sampling.
    """
    if failure is not None:
        return Verdict(keep=True, reason=failure.reason, weight=1.0, failed=True)
    waits = False
    for rule in rules:
        if rule.speaks(signs):
            return Verdict(keep=True, reason=rule.name, weight=1.0, failed=False)
        waits = waits or rule.waits(signs)
    if rates.least >= 1.0:
        return Verdict(keep=True, reason=SAMPLED, weight=1.0, failed=False)
    if not ended or (waits and not reported):
        return None
    if floor_is_due:
        return Verdict(keep=True, reason=AT_LEAST, weight=1.0, failed=False)
    if rates.most > 0.0 and probability.keeps(randomness, rate=rates.most):
        weight = probability.weight_of(rates.most)
        by_level = rates.least < rates.most
        return Verdict(keep=True, reason=SAMPLED, weight=weight, failed=False, by_level=by_level)
    return Verdict(keep=False, reason=NOT_SAMPLED, weight=0.0, failed=False)
