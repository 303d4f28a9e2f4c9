"""Lines that are excluded, and what lines say of their whole invocation."""

from typing import Any

import pytest

from extension.redaction.patterns import read_exclusions
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import line, node_line, runtime_done, start
from tests.extension.recorder.script import Case

EXCLUDE: dict[str, Any] = {
    "correlation_fields": (),
    "sample_rate": 1.0,
    "exclude": read_exclusions("err"),
}

CASES: dict[str, Case] = {
    "plain lines and errors": Case(
        "invoke start a errand b error", "a b", EXCLUDE, "sampled", dropped={"excluded": 2}
    ),
    "no line of a batch": Case("invoke start a b", "a b", EXCLUDE, "sampled", dropped={}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_screening_excludes_and_counts_lines(case: Case) -> None:
    """Nobody wants to see them, errors among them. Most batches hold no such line, and must cost no split."""
    assert case.check().account.failed_invocations == 0


def test_screening_finds_the_first_name_and_looks_no_further() -> None:
    """A transaction has one name, and each look costs."""
    env = Case("invoke start named1 named2", "named named", {"sample_rate": 1.0}).check()

    assert {one["correlationId"] for one in env.delivered} == {"order-1"}


@pytest.mark.parametrize("others", [0, 40], ids=["a line alone", "a batch of text"])
def test_screening_finds_a_name_behind_a_prefix(others: int) -> None:
    """Node.js's client puts its own text before what a function logs as JSON."""
    env = Environment(sample_rate=1.0).invoke()
    named = node_line('{"level":"info","x-correlation-id":"order-7"}')

    env.receive(start(), *[line(node_line("x"))] * others, line(named), runtime_done())
    env.deliver()

    assert {one["correlationId"] for one in env.delivered} == {"order-7"}
