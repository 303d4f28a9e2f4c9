"""Split the counts of the user's own settings by function.

Pure.
"""

from collections.abc import Iterable
from typing import NamedTuple

from whatif.replay.tally import Tally


class Figures(NamedTuple):
    """Counts of one function, or of all of them so far.

    Attributes:
        invocations: Its invocations.
        failed: The failed ones.
        lines: Its kept lines.
        cloudwatch_bytes: The size of its deliveries, as CloudWatch counts.
    """

    invocations: int = 0
    failed: int = 0
    lines: int = 0
    cloudwatch_bytes: float = 0.0

    def plus(self, before: "Figures", after: "Figures") -> "Figures":
        """Return these figures with the growth from one reading of all counts to a later one."""
        return Figures(
            self.invocations + after.invocations - before.invocations,
            self.failed + after.failed - before.failed,
            self.lines + after.lines - before.lines,
            self.cloudwatch_bytes + after.cloudwatch_bytes - before.cloudwatch_bytes,
        )


def figures_of(tally: Tally) -> Figures:
    """Read the counts of all functions so far."""
    return Figures(tally.invocations, tally.failed, tally.kept_lines, tally.volume.cloudwatch_bytes)


def summed(figures: Iterable[Figures]) -> Figures:
    """Add figures up."""
    total = Figures()
    for one in figures:
        total = total.plus(Figures(), one)
    return total
