"""Reasons to keep a healthy invocation: each a small named object, asked in the order of the README's table.

A rule speaks of what is known of an invocation, and never of the draw: what a rule keeps stands for itself alone, with
weight 1, and what no rule keeps is left to the draw. So the weights of what is kept add up to all that there was, on
average. Pure: times are those of Lambda's events.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from .config import Settings


@dataclass(slots=True)
class Signs:
    """What is known of an invocation beside its failure.

    Attributes:
        duration_ms: as Lambda measured it; None before it has said.
        memory_share: the most memory used, of what the function has; None before the report.
        is_first: whether it is the environment's first one, which had a cold start.
        is_marked: whether the function wrote KEEP_MARKER.
        init_restarted: whether init was done again within it (AWS: suppressed init).
        logs_dropped: whether Lambda dropped logs on the way to us meanwhile.
        extension_failed: whether Lambda told of an extension that failed.
    """

    duration_ms: float | None = None
    memory_share: float | None = None
    is_first: bool = False
    is_marked: bool = False
    init_restarted: bool = False
    logs_dropped: bool = False
    extension_failed: bool = False


class Rule(Protocol):
    """One reason to keep.

    Attributes:
        name: the reason that stands on what it keeps.
    """

    name: str

    def speaks(self, signs: Signs) -> bool:
        """Tells whether the invocation is to be kept."""

    def waits(self, signs: Signs) -> bool:
        """Tells whether it may still speak when the invocation is over, once the report has come."""


class Marked:
    """The function asked for it, by writing KEEP_MARKER."""

    name = "marker"

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.is_marked

    def waits(self, signs: Signs) -> bool:  # noqa: ARG002 - it knows at once
        """See :class:`Rule`."""
        return False


class InitRestarted:
    """Init was done again within the invocation: its first attempt had failed, or taken too long."""

    name = "init-restarted"

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.init_restarted

    def waits(self, signs: Signs) -> bool:  # noqa: ARG002 - it knows at once
        """See :class:`Rule`."""
        return False


class LogsDropped:
    """Lambda dropped logs before they reached us, so what is there is the more wanted."""

    name = "logs-dropped"

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.logs_dropped

    def waits(self, signs: Signs) -> bool:  # noqa: ARG002 - it knows at once
        """See :class:`Rule`."""
        return False


class ExtensionFailed:
    """An extension of the environment did not start, or was throttled."""

    name = "extension-failed"

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.extension_failed

    def waits(self, signs: Signs) -> bool:  # noqa: ARG002 - it knows at once
        """See :class:`Rule`."""
        return False


class ColdStart:
    """KEEP_COLD_STARTS: the environment's first invocation, with what init wrote."""

    name = "cold-start"

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.is_first

    def waits(self, signs: Signs) -> bool:  # noqa: ARG002 - it knows at once
        """See :class:`Rule`."""
        return False


class Slow:
    """KEEP_SLOWER_THAN: it took longer."""

    name = "slow"

    def __init__(self, slower_than_ms: float) -> None:
        self.slower_than_ms = slower_than_ms

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.duration_ms is not None and signs.duration_ms > self.slower_than_ms

    def waits(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.duration_ms is None


class Memory:
    """KEEP_MEMORY_ABOVE: it used more of the function's memory."""

    name = "memory"

    def __init__(self, share: float) -> None:
        self.share = share

    def speaks(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.memory_share is not None and signs.memory_share > self.share

    def waits(self, signs: Signs) -> bool:
        """See :class:`Rule`."""
        return signs.memory_share is None


def rules_of(settings: "Settings") -> tuple[Rule, ...]:
    """Gives the rules that settings ask for, in the order in which they are asked."""
    rules: list[Rule] = []
    if settings.keep_marker:
        rules.append(Marked())
    rules += [InitRestarted(), LogsDropped(), ExtensionFailed()]
    if settings.keep_cold_starts:
        rules.append(ColdStart())
    if settings.keep_slower_than_ms:
        rules.append(Slow(settings.keep_slower_than_ms))
    if settings.keep_memory_above:
        rules.append(Memory(settings.keep_memory_above))
    return tuple(rules)


class Pace(NamedTuple):
    """So many in so long.

    Attributes:
        invocations: at least 1.
        per_ms: at least 1.
    """

    invocations: int
    per_ms: int


class Floor:
    """KEEP_AT_LEAST: a healthy invocation now and then, so that a quiet function is never out of sight.

    Due at a pace, whatever the draw says of this one; what the draw kept before counts towards it.
    """

    __slots__ = ("_due_ms", "_interval_ms", "_pace")

    def __init__(self) -> None:
        self._pace: Pace | None = None
        self._interval_ms = 0.0
        self._due_ms: float | None = None

    def apply(self, pace: Pace | None) -> None:
        """Takes KEEP_AT_LEAST, at first or when it may have changed."""
        if pace != self._pace:
            self._pace, self._due_ms = pace, None
            self._interval_ms = pace.per_ms / pace.invocations if pace is not None else 0.0

    def is_due(self, now_ms: int) -> bool:
        """Tells whether one is to be kept.

        A clock that was set back does not put it off for longer than the pace does.
        """
        if self._pace is None:
            return False
        due_ms = self._due_ms
        return due_ms is None or now_ms >= due_ms or now_ms < due_ms - self._interval_ms

    def kept(self, now_ms: int) -> None:
        """Takes note that a healthy invocation is kept, whatever for."""
        self._due_ms = now_ms + self._interval_ms


class Ceiling:
    """KEEP_AT_MOST: how many failed invocations are delivered whole when everything fails.

    As many as the pace names may come at once, and then one for each interval that passes: it ends by itself.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._left = float(pace.invocations)
        self._at_ms: int | None = None

    def admits(self, now_ms: int) -> bool:
        """Tells whether one more may go whole, and counts it if so."""
        if self._at_ms is not None:
            # Clocks that jump back give nothing, those that jump ahead no more than there is room for.
            passed_ms = max(now_ms - self._at_ms, 0)
            gained = passed_ms * self._pace.invocations / self._pace.per_ms
            self._left = min(self._left + gained, float(self._pace.invocations))
        self._at_ms = now_ms
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
