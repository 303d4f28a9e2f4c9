"""The verdict: what is kept, why, and what it stands for."""

import pytest

from extension.failures import Failure, Outcome
from extension.verdict import Verdict, decide

HIGH, LOW = 2**56 - 1, 0
FAILURE = Failure("timeout", Outcome.TIMEOUT)


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ended", [False, True])
def test_a_failure_is_kept_at_any_rate_with_weight_one(rate: float, ended: bool) -> None:
    """It is kept for certain, so it stands for itself."""
    verdict = decide(failure=FAILURE, ended=ended, randomness=LOW, rate=rate)

    assert verdict == Verdict(keep=True, reason="timeout", weight=1.0, failed=True)


def test_a_healthy_invocation_is_undecided_until_it_ends() -> None:
    """Whether sampled in or out: it may still fail."""
    assert decide(failure=None, ended=False, randomness=HIGH, rate=0.5) is None
    assert decide(failure=None, ended=False, randomness=LOW, rate=0.5) is None


def test_a_healthy_invocation_is_drawn_when_it_ends() -> None:
    """By its transaction's randomness alone."""
    kept = decide(failure=None, ended=True, randomness=HIGH, rate=0.25)
    dropped = decide(failure=None, ended=True, randomness=LOW, rate=0.25)

    assert kept == Verdict(keep=True, reason="sampled", weight=4.0, failed=False)
    assert dropped == Verdict(keep=False, reason="not-sampled", weight=0.0, failed=False)


def test_at_rate_zero_nothing_healthy_is_kept() -> None:
    """Not even the transaction with the highest randomness."""
    verdict = decide(failure=None, ended=True, randomness=HIGH, rate=0.0)

    assert verdict is not None
    assert not verdict.keep


def test_at_rate_one_everything_is_kept_at_once() -> None:
    """No end can change that."""
    verdict = decide(failure=None, ended=False, randomness=LOW, rate=1.0)

    assert verdict == Verdict(keep=True, reason="sampled", weight=1.0, failed=False)
