"""Draw the plan of one environment's life from a seed: its settings, its invocations, and how its sink is in the end."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

SINK_ENDS = ("returns", "returns", "well", "refuses", "stalls", "500", "403")
"""How the sink is at SHUTDOWN. ``returns``: it has been back for as long as all needs to arrive."""

WEATHER = (
    "ok",
    "ok",
    "ok",
    "refuses",
    "stall",
    "500",
    "429",
    "reset",
    "close",
    "slow",
    "half_answer",
)
"""What the sink does until then, for a moment each."""

FREEZES = ((0.1, 0.5), (0.1, 0.5), (0.1, 0.5), (0.5, 2.0), (2.0, 8.0))
"""How long a freeze is, in seconds: most are short, so that there are many of them."""

FAILURES = ("", "", "error line", "timeout", "crash")
"""How an invocation ends; two of five are healthy."""


class Invocation(NamedTuple):
    """One invocation.

    Attributes:
        failure: how it fails; empty if it does not.
        lines: how many it writes.
        width: letters of each line beside its name.
        pause_s: between its two batches, and behind it.
    """

    failure: str
    lines: int
    width: int
    pause_s: float


class Plan(NamedTuple):
    """One environment's life.

    Attributes:
        number: names it.
        seed: of all that happens at random moments.
        small: whether it has the share of a processor of a function with 128 MB.
        redacts: whether REDACT is set.
        flush: FLUSH.
        buffer_kib: BUFFER_SIZE.
        has_fallback: whether there is a FALLBACK_SINK, a file.
        sink_end: one of ``SINK_ENDS``.
        invocations: one after the other.
        last: comes right before SHUTDOWN, unless the sink has returned.
        freezes: how long one may be, in seconds; each is as likely as the others.
    """

    number: int
    seed: int
    small: bool
    redacts: bool
    flush: str
    buffer_kib: int
    has_fallback: bool
    sink_end: str
    invocations: tuple[Invocation, ...]
    last: Invocation
    freezes: tuple[tuple[float, float], ...] = FREEZES


def draw_plan(seed: int, number: int) -> Plan:
    """Return the plan of a life."""
    random = Random((seed << 32) | number)
    invocations = tuple(
        Invocation(
            random.choice(FAILURES),
            random.choice((1, 3, 20, 60)),
            random.choice((10, 200)),
            random.choice((0.0, 0.05, 0.3, 1.0)),
        )
        for _ in range(random.randint(6, 14))
    )
    return Plan(
        number,
        random.getrandbits(32),
        random.random() < 0.4,
        random.random() < 0.3,
        random.choice(("end", "background", "adaptive")),
        random.choice((1024, 4096)),
        random.random() < 0.2,
        random.choice(SINK_ENDS),
        invocations,
        Invocation("error line", random.choice((20, 180, 1000)), 200, 0.0),
    )
