"""The policies, rates and limits of one environment, asked about one invocation."""

from typing import Any

import pytest

from extension.config.parsers import Pace
from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.model.levels import Level
from extension.model.segment import Segment
from extension.parsing.failures import Failure, Outcome
from extension.parsing.line import LineFacts
from extension.recorder.evaluator import PolicyEvaluator, now_ms
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.sampling.probability import keeps, randomness_of
from extension.sampling.verdict import Verdict
from tests.doubles.lambda_events import FIRST, batch, line

IN = "1-5f35ae12-0c0fec141affffffffffffff"
OUT = "1-5f35ae12-0c0fec141a00000000000001"
PACE = Pace(2, 60_000)


def evaluator(account: Account | None = None, **settings: Any) -> PolicyEvaluator:
    return PolicyEvaluator(
        Settings()._replace(**{"sample_rate": 0.1, **settings}),
        account=account or Account(),
        metadata=MetadataSource(environment_id="e"),
    )


def over(trace_id: str = OUT, *, at: str = "2026-10-12T00:00:00.000Z") -> Invocation:
    return Invocation(FIRST, started=at, trace_id=trace_id)


def reason(decided: Verdict | None) -> str:
    assert decided is not None
    return decided.reason


def test_evaluator_draws_healthy_invocations_by_their_transaction() -> None:
    """The transaction's own name, where one is known, goes before the trace id."""
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


def test_evaluator_decides_on_no_healthy_invocation_that_runs() -> None:
    """It may still fail; only a failure and a rate of 1 are certain."""
    running = over(IN)

    assert evaluator().decide(running, ended=False) is None
    assert reason(evaluator(sample_rate=1.0).decide(running, ended=False)) == "sampled"
    running.failure = Failure("error-line", Outcome.ERROR)
    assert reason(evaluator().decide(running, ended=False)) == "error-line"


def test_evaluator_waits_for_no_report_of_init() -> None:
    """Init has none, so a policy that needs one must not keep it undecided."""
    asked = evaluator(keep_memory_above=0.9)

    assert asked.decide(Invocation("")) is not None
    assert asked.decide(over()) is None
    assert asked.decide(over(), reported=True) is not None


def test_evaluator_keeps_one_invocation_an_interval() -> None:
    """KEEP_AT_LEAST keeps a quiet function in sight."""
    asked = evaluator(keep_at_least=Pace(1, 60_000))
    first, second, third = (
        over(at=f"2026-10-12T00:{at}.000Z") for at in ("00:00", "00:59", "01:00")
    )

    assert reason(asked.decide(first)) == "at-least"
    asked.kept(first)
    assert reason(asked.decide(second)) == "not-sampled"
    assert reason(asked.decide(third)) == "at-least"


def test_evaluator_applies_changed_settings_to_the_next_decision() -> None:
    """A rate that somebody turns up in an incident must not wait for a deployment."""
    asked = evaluator()

    asked.apply(Settings()._replace(sample_rate=1.0))
    assert reason(asked.decide(over())) == "sampled"
    asked.apply(Settings()._replace(sample_rate=0.0, keep_cold_starts=True))
    invocation = over()
    invocation.signs.is_first = True
    assert reason(asked.decide(invocation)) == "cold-start"


def test_evaluator_goes_on_with_a_pace_that_stays_the_same() -> None:
    """All settings are applied again whenever one of them is fetched."""
    settings = Settings()._replace(sample_rate=0.0, keep_at_least=Pace(1, 60_000))
    asked = evaluator()
    asked.apply(settings)
    asked.kept(over())

    asked.apply(settings)
    same = reason(asked.decide(over()))
    asked.apply(settings._replace(keep_at_least=None))
    without = reason(asked.decide(over()))
    asked.apply(settings)

    assert (same, without) == ("not-sampled", "not-sampled")
    assert reason(asked.decide(over())) == "at-least"


@pytest.mark.parametrize(
    ("level", "failure", "expected"),
    [
        (Level.INFO, None, "not-sampled"),
        (Level.WARN, None, "sampled"),
        (Level.ERROR, Failure("level-error", Outcome.ERROR), "level-error"),
    ],
)
def test_evaluator_decides_on_a_line_alone_by_its_level(
    level: Level, failure: Failure | None, expected: str
) -> None:
    """A line of no invocation is a transaction of its own."""
    asked = evaluator(sample_rate=0.0, sample_rate_warn=1.0)
    facts = LineFacts(level=level, request_id="", failure=failure, is_emf=False)

    assert reason(asked.decide_alone(facts, "e-7")) == expected


@pytest.mark.parametrize(("trace_id", "weights"), [(IN, [0.0, 10.0, 1.0]), (OUT, [0.0, 0.0, 1.0])])
def test_evaluator_draws_lines_by_the_rate_of_their_level(
    trace_id: str, weights: list[float]
) -> None:
    """One draw serves all levels, so levels nest."""
    asked = evaluator(sample_rate=0.1, sample_rate_debug=0.0, sample_rate_warn=1.0)
    records: list[object] = [{"level": "DEBUG"}, "plain", {"level": "WARN"}]
    segments = [
        Segment(batch([line(record)])[1:-1], count=1, first_number=number)
        for number, record in enumerate(records)
    ]

    taken, left = asked.draw(over(trace_id), segments, weight=1.0)

    found = {one.first_number: weight for weight, parts in taken for one in parts}
    found |= {one.first_number: 0.0 for one in left}
    assert [found[number] for number in range(3)] == weights


def test_times_are_lambdas() -> None:
    """Milliseconds since 1970; a time that cannot be read is no time."""
    assert now_ms(over(at="1970-01-01T00:00:01.500Z")) == 1500
    assert now_ms(over(at="")) == 0


# KEEP_AT_MOST -------------------------------------------------------------------------------------------------------


def admit(asked: PolicyEvaluator, *, second: int = 0) -> Invocation:
    invocation = Invocation(
        "id", started=f"2026-10-12T00:{second // 60:02d}:{second % 60:02d}.000Z"
    )
    asked.admit(invocation)
    return invocation


def test_evaluator_withholds_failed_invocations_beyond_the_ceiling() -> None:
    """When everything fails, so many whole invocations explain it; the next whole one tells what was held back."""
    asked = evaluator(keep_at_most=PACE)

    withheld = [admit(asked).withheld_lines for _ in range(4)]
    after = admit(asked, second=30)

    assert withheld == [None, None, 0, 0]
    assert after.withheld_lines is None
    assert after.flood == (2, 0)


def test_evaluator_counts_withheld_lines() -> None:
    """The account, the invocation and the next whole one have their number."""
    account = Account()
    asked = evaluator(account, keep_at_most=PACE)
    for _ in range(2):
        admit(asked)
    invocation = admit(asked)
    lines = Segment(b"x", count=7, first_number=0)
    error = Segment(b"x", count=1, first_number=7, vital=True)

    goes = asked.hold_back(invocation, [lines, error])

    assert goes == [error]
    assert invocation.withheld_lines == account.dropped["flood"] == 7
    assert admit(asked, second=60).flood == (1, 7)


def test_evaluator_admits_every_init() -> None:
    """There is one of it in an environment."""
    asked = evaluator(keep_at_most=PACE)
    for _ in range(3):
        admit(asked)
    init = Invocation("")

    asked.admit(init)

    assert init.withheld_lines is None


def test_evaluator_goes_on_with_a_ceiling_that_stays_the_same() -> None:
    """A setting that is fetched again must not end a flood."""
    settings = Settings()._replace(keep_at_most=PACE)
    asked = evaluator(keep_at_most=PACE)
    for _ in range(2):
        admit(asked)

    asked.apply(settings)
    still = admit(asked).withheld_lines
    asked.apply(settings._replace(keep_at_most=None))

    assert still == 0
    assert admit(asked).withheld_lines is None
