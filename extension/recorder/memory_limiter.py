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

from collections.abc import Callable

from extension.delivery.queue import Queues
from extension.diagnostics.account import Account
from extension.recorder.invocation import Invocation
from extension.recorder.release import FLOOR_SHARE

SLACK_SHARE = 16
"""A sixteenth of the bound is given up beyond the need, so that the cost of giving up is linear in the lines."""


def make_room(  # noqa: PLR0913 - all that it may give up
    bound_bytes: int,
    *,
    excess_bytes: int,
    queues: Queues,
    account: Account,
    recorded_bytes: Callable[[], int],
    running: list[Invocation],
    oldest: tuple[Callable[[], int | None], Callable[[], int | None]],
) -> None:
    """Give up lines until recordings and queues hold no more than ``bound_bytes``.

    The functions of ``oldest`` forget the oldest invocation of the history, and let the oldest one that is held expire. They
    return the bytes that were held; None if there is no such invocation.
    """

    def still_over() -> int:
        return recorded_bytes() + queues.held_bytes - bound_bytes

    excess = excess_bytes
    forget_oldest, expire_oldest = oldest
    while excess > 0:
        freed = forget_oldest()
        if freed is None:
            freed = expire_oldest()
            if freed is None:
                break
            # It may have become history, which frees nothing.
            forget_oldest()
        excess -= freed
    excess = still_over()
    if excess > 0:
        queues.give_up(need_bytes=excess, failed_too=False)
    slack = bound_bytes // SLACK_SHARE
    for floor_bytes in (bound_bytes // FLOOR_SHARE, 0):
        for invocation in sorted(running, key=lambda one: one.recording.held_bytes, reverse=True):
            excess, spare = still_over(), invocation.recording.held_bytes - floor_bytes
            if excess > 0 and spare > 0:
                need_bytes = min(excess + slack, spare)
                _evict(invocation, account, need_bytes=need_bytes, events_too=not floor_bytes)
        excess = still_over()
        if excess > 0 and floor_bytes:
            queues.give_up(need_bytes=excess + slack, failed_too=True)


def _evict(invocation: Invocation, account: Account, *, need_bytes: int, events_too: bool) -> None:
    recording = invocation.recording
    before_bytes = recording.held_bytes
    lines = recording.give_up(need_bytes=need_bytes, events_too=events_too)
    invocation.evicted_lines += lines
    invocation.evicted_bytes += before_bytes - recording.held_bytes
    account.evict(lines, request_id=invocation.request_id, failed=invocation.failure is not None)
