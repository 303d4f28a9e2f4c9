"""Say on standard error how far a search is, so that nobody takes it for dead."""

import sys
import time
from collections.abc import Callable

EVERY_S = 5.0
"""Between two lines. A person takes a program that says nothing for ten seconds for a dead one."""


class Progress:
    """Say what goes on, once every few seconds; nothing of a short search."""

    def __init__(
        self,
        write: Callable[[str], object] = sys.stderr.write,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._monotonic_s = monotonic_s
        self._last_s = monotonic_s()

    def tell(self, text: str) -> None:
        """Say this, unless something was said a moment ago."""
        now_s = self._monotonic_s()
        if now_s - self._last_s >= EVERY_S:
            self._last_s = now_s
            self._write(f"show: {text}\n")
            sys.stderr.flush()
