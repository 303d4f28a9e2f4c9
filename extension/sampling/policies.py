"""Reasons to keep a healthy invocation: each a small named object, asked in the order of the README's table.

A rule speaks of what is known of an invocation, and never of the draw: what a rule keeps stands for itself alone, with
weight 1, and what no rule keeps is left to the draw. So the weights of what is kept add up to all that there was, on
average. Pure: times are those of Lambda's events.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from extension.config.settings import Settings


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


class Policy(Protocol):
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


def policies_of(settings: "Settings") -> tuple[Policy, ...]:
    """Gives the rules that settings ask for, in the order in which they are asked."""
    rules: list[Policy] = []
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
