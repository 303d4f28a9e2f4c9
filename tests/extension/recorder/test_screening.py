"""Lines that are excluded, and what lines say of their whole invocation."""

from extension.redaction.patterns import read_exclusions
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import line, start


def test_screening_excludes_and_counts_lines() -> None:
    """Plain lines and lines that are looked at alike, errors among them: nobody wants to see them."""
    env = Environment(
        correlation_fields=(), sample_rate=1.0, exclude=read_exclusions("health")
    ).invoke()

    env.receive(
        start(), line("a"), line("health 1"), line("b"), line({"level": "ERROR", "m": "health"})
    )

    assert env.lines() == ["a", "b"]
    assert env.account.dropped == {"excluded": 2}
    assert env.account.failed_invocations == 0
    assert env.accounted_for


def test_screening_leaves_lines_that_no_pattern_matches() -> None:
    """Most batches hold no such line, and must cost no split."""
    env = Environment(correlation_fields=(), sample_rate=1.0, exclude=read_exclusions("health"))

    env.invoke().receive(start(), line("a"), line("b"))

    assert env.lines() == ["a", "b"]
    assert env.account.dropped == {}


def test_screening_finds_the_first_name_and_looks_no_further() -> None:
    """A transaction has one name, and each look costs."""
    env = Environment(correlation_fields=("id",), sample_rate=1.0).invoke()

    env.receive(
        start(), line({"level": "INFO", "id": "first"}), line({"level": "INFO", "id": "late"})
    )

    env.deliver()
    assert {one["correlationId"] for one in env.delivered} == {"first"}
