from __future__ import annotations

import pytest

from prove.plan.cost import cost_of
from prove.plan.deployment import Wanted, plan


def test_cost_is_that_of_time_requests_lines_and_objects() -> None:
    """A function that hangs for ten seconds at 128 MB, and two healthy invocations of two seconds at most."""
    wanted = Wanted(
        kinds=("python",), architectures=("arm64",), sinks=("cloudwatch",), ways=("timeout",)
    )

    cost = cost_of(plan("ab", wanted, built=["python"], refused_sinks={}))

    assert cost.invocations == 3 + 2
    assert cost.gb_seconds == pytest.approx((10 + 4 * 2) * 128 / 1024)
    assert cost.s3_puts == 0
    assert cost.put_log_bytes > 5 * 40 * 26
    assert cost.usd == pytest.approx(
        5 * 0.2e-6 + cost.gb_seconds * 0.0000166667 + cost.put_log_bytes / 1e9 * 0.5
    )


def test_objects_cost_instead_of_lines_in_s3() -> None:
    wanted = Wanted(kinds=("python",), architectures=("arm64",), sinks=("s3",), ways=("exit",))

    cost = cost_of(plan("ab", wanted, built=["python"], refused_sinks={}))

    assert (cost.put_log_bytes, cost.s3_puts) == (0, 3 * 5)
