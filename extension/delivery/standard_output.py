"""Standard output, where lines go that no sink takes: a pipe that Lambda reads (AWS: Telemetry API, type ``extension``)."""

import os
import select
from collections.abc import Callable

STDOUT = 1

LAST_RESORT_S = 0.25
"""For writing there if the sinks fail, also of the time at SHUTDOWN: a megabyte takes some 10 ms."""


def write_out(
    descriptor: int, data: bytes, until_s: float, monotonic_s: Callable[[], float]
) -> int:
    """Write ``data`` to a pipe; return how many bytes were written: not all if nobody reads in time, or it is broken."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    view = memoryview(data)
    try:
        while view:
            left_ms = int((until_s - monotonic_s()) * 1000)
            if left_ms <= 0 or not poll.poll(left_ms):
                break
            # A pipe that is writable takes this much without blocking (POSIX), and no more than that is certain.
            view = view[os.write(descriptor, view[: select.PIPE_BUF]) :]
    except OSError:
        pass
    return len(data) - len(view)
