"""Who asks for a verdict."""

from dataclasses import replace
from typing import Any

from extension.config.parsers import Pace
from extension.config.settings import Settings
from extension.model.levels import Level
from extension.parsing.failures import Failure, Outcome
from extension.parsing.line import LineFacts
from extension.recorder.evaluator import PolicyEvaluator, now_ms
from extension.recorder.invocation import Invocation
from extension.sampling.probability import keeps, randomness_of
from extension.sampling.verdict import Verdict
from tests.doubles.lambda_events import FIRST

IN = "1-5f35ae12-0c0fec141affffffffffffff"
OUT = "1-5f35ae12-0c0fec141a00000000000001"


def evaluator(**settings: Any) -> PolicyEvaluator:
    return PolicyEvaluator(
        replace(Settings(), **{"sample_rate": 0.1, **settings}), environment_id="e"
    )


def over(trace_id: str = OUT, *, at: str = "2026-10-12T00:00:00.000Z") -> Invocation:
    invocation = Invocation(FIRST, started=at, trace_id=trace_id)
    invocation.ended = True
    return invocation


def reason(decided: Verdict | None) -> str:
    assert decided is not None
    return decided.reason


def test_the_trace_decides_on_what_is_healthy() -> None:
    """And the name of the transaction before it, where one is known."""
    asked = evaluator()
    named = over(IN)
    named.correlation_id = next(
        name
        for name in map(str, range(100))
        if not keeps(randomness_of(trace_id="", request_id="", correlation_id=name), rate=0.1)
    )

    assert reason(asked.decide(over(IN))) == "sampled"
    assert reason(asked.decide(over(OUT))) == "not-sampled"
    assert reason(asked.decide(named)) == "not-sampled"


def test_while_it_runs_nothing_healthy_is_decided() -> None:
    """Unless everything is kept, or it has failed already."""
    running = Invocation(FIRST, trace_id=IN)

    assert evaluator().decide(running) is None
    assert reason(evaluator(sample_rate=1.0).decide(running)) == "sampled"
    running.failure = Failure("error-line", Outcome.ERROR)
    assert reason(evaluator().decide(running)) == "error-line"


def test_init_waits_for_no_report() -> None:
    """It has none, so a rule that needs one does not keep it undecided."""
    init = Invocation("")
    init.ended = True

    assert evaluator(keep_memory_above=0.9).decide(init) is not None
    assert evaluator(keep_memory_above=0.9).decide(over()) is None
    assert evaluator(keep_memory_above=0.9).decide(over(), reported=True) is not None


def test_the_floor_keeps_one_and_waits() -> None:
    """Until the time is over for which one is enough."""
    asked = evaluator(keep_at_least=Pace(1, 60_000))
    first, second, third = (
        over(at="2026-10-12T00:00:00.000Z"),
        over(at="2026-10-12T00:00:59.000Z"),
        over(at="2026-10-12T00:01:00.000Z"),
    )

    assert reason(asked.decide(first)) == "at-least"
    asked.kept(first)
    assert reason(asked.decide(second)) == "not-sampled"
    assert reason(asked.decide(third)) == "at-least"


def test_changed_settings_are_for_every_decision_from_then_on() -> None:
    """The rate, and the rules."""
    asked = evaluator()

    asked.apply(replace(Settings(), sample_rate=1.0))
    assert reason(asked.decide(over())) == "sampled"
    asked.apply(replace(Settings(), sample_rate=0.0, keep_cold_starts=True))
    invocation = over()
    invocation.signs.is_first = True
    assert reason(asked.decide(invocation)) == "cold-start"


def test_a_line_of_no_invocation_is_judged_by_its_own_level() -> None:
    """As a transaction of its own."""
    asked = evaluator(sample_rate=0.0, sample_rate_warn=1.0)
    failure = Failure("level-error", Outcome.ERROR)

    for level, failed, expected in (
        (Level.INFO, None, "not-sampled"),
        (Level.WARN, None, "sampled"),
        (Level.ERROR, failure, "level-error"),
    ):
        facts = LineFacts(level=level, request_id="", failure=failed, is_emf=False)
        assert reason(asked.decide_alone(facts, "e-7")) == expected


def test_lines_stand_for_what_their_levels_rate_says() -> None:
    """By the same draw, so that levels nest."""
    asked = evaluator(sample_rate=0.1, sample_rate_debug=0.0, sample_rate_warn=1.0)

    inside, outside = asked.weigher(over(IN)), asked.weigher(over(OUT))

    assert [inside(level) for level in (Level.DEBUG, None, Level.WARN)] == [0.0, 10.0, 1.0]
    assert [outside(level) for level in (Level.DEBUG, None, Level.WARN)] == [0.0, 0.0, 1.0]


def test_times_are_lambdas() -> None:
    """In milliseconds since 1970; nothing is known of one that cannot be read."""
    assert now_ms(over(at="1970-01-01T00:00:01.500Z")) == 1500
    assert now_ms(over(at="")) == 0
