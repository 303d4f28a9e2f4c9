"""Lines that are excluded, and what lines say of their whole invocation."""

from typing import Any

import pytest

from extension.config.settings import Settings
from extension.redaction.patterns import read_exclusions
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import done, line, node_line, runtime_done, start
from tests.extension.recorder.script import Case, play

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


DURABLE: dict[str, Case] = {
    "a leg, sampled by its execution": Case(
        "init-durable | invoke start leg a done | report",
        "leg a",
        {"sample_rate": 0.9},
        "sampled",
    ),
    "a retry": Case(
        "init-durable | invoke start leg a done | report invoke2 start2 b retry2 done2 | report2",
        "b/2 leg/2",
        reasons="durable-retry",
        weights=(1, 1),
    ),
    "an INVOKE before init's start": Case(
        "invoke | init-durable start a retry | done", "a leg", reasons="durable-retry"
    ),
    "a retry that fails": Case(
        "init-durable invoke start retry error done",
        "leg error",
        reasons="durable-retry level-error",
        summary={"executionArn": "arn", "operationName": "pay"},
    ),
    "a function that is not durable": Case("invoke start retry done | report", ""),
}


@pytest.mark.parametrize("case", DURABLE.values(), ids=DURABLE)
def test_screening_reads_executions_of_durable_functions(case: Case) -> None:
    """A retry tells of a failure that nobody else does, and is worth its lines."""
    case.check()


@pytest.mark.parametrize(
    ("fields", "transaction"),
    [
        (Settings().correlation_fields, "arn"),
        (("correlationId",), "order-7"),
        (("other",), "arn"),
        ((), None),
    ],
    ids=["default", "the user's", "the user's, which no line has", "none"],
)
@pytest.mark.parametrize("changes", [False, True], ids=["at once", "settings applied anew"])
def test_an_execution_is_the_transaction_unless_a_setting_names_another(
    fields: tuple[str, ...], transaction: str | None, changes: bool
) -> None:
    """All legs of an execution are kept or none, wherever they ran."""
    env = Environment(sample_rate=1.0, correlation_fields=fields)
    play(env, "init-durable")
    if changes:
        env.recorder.apply(env.settings)

    env.invoke().receive(
        start(),
        line({"level": "INFO", "executionArn": "arn", "correlationId": "order-7"}),
        done(),
    )

    env.deliver()
    assert {one.get("correlationId") for one in env.delivered} == {transaction}
    (summary,) = env.summaries()
    assert summary["executionArn"] == "arn"
    assert "operationName" not in summary


@pytest.mark.parametrize("others", [0, 40], ids=["a line alone", "a batch of text"])
def test_screening_finds_a_name_behind_a_prefix(others: int) -> None:
    """Node.js's client puts its own text before what a function logs as JSON."""
    env = Environment(sample_rate=1.0).invoke()
    named = node_line('{"level":"info","x-correlation-id":"order-7"}')

    env.receive(start(), *[line(node_line("x"))] * others, line(named), runtime_done())
    env.deliver()

    assert {one["correlationId"] for one in env.delivered} == {"order-7"}
