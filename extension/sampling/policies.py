"""Sampling policies: reasons to keep a healthy invocation, asked in the order of the README's table.

A policy knows the signs of an invocation, and never the draw. So an invocation that a policy keeps stands for itself, with
weight 1, and the draw decides on the others: the weights of kept invocations add up to all invocations, on average.
Pure: times are those of Lambda's events.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from extension.config.settings import Settings


class Signs:
    """Hold the facts that policies speak of.

    Duration and memory are Lambda's, and None until known; the share is of the function's memory. The environment's first
    invocation had a cold start. Init may run again within an invocation (AWS: suppressed init). A retry is one of a step of a
    durable function.
    """

    def __init__(self) -> None:
        self.duration_ms: float | None = None
        self.memory_share: float | None = None
        self.is_first = self.is_marked = self.init_restarted = False
        self.logs_dropped = self.extension_failed = self.is_retry = False


def never(_: Signs) -> bool:
    """Tell that no report is waited for. Most policies do not, so nobody needs to ask them."""
    return False


class Policy(NamedTuple):
    """Define one reason to keep an invocation. Its name is on the records, so it is part of the output's format.

    ``pending`` tells whether the invocation may still be kept once the report has come.
    """

    name: str
    keeps: Callable[[Signs], bool]
    pending: Callable[[Signs], bool] = never


def policies_of(settings: "Settings") -> tuple[Policy, ...]:
    """Return the policies that settings ask for, in the order in which they are asked."""
    slow_ms, share = settings.keep_slower_than_ms, settings.keep_memory_above
    asked = (
        (settings.keep_marker, Policy("marker", lambda s: s.is_marked)),
        (True, Policy("init-restarted", lambda s: s.init_restarted)),
        (True, Policy("logs-dropped", lambda s: s.logs_dropped)),
        (True, Policy("extension-failed", lambda s: s.extension_failed)),
        (True, Policy("durable-retry", lambda s: s.is_retry)),
        (settings.keep_cold_starts, Policy("cold-start", lambda s: s.is_first)),
        (
            slow_ms,
            Policy(
                "slow", lambda s: (s.duration_ms or 0) > slow_ms, lambda s: s.duration_ms is None
            ),
        ),
        (
            share,
            Policy(
                "memory", lambda s: (s.memory_share or 0) > share, lambda s: s.memory_share is None
            ),
        ),
    )
    return tuple(policy for wanted, policy in asked if wanted)
