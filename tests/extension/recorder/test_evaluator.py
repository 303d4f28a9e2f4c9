"""The policies, rates and limits of one environment, asked about one invocation.

Which invocations are kept, and why, is in the table of ``test_tail_sampler``.
"""

from typing import Any

import pytest

from extension.config.parsers import Pace
from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.recorder.evaluator import PolicyEvaluator, now_ms
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from tests.doubles.lambda_events import FIRST

PACE = Pace(1, 60_000)


def evaluator(**settings: Any) -> PolicyEvaluator:
    return PolicyEvaluator(
        Settings()._replace(**{"sample_rate": 0.0, **settings}),
        account=Account(),
        metadata=MetadataSource(environment_id="e"),
    )


def over(*, at: str = "2026-10-12T00:00:00.000Z") -> Invocation:
    return Invocation(FIRST, started=at)


def reason(asked: PolicyEvaluator) -> str:
    decided = asked.decide(over())
    assert decided is not None
    return decided.reason


def is_whole(asked: PolicyEvaluator) -> bool:
    """Let one more invocation fail."""
    invocation = over()
    asked.admit(invocation)
    return invocation.withheld_lines is None


def test_evaluator_waits_for_no_report_of_init() -> None:
    """Init has none, so a policy that needs one must not keep it undecided."""
    asked = evaluator(keep_memory_above=0.9)

    assert asked.decide(Invocation("")) is not None
    assert asked.decide(over()) is None
    assert asked.decide(over(), reported=True) is not None


def test_evaluator_goes_on_with_a_pace_that_stays_the_same() -> None:
    """All settings are applied again whenever one of them is fetched."""
    settings = Settings()._replace(sample_rate=0.0, keep_at_least=PACE)
    asked = evaluator(keep_at_least=PACE)
    asked.kept(over())

    asked.apply(settings)
    same = reason(asked)
    asked.apply(settings._replace(keep_at_least=None))
    without = reason(asked)
    asked.apply(settings)

    assert (same, without, reason(asked)) == ("not-sampled", "not-sampled", "at-least")


def test_evaluator_goes_on_with_a_ceiling_that_stays_the_same() -> None:
    """A setting that is fetched again must not end a flood."""
    settings = Settings()._replace(keep_at_most=PACE)
    asked = evaluator(keep_at_most=PACE)
    admitted = [is_whole(asked)]

    asked.apply(settings)
    admitted.append(is_whole(asked))
    asked.apply(settings._replace(keep_at_most=None))
    admitted.append(is_whole(asked))

    assert admitted == [True, False, True]


def test_evaluator_admits_every_init() -> None:
    """There is one of it in an environment."""
    asked = evaluator(keep_at_most=PACE)
    init = Invocation("")
    for _ in range(2):
        is_whole(asked)

    asked.admit(init)

    assert init.withheld_lines is None


@pytest.mark.parametrize(
    ("time", "expected_ms"), [("1970-01-01T00:00:01.500Z", 1500), ("", 0), ("yesterday", 0)]
)
def test_times_are_lambdas(time: str, expected_ms: int) -> None:
    """Milliseconds since 1970; a time that cannot be read is no time."""
    assert now_ms(over(at=time)) == expected_ms
