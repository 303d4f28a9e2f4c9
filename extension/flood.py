"""KEEP_AT_MOST: what becomes of failed invocations when nearly all of them fail.

Promises: so many go whole; of the others error lines and counts; it ends by itself, and the first that goes whole again
tells what did not. Pure: times are those of Lambda's events.
"""

from .account import Account
from .drawing import error_lines
from .invocation import Invocation
from .recording import Segment
from .rules import Ceiling, Pace
from .verdict import FLOOD


class Flood:
    """The ceiling of one environment, and what it has held back since it was last below it."""

    __slots__ = ("_account", "_ceiling", "_invocations", "_lines", "_pace")

    def __init__(self, account: Account) -> None:
        self._account = account
        self._pace: Pace | None = None
        self._ceiling: Ceiling | None = None
        self._invocations = self._lines = 0

    def apply(self, pace: Pace | None) -> None:
        """Takes KEEP_AT_MOST, at first or when it may have changed."""
        if pace != self._pace:
            self._pace = pace
            self._ceiling = Ceiling(pace) if pace is not None else None

    def admit(self, invocation: Invocation, *, now_ms: int) -> None:
        """Decides whether a failed invocation goes whole."""
        if self._ceiling is None or invocation.is_init:
            return
        if not self._ceiling.admits(now_ms):
            invocation.is_withheld = True
            self._invocations += 1
        elif self._invocations:
            invocation.flood = (self._invocations, self._lines)
            self._invocations = self._lines = 0

    def hold_back(self, invocation: Invocation, segments: list[Segment]) -> list[Segment]:
        """Gives what goes all the same, and counts what does not."""
        segments, lines = error_lines(segments)
        self._account.drop(FLOOD, lines)
        invocation.withheld_lines += lines
        self._lines += lines
        return segments
