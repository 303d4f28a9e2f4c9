"""The verdict: what is kept, why, and what it stands for."""

from typing import Any

import pytest

from extension.model.levels import Level
from extension.parsing.failures import Failure, Outcome
from extension.sampling import probability
from extension.sampling.policies import ColdStart, Memory, Signs, Slow
from extension.sampling.verdict import Rates, Verdict, decide

HIGH, LOW = 2**56 - 1, 0
FAILURE = Failure("timeout", Outcome.TIMEOUT)


def verdict_on(*, rate: float = 0.1, **given: Any) -> Verdict | None:
    """Decides on a healthy invocation that is over, unless told otherwise."""
    facts: dict[str, Any] = {
        "failure": None,
        "signs": Signs(),
        "rules": (),
        "ended": True,
        "reported": False,
        "floor_is_due": False,
        "randomness": LOW,
        "rates": Rates(rate),
    }
    return decide(**(facts | given))


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ended", [False, True])
def test_a_failure_is_kept_at_any_rate_with_weight_one(rate: float, ended: bool) -> None:
    """It is kept for certain, so it stands for itself, whatever rules and draw would say."""
    verdict = verdict_on(
        failure=FAILURE, ended=ended, rate=rate, rules=(ColdStart(),), signs=Signs(is_first=True)
    )

    assert verdict == Verdict(keep=True, reason="timeout", weight=1.0, failed=True)


@pytest.mark.parametrize("randomness", [HIGH, LOW])
def test_a_healthy_invocation_is_undecided_until_it_ends(randomness: int) -> None:
    """Whether sampled in or out: it may still fail."""
    assert verdict_on(ended=False, randomness=randomness, rate=0.5) is None


def test_a_healthy_invocation_is_drawn_when_it_ends() -> None:
    """By its transaction's randomness alone."""
    kept = verdict_on(randomness=HIGH, rate=0.25)
    dropped = verdict_on(randomness=LOW, rate=0.25)

    assert kept == Verdict(keep=True, reason="sampled", weight=4.0, failed=False)
    assert dropped == Verdict(keep=False, reason="not-sampled", weight=0.0, failed=False)


def test_at_rate_zero_nothing_healthy_is_kept() -> None:
    """Not even the transaction with the highest randomness."""
    verdict = verdict_on(randomness=HIGH, rate=0.0)

    assert verdict is not None
    assert not verdict.keep


def test_at_rate_one_everything_is_kept_at_once() -> None:
    """No end can change that."""
    verdict = verdict_on(ended=False, rate=1.0)

    assert verdict == Verdict(keep=True, reason="sampled", weight=1.0, failed=False)


@pytest.mark.parametrize("randomness", [HIGH, LOW])
def test_a_rule_speaks_before_the_draw(randomness: int) -> None:
    """What it keeps stands for itself, whatever the draw would have said: never both."""
    verdict = verdict_on(randomness=randomness, rules=(Slow(100),), signs=Signs(duration_ms=101.0))

    assert verdict == Verdict(keep=True, reason="slow", weight=1.0, failed=False)


def test_the_first_rule_that_speaks_is_the_reason() -> None:
    """In the order in which they are asked."""
    signs = Signs(duration_ms=101.0, is_first=True)

    verdict = verdict_on(rules=(ColdStart(), Slow(100)), signs=signs)

    assert verdict is not None
    assert verdict.reason == "cold-start"


def test_a_rule_may_speak_before_the_end() -> None:
    """What is certain is delivered while the function runs."""
    verdict = verdict_on(ended=False, rules=(ColdStart(),), signs=Signs(is_first=True))

    assert verdict is not None
    assert verdict.keep


@pytest.mark.parametrize("randomness", [HIGH, LOW])
def test_the_draw_waits_for_the_report_where_a_rule_does(randomness: int) -> None:
    """Drawn before, what the rule then kept would have stood for more than itself, now and then."""
    rules = (Memory(0.9),)

    before = verdict_on(randomness=randomness, rules=rules)
    after = verdict_on(randomness=randomness, rules=rules, reported=True)

    assert before is None
    assert after is not None
    assert after.keep == (randomness == HIGH)


@pytest.mark.parametrize("randomness", [HIGH, LOW])
def test_what_the_floor_wants_is_kept_whatever_the_draw(randomness: int) -> None:
    """With weight 1, since the floor does not ask the draw."""
    verdict = verdict_on(randomness=randomness, floor_is_due=True)

    assert verdict == Verdict(keep=True, reason="at-least", weight=1.0, failed=False)


def test_the_floor_waits_for_the_end() -> None:
    """An invocation may still fail, and another be the one."""
    assert verdict_on(ended=False, floor_is_due=True) is None


# Levels -------------------------------------------------------------------------------------------------------------

RATES = Rates(0.1, {Level.DEBUG: 0.01, Level.INFO: None, Level.WARN: 1.0, Level.TRACE: 0.0})


@pytest.mark.parametrize(
    ("level", "rate"),
    [
        (None, 0.1),
        (Level.TRACE, 0.0),
        (Level.DEBUG, 0.01),
        (Level.INFO, 0.1),
        (Level.WARN, 1.0),
        (Level.ERROR, 1.0),
        (Level.FATAL, 1.0),
    ],
)
def test_each_level_has_its_rate(level: Level | None, rate: float) -> None:
    """One that is not set has SAMPLE_RATE; what is above WARN is kept if anything is."""
    assert RATES.of(level) == rate


@pytest.mark.parametrize("randomness", [HIGH, LOW, 2**55, int(0.95 * 2**56)])
def test_levels_nest(randomness: int) -> None:
    """Where lines of one rate are kept, so are those of every higher rate; what they stand for is 1/rate."""
    weights = {level: RATES.weight_of(level, randomness=randomness) for level in Level}

    for level in Level:
        rate = RATES.of(level)
        kept = rate > 0 and probability.keeps(randomness, rate=rate)
        assert weights[level] == (pytest.approx(1 / rate) if kept else 0.0)
        assert not kept or all(weights[other] for other in Level if RATES.of(other) >= rate)


def test_an_invocation_of_which_some_lines_are_kept_stands_for_those_at_the_highest_rate() -> None:
    """Something of it is kept at that rate, so that is what its summary stands for."""
    verdict = verdict_on(randomness=2**55, rates=Rates(0.1, {Level.WARN: 0.5}))

    assert verdict == Verdict(keep=True, reason="sampled", weight=2.0, failed=False, by_level=True)


def test_equal_rates_are_one_rate() -> None:
    """Then no line needs a look of its own."""
    verdict = verdict_on(randomness=HIGH, rates=Rates(0.1, {Level.WARN: 0.1, Level.INFO: None}))

    assert verdict is not None
    assert not verdict.by_level
