"""Memory limiter: give up the least important lines until BUFFER_SIZE holds again.

It gives up, in this order:

1. history, then recordings that are held for a late error;
2. records that wait for the archive, then healthy invocations that wait for the sink, oldest first;
3. the middle of running invocations, down to a floor;
4. failed invocations that wait, oldest first;
5. the rest of running invocations.

The account and a gap in the delivery tell what is gone. Pure. Loaded on first need: most environments never reach the
bound.
"""

from collections.abc import Callable, Iterable

from extension.delivery.queue import Queues
from extension.diagnostics.account import Account
from extension.recorder.invocation import Invocation
from extension.recorder.release import FLOOR_SHARE

SLACK_SHARE = 16
"""A sixteenth of the bound is given up beyond the need, so that the cost of giving up is linear in the lines."""


class MemoryLimiter:
    """Give up lines of one environment."""

    __slots__ = ("_account", "_held_bytes", "_oldest", "_queues", "_running")

    def __init__(
        self,
        *,
        queues: Queues,
        account: Account,
        held_bytes: Callable[[], int],
        running: Callable[[], Iterable[Invocation]],
        oldest: tuple[Callable[[], int | None], ...],
    ) -> None:
        """Make a memory limiter.

        Args:
            queues: hold what waits for the sinks.
            account: counts evicted lines.
            held_bytes: the bytes in all recordings.
            running: the invocations that are not over, and init.
            oldest: functions that let the oldest recording of a kind go, the least important kind first. Each
                returns the bytes it held; None if there is no recording of its kind.
        """
        self._queues = queues
        self._account = account
        self._held_bytes = held_bytes
        self._running = running
        self._oldest = oldest

    def make_room(self, bound_bytes: int, *, excess_bytes: int) -> None:
        """Give up lines until recordings and queues hold no more than ``bound_bytes``.

        Args:
            bound_bytes: BUFFER_SIZE.
            excess_bytes: how much more than that is held.
        """
        excess = excess_bytes
        for let_go in self._oldest:
            while excess > 0 and (freed := let_go()) is not None:
                excess -= freed
        excess = self._excess(bound_bytes)
        if excess > 0:
            self._queues.give_up(need_bytes=excess, failed_too=False)
        for floor_bytes in (bound_bytes // FLOOR_SHARE, 0):
            for invocation in sorted(self._running(), key=_held_bytes_of, reverse=True):
                excess = self._excess(bound_bytes)
                spare = invocation.recording.held_bytes - floor_bytes
                if excess > 0 and spare > 0:
                    need_bytes = min(excess + bound_bytes // SLACK_SHARE, spare)
                    self._evict(invocation, need_bytes=need_bytes)
            excess = self._excess(bound_bytes)
            if excess > 0 and floor_bytes:
                need_bytes = excess + bound_bytes // SLACK_SHARE
                self._queues.give_up(need_bytes=need_bytes, failed_too=True)

    def _excess(self, bound_bytes: int) -> int:
        return self._held_bytes() + self._queues.held_bytes - bound_bytes

    def _evict(self, invocation: Invocation, *, need_bytes: int) -> None:
        recording = invocation.recording
        before_bytes = recording.held_bytes
        lines = recording.give_up(need_bytes=need_bytes)
        invocation.evicted_lines += lines
        invocation.evicted_bytes += before_bytes - recording.held_bytes
        self._account.evict(
            lines, request_id=invocation.request_id, failed=invocation.failure is not None
        )


def _held_bytes_of(invocation: Invocation) -> int:
    return invocation.recording.held_bytes
