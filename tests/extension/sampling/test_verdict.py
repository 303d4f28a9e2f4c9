"""The verdict: whether an invocation is kept, why, and what it stands for."""

from typing import Any

import pytest

from extension.levels.level import Level
from extension.parsing.failures import Failure, Outcome
from extension.sampling import probability
from extension.sampling.policies import Policy, Signs
from extension.sampling.verdict import Rates, Verdict, decide

HIGH, LOW = 2**56 - 1, 0
FAILURE = Failure("timeout", Outcome.TIMEOUT)

SPEAKS = Policy("slow", lambda _: True)
SILENT = Policy("marker", lambda _: False)
PENDING = Policy("memory", lambda _: False, lambda _: True)


def verdict_on(*, rate: float = 0.1, **given: Any) -> Verdict | None:
    """Decide on a healthy invocation that is over, unless told otherwise."""
    facts: dict[str, Any] = {
        "failure": None,
        "signs": Signs(),
        "policies": (),
        "ended": True,
        "reported": False,
        "floor_is_due": False,
        "rates": Rates(rate, {}),
    }
    randomness = given.pop("randomness", LOW)
    return decide(**{**facts, "randomness": lambda: randomness, **given})


def kept(reason: str, **more: Any) -> Verdict:
    return Verdict(keep=True, reason=reason, **more)


DROPPED = Verdict(keep=False, reason="not-sampled", weight=0.0)

DECISIONS: dict[str, tuple[dict[str, Any], Verdict | None]] = {
    # A failure is kept for certain, so it stands for itself, whatever policies and draw would say.
    "a failure": ({"failure": FAILURE}, kept("timeout", failed=True)),
    "a failure at rate 0": ({"failure": FAILURE, "rate": 0.0}, kept("timeout", failed=True)),
    "a failure while it runs": (
        {"failure": FAILURE, "ended": False, "policies": (SPEAKS,), "rate": 1.0},
        kept("timeout", failed=True),
    ),
    # A sampled invocation may still fail, and then its weight is 1.
    "healthy, running": ({"ended": False, "randomness": HIGH, "rate": 0.5}, None),
    "sampled in": ({"randomness": HIGH, "rate": 0.25}, kept("sampled", weight=4.0)),
    "sampled out": ({"randomness": LOW, "rate": 0.25}, DROPPED),
    "at rate 0": ({"randomness": HIGH, "rate": 0.0}, DROPPED),
    "at rate 1, running": ({"ended": False, "rate": 1.0}, kept("sampled")),
    # A policy goes before the draw: one invocation must never be kept for both.
    "a policy, sampled in": ({"randomness": HIGH, "policies": (SPEAKS,)}, kept("slow")),
    "a policy, sampled out": ({"randomness": LOW, "policies": (SILENT, SPEAKS)}, kept("slow")),
    "a policy, running": ({"ended": False, "policies": (SPEAKS,)}, kept("slow")),
    "two policies": ({"policies": (SPEAKS, Policy("late", lambda _: True))}, kept("slow")),
    "no policy speaks": ({"policies": (SILENT,)}, DROPPED),
    # Drawn before, what the policy then kept would stand for more than itself, now and then.
    "a pending policy, sampled in": ({"randomness": HIGH, "policies": (PENDING,)}, None),
    "a pending policy, sampled out": ({"policies": (PENDING, SILENT)}, None),
    "a pending policy, reported": (
        {"randomness": HIGH, "policies": (PENDING,), "reported": True},
        kept("sampled", weight=10.0),
    ),
    # The floor does not ask the draw, so its weight is 1. Another invocation may be the one while this one runs.
    "the floor, sampled in": ({"randomness": HIGH, "floor_is_due": True}, kept("at-least")),
    "the floor, sampled out": ({"floor_is_due": True}, kept("at-least")),
    "the floor, running": ({"ended": False, "floor_is_due": True}, None),
}


@pytest.mark.parametrize(("facts", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_verdict_follows_from_the_facts(facts: dict[str, Any], expected: Verdict | None) -> None:
    """Counts are sums of weights, so each invocation is kept for one reason and with one weight."""
    assert verdict_on(**facts) == expected


def test_only_the_draw_asks_for_randomness() -> None:
    """Without a trace id it costs a hash, and loads OpenSSL."""
    # None cannot be compared, so a draw would raise.
    assert verdict_on(failure=FAILURE, randomness=None) is not None


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


def test_verdict_has_the_weight_of_the_highest_rate() -> None:
    """Something of it is kept at that rate, so that is what its summary stands for."""
    verdict = verdict_on(randomness=2**55, rates=Rates(0.1, {Level.WARN: 0.5}))

    assert verdict == Verdict(keep=True, reason="sampled", weight=2.0, failed=False, by_level=True)


def test_equal_rates_are_one_rate() -> None:
    """Then no line needs a look of its own."""
    verdict = verdict_on(randomness=HIGH, rates=Rates(0.1, {Level.WARN: 0.1, Level.INFO: None}))

    assert verdict is not None
    assert not verdict.by_level
