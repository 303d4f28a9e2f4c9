"""Say on standard error that something still runs: no wait of ours looks like a hang.

Imports the standard library alone. Several waits at the same time say one line for all.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

EVERY_S = 7.0
"""People take some ten seconds of silence for a hang; a busy machine wakes a thread a second or two late."""

LOOKS = 8
"""Looks at the clock within EVERY_S, so that a line is late by an eighth at most."""


class _Waits:
    """The waits that are under way, and when somebody last heard of them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.since_s: dict[object, tuple[str, float]] = {}
        self.said_s = 0.0
        self.ended_s = 0.0

    def begin(self, key: object, what: str, *, every_s: float) -> None:
        with self.lock:
            now_s = time.monotonic()
            # Who begins after a while has just said so. In a row of short steps nobody has.
            if not self.since_s and now_s - self.ended_s > every_s:
                self.said_s = now_s
            self.since_s[key] = (what, now_s)

    def end(self, key: object) -> None:
        with self.lock:
            del self.since_s[key]
            self.ended_s = time.monotonic()

    def say_if_due(self, every_s: float) -> None:
        with self.lock:
            now_s = time.monotonic()
            if now_s - self.said_s < every_s or not self.since_s:
                return
            self.said_s = now_s
            each = [f"{what} ({now_s - at_s:.0f} s)" for what, at_s in self.since_s.values()]
        with contextlib.suppress(OSError, ValueError):  # nobody reads, or standard error is closed
            sys.stderr.write(f"  still {', '.join(each)}\n")
            sys.stderr.flush()


_WAITS = _Waits()


@contextlib.contextmanager
def still(what: str) -> Iterator[None]:
    """Say every EVERY_S seconds that a step is under way, for as long as the block runs.

    Args:
        what: The step, as in "still WHAT": "making .venv/3.13".
    """
    over, key, every_s = threading.Event(), object(), EVERY_S

    def watch() -> None:
        while not over.wait(every_s / LOOKS):
            _WAITS.say_if_due(every_s)

    _WAITS.begin(key, what, every_s=every_s)
    watcher = threading.Thread(target=watch, name="still", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        _WAITS.end(key)
