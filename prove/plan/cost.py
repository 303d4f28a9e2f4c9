"""Work out what a run costs at most, from AWS's list prices for us-east-1. Pure.

Left out: requests to Lambda's and IAM's control planes, which cost nothing, and storage: what is kept is deleted again.
"""

from typing import NamedTuple

from prove.plan.deployment import Deployment
from whatif.model.prices import EVENT_BYTES, GB, MIB_PER_GIB, PRICES

ORDINARY_S = 2.0
"""Of an invocation that does not hang, with the start of its environment; more than any should take."""

RECORD_BYTES = 2_000
"""Of the summary and of Lambda's events of one kept invocation; more than they are."""

PUTS = 3
"""Objects of one kept invocation, with the report that may come alone."""

USD_PER_REQUEST = 0.20 / 1_000_000
"""AWS Lambda pricing, requests, in us-east-1."""


class Cost(NamedTuple):
    """What a run comes to at most."""

    invocations: int
    gb_seconds: float
    put_log_bytes: int
    s3_puts: int

    @property
    def usd(self) -> float:
        """In US dollars."""
        return (
            self.invocations * USD_PER_REQUEST
            + self.gb_seconds * PRICES["duration"].usd
            + self.put_log_bytes / GB * PRICES["standard"].usd
            + self.s3_puts / 1000 * PRICES["put"].usd
        )


def cost_of(deployment: Deployment) -> Cost:
    """Return what a run costs at most: as if each invocation were kept."""
    invocations = s3_puts = put_log_bytes = 0
    gb_seconds = 0.0
    for function in deployment.functions:
        for told in function.invocations:
            invocations += 1
            takes_s = deployment.timeout_s if told.way.key == "timeout" else ORDINARY_S
            gb_seconds += takes_s * function.kind.memory_mb / MIB_PER_GIB
            if function.sink.key == "s3":
                s3_puts += PUTS
            else:
                lines = sum(len(line.encode()) + EVENT_BYTES for line in told.lines)
                put_log_bytes += lines + RECORD_BYTES
    return Cost(invocations, gb_seconds, put_log_bytes, s3_puts)
