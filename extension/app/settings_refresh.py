"""Fetch settings that are references in the background, and put them in force at the multiples of REFRESH_INTERVAL.

Promises: only the names of sinks wait for a fetch. A fetch that fails leaves the known values in force and is reported.
One attempt is under way at a time, on a thread that ends with it; pauses are the main loop's. When to fetch and when to
apply is decided by :class:`extension.config.refresh_schedule.RefreshSchedule`. An environment that was frozen at that
moment does it when it thaws. A copy of a snapshot fetches before its first delivery: the snapshot may be months old.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping

from extension.aws.secrets import Stores
from extension.config.references import Fetched, References
from extension.config.refresh_schedule import RefreshSchedule


class SettingsRefresh:
    """Fetch on a thread and apply the result on the main loop. ``descriptor`` is readable when a fetch has ended."""

    def __init__(
        self,
        references: References,
        *,
        interval_s: float,
        apply: Callable[[Fetched], None],
        random: Callable[[], float],
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Open the descriptor; fetch nothing yet. ``wall_s`` returns seconds since 1970, ``random`` numbers in [0, 1)."""
        self._references = references
        self._interval_s = interval_s
        self._apply = apply
        self._wall_s = wall_s
        self._schedule = RefreshSchedule(interval_s=interval_s, random=random)
        self._is_busy = False
        self._is_outdated = False
        self._fetched: Fetched | None = None
        self._apply_at_s = 0.0
        self._pending: Fetched | None = None
        self._whole_at_s: float | None = None
        self.descriptor, self._announce = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def wait_s(self) -> float:
        """Return the seconds until there is something to :meth:`check`; while a fetch is under way, at most an interval."""
        now_s = self._wall_s()
        waits = [self._interval_s if self._is_busy else self._schedule.wait_s(now_s)]
        if self._pending is not None:
            waits.append(max(0.0, self._apply_at_s - now_s))
        return min(waits)

    def age_s(self) -> float | None:
        """Return the seconds since all references were last fetched; None before."""
        whole_at_s = self._whole_at_s
        return None if whole_at_s is None else max(0.0, self._wall_s() - whole_at_s)

    def change_interval(self, interval_s: float) -> None:
        """Refresh at the multiples of another interval from now on."""
        self._interval_s = interval_s
        self._schedule.change_interval(interval_s, self._wall_s())

    def fetch_anew(self) -> None:
        """Let the next :meth:`check` fetch, and ignore what was fetched before, or is being fetched."""
        self._schedule.restart()
        self._pending = None
        self._is_outdated = self._is_busy

    def check(self) -> None:
        """Apply what was fetched for a multiple that has come. Start a fetch if one is due and none is under way."""
        now_s = self._wall_s()
        # A clock that was set back must not delay it by more than an interval.
        pending = self._pending
        if pending is not None and not 0.0 < self._apply_at_s - now_s <= self._interval_s:
            self._pending = None
            self._apply(pending)
        if self._is_busy or self._schedule.wait_s(now_s) > 0.0:
            return
        self._apply_at_s = self._schedule.begin(now_s)
        self._is_busy = True
        # One thread a fetch: a thread that waits for the next fetch would hold the memory of its stack.
        thread = threading.Thread(target=self._run, name="references", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The function shares the environment's limit of 1,024 threads and processes.
            self._settle(self._references.last_known("no thread can be started", may_pass=True))

    def attend(self, descriptor: int) -> bool:
        """Take the result of a fetch if ``descriptor`` is ours, and return whether it is. Apply it if its time has come."""
        if descriptor != self.descriptor:
            return False
        try:
            os.read(descriptor, 64)
        except BlockingIOError:
            return True
        self._is_busy = False
        is_outdated, self._is_outdated = self._is_outdated, False
        if self._fetched is None or is_outdated:
            return True
        now_s = self._wall_s()
        fetched, self._fetched = self._fetched, None
        if fetched.again is not None:
            self._schedule.failed(now_s, fetched.again)
        else:
            self._schedule.settled(now_s)
        if not fetched.problems:
            self._whole_at_s = now_s
        if now_s >= self._apply_at_s:
            self._pending = None
            self._apply(fetched)
        else:
            self._pending = fetched
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


def refresh_from_aws(
    environ: Mapping[str, str],
    *,
    interval_s: float,
    apply: Callable[[Fetched], None],
    random: Callable[[], float],
) -> SettingsRefresh:
    """Return what refreshes the references in an environment from AWS."""
    references = References(environ, fetch=Stores().fetch)
    return SettingsRefresh(references, interval_s=interval_s, apply=apply, random=random)
