"""Decide on an invocation: whether it is kept, for which reason, and with which weight.

Pure, and the only place that decides to keep. A failure is kept at any rate, with weight 1, and so is an invocation that a
policy keeps. The draw keeps other healthy invocations, with weight 1/rate. No invocation is kept for both, so a count is the
sum of the weights. Levels may have rates of their own: they follow one draw, so a lower rate's lines are among a higher's.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from extension.levels.level import Level
from extension.parsing.failures import Failure
from extension.sampling import probability
from extension.sampling.policies import Policy, Signs, never

SAMPLED = "sampled"
NOT_SAMPLED = "not-sampled"
EMF = "emf"
ARCHIVE = "archive"
AT_LEAST = "at-least"
HISTORY = "history"
FLOOD = "flood"
EXCLUDED = "excluded"
UNKNOWN_OUTCOME = "outcome-unknown"
INIT = "init"
SNAPSHOT = "snapshot"


class Verdict(NamedTuple):
    """Hold the decision on one invocation.

    Attributes:
        keep: whether lines of it are delivered; its metrics always are.
        reason: the name of the policy or sign that decided.
        weight: how many invocations each kept one stands for.
        failed: whether the invocation failed; failed ones are given up last.
        by_level: whether each line is drawn by its own rate: see :meth:`Rates.weight_of`.
    """

    keep: bool
    reason: str
    weight: float = 1.0
    failed: bool = False
    by_level: bool = False


METRICS = Verdict(keep=True, reason=EMF)
"""For lines in the embedded metric format of an invocation that is dropped."""

PUBLISHED = Verdict(keep=True, reason=INIT)
"""For what init wrote before a snapshot. It is written once a version, whatever the rates."""

ARCHIVED = Verdict(keep=True, reason=ARCHIVE)
"""For records that go to ARCHIVE_SINK. The archive has everything, so each stands for itself."""

PAST = Verdict(keep=True, reason=HISTORY, weight=0.0)
"""For dropped lines that are delivered with a later failure. They explain it, and stand for nothing."""


class Rates:
    """Hold SAMPLE_RATE and the rates of single levels; a level with None has SAMPLE_RATE.

    A transaction that the lowest rate samples in is kept whole; one that the highest does not sample in is dropped.
    """

    def __init__(self, rate: float, by_level: dict[Level, float | None]) -> None:
        self._other = rate
        self._by_level = {level: rate if one is None else one for level, one in by_level.items()}
        every = (rate, *self._by_level.values())
        self.least, self.most = min(every), max(every)

    def of(self, level: Level | None) -> float:
        """Return the rate for lines of a level. Lines above WARN are kept if any line is."""
        if level is None:
            return self._other
        return self._by_level.get(level, self.most if level > Level.WARN else self._other)

    def weight_of(self, level: Level | None, *, randomness: int) -> float:
        """Return the weight of a line at a level; 0 if it is not kept."""
        rate = self.of(level)
        kept = rate > 0.0 and probability.keeps(randomness, rate=rate)
        return probability.weight_of(rate) if kept else 0.0


def decide(  # noqa: PLR0911, PLR0913 - a ladder, and all the facts for it
    *,
    failure: Failure | None,
    signs: Signs,
    policies: Iterable[Policy],
    ended: bool,
    reported: bool,
    floor_is_due: bool,
    randomness: Callable[[], int],
    rates: Rates,
) -> Verdict | None:
    """Decide by the first sign of failure, the policies in order, and the draw; return None while it is too early.

    Before the invocation has ended, only a failure, a policy and a rate of 1 are certain: a sampled invocation may still
    fail, and then its weight is 1. ``reported`` tells that the report has come, or will not come. ``floor_is_due`` tells
    that KEEP_AT_LEAST wants an invocation. Only the draw asks for R, see :mod:`extension.sampling.probability`.
    """
    if failure is not None:
        return Verdict(keep=True, reason=failure.reason, failed=True)
    pending = False
    for policy in policies:
        if policy.keeps(signs):
            return Verdict(keep=True, reason=policy.name)
        if policy.pending is not never:
            pending = pending or policy.pending(signs)
    if rates.least >= 1.0:
        return Verdict(keep=True, reason=SAMPLED)
    if not ended or (pending and not reported):
        return None
    if floor_is_due:
        return Verdict(keep=True, reason=AT_LEAST)
    if rates.most > 0.0 and probability.keeps(randomness(), rate=rates.most):
        weight = probability.weight_of(rates.most)
        by_level = rates.least < rates.most
        return Verdict(keep=True, reason=SAMPLED, weight=weight, by_level=by_level)
    return Verdict(keep=False, reason=NOT_SAMPLED, weight=0.0)
