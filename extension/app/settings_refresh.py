"""Fetch settings that are references in the background, at the multiples of REFRESH_INTERVAL.

Promises: only the names of sinks wait for a fetch. A fetch that fails leaves the known values in force and is reported.
All environments fetch at the same moment of the clock, so that a rate changes everywhere at once. An environment that was
frozen at that moment fetches when it thaws. A copy of a snapshot fetches before its first delivery: the snapshot may be months
old.
"""

import os
import threading
import time
from collections.abc import Callable

from extension.config.references import Fetched, References, next_refresh_s


class SettingsRefresh:
    """Fetch on a thread and apply the result on the main loop. ``descriptor`` is readable when a fetch has ended."""

    def __init__(
        self,
        references: References,
        *,
        interval_s: float,
        apply: Callable[[Fetched], None],
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Open the descriptor; fetch nothing yet. ``wall_s`` returns seconds since 1970."""
        self._references = references
        self._interval_s = interval_s
        self._apply = apply
        self._wall_s = wall_s
        self._next_s = 0.0
        self._whole_at_s: float | None = None
        self._is_busy = False
        self._is_outdated = False
        self._fetched: Fetched | None = None
        self.descriptor, self._announce = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def wait_s(self) -> float:
        """Return the seconds until the next fetch."""
        return max(0.0, self._next_s - self._wall_s())

    def age_s(self) -> float | None:
        """Return the seconds since all references were last fetched; None before."""
        whole_at_s = self._whole_at_s
        return None if whole_at_s is None else max(0.0, self._wall_s() - whole_at_s)

    def fetch_anew(self) -> None:
        """Let the next :meth:`check` fetch, and ignore the result of a fetch that is under way."""
        self._next_s = 0.0
        self._is_outdated = self._is_busy

    def check(self) -> None:
        """Start a fetch if one is due and none is under way."""
        now_s = self._wall_s()
        # A clock that was set back must not delay the next fetch by more than an interval.
        if self._is_busy or now_s < self._next_s <= now_s + self._interval_s:
            return
        self._next_s = next_refresh_s(now_s, interval_s=self._interval_s)
        self._is_busy = True
        # One thread a fetch: a thread that waits for the next fetch would hold the memory of its stack.
        thread = threading.Thread(target=self._run, name="references", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The function shares the environment's limit of 1,024 threads and processes.
            self._settle(self._references.last_known("no thread can be started"))

    def attend(self, descriptor: int) -> bool:
        """Apply the result of a fetch if ``descriptor`` is ours; return whether it is."""
        if descriptor != self.descriptor:
            return False
        try:
            os.read(descriptor, 64)
        except BlockingIOError:
            return True
        self._is_busy = False
        is_outdated, self._is_outdated = self._is_outdated, False
        if self._fetched is not None and not is_outdated:
            if not self._fetched.problems:
                self._whole_at_s = self._wall_s()
            self._apply(self._fetched)
        return True

    def _run(self) -> None:
        try:
            fetched = self._references.fetch()
        except Exception as error:  # noqa: BLE001 - the settings stay; the report names the type alone
            fetched = self._references.last_known(f"internal error: {type(error).__name__}")
        self._settle(fetched)

    def _settle(self, fetched: Fetched) -> None:
        self._fetched = fetched
        os.write(self._announce, b"!")
