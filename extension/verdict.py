"""The verdict on an invocation: what is kept of it, why, and how much what is kept stands for.

Pure, and the only place where "keep" is decided. A failure is kept whatever its rate, with weight 1; healthy material
is kept by the draw, with weight 1/rate; never both, so that a count is the sum of the weights.
"""

from dataclasses import dataclass

from . import sampling
from .failures import Failure

SAMPLED = "sampled"
NOT_SAMPLED = "not-sampled"
EMF = "emf"
ARCHIVE = "archive"
UNKNOWN_OUTCOME = "outcome-unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided of one invocation.

    Attributes:
        keep: whether its whole recording is delivered; if not, its metrics still are.
        reason: the name of the rule that decided.
        weight: of what is kept: the number of invocations that each stands for.
        failed: whether the invocation failed, which is what is given up last.
    """

    keep: bool
    reason: str
    weight: float
    failed: bool


METRICS = Verdict(keep=True, reason=EMF, weight=1.0, failed=False)
"""For lines in the embedded metric format of an invocation that is otherwise let go."""

ARCHIVED = Verdict(keep=True, reason=ARCHIVE, weight=1.0, failed=False)
"""For what goes to ARCHIVE_SINK, where everything is: it stands for itself, whatever the sink gets."""


def decide(*, failure: Failure | None, ended: bool, randomness: int, rate: float) -> Verdict | None:
    """Decides, or gives None while it is too early.

    Args:
        failure: the first sign of failure, if there has been one.
        ended: whether the end of the invocation has been seen. Before it, only a failure is certain, and a rate of
            1: a sampled invocation may still fail, and then its weight is 1.
        randomness: R, see :mod:`extension.sampling`.
        rate: SAMPLE_RATE.
    """
    if failure is not None:
        return Verdict(keep=True, reason=failure.reason, weight=1.0, failed=True)
    if rate >= 1.0:
        return Verdict(keep=True, reason=SAMPLED, weight=1.0, failed=False)
    if not ended:
        return None
    if rate > 0.0 and sampling.keeps(randomness, rate=rate):
        return Verdict(keep=True, reason=SAMPLED, weight=sampling.weight_of(rate), failed=False)
    return Verdict(keep=False, reason=NOT_SAMPLED, weight=0.0, failed=False)
