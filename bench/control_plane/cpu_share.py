"""Give processes the share of a processor that a small function has: by a control group, else by stopping them in between."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, final

from bench.control_plane.process import cpu_ns

SHARE = 0.0725
"""Of one processor, for 128 MB: a function gets a whole one at 1,769 MB (AWS: "Configure Lambda function memory")."""

PERIOD_US = 100_000
"""The kernel's own default (Linux: Documentation/scheduler/sched-bwc)."""

POLL_NS = 500_000
"""How often at most to look at what stopped processes have used."""

ROOT = Path("/sys/fs/cgroup")

_NAMES = ("cgroup v1", "cgroup v2", "stop and go")
STOP_AND_GO = _NAMES[2]


@final
class Held:
    """Holds a process still. Several may; it goes on when none does any longer.

    Attributes:
        pid: of the process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1
            _send(self.pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                _send(self.pid, signal.SIGCONT)


class Controller(NamedTuple):
    """One version of control groups: where groups are made, and what is written into their files (Linux: cgroups(7))."""

    means: str
    parent: Path
    weight: dict[str, str]

    def limit(self, share: float | None, period_us: int = PERIOD_US) -> dict[str, str]:
        """Return the files that give a group a share of one processor, and their text; None is no limit."""
        quota_us = None if share is None else round(period_us * share)
        if self.means == _NAMES[0]:
            quota = "-1" if quota_us is None else str(quota_us)
            return {"cpu.cfs_period_us": str(period_us), "cpu.cfs_quota_us": quota}
        return {"cpu.max": f"{'max' if quota_us is None else quota_us} {period_us}"}


def controllers(root: Path) -> tuple[Controller, Controller]:
    """Return both versions. A hundred times the usual weight: what else runs on this machine takes nothing of the share."""
    return (
        Controller(_NAMES[0], root / "cpu", {"cpu.shares": "102400"}),
        Controller(_NAMES[1], root, {"cpu.weight": "10000"}),
    )


class _Group(NamedTuple):
    """One control group."""

    controller: Controller
    folder: Path

    @property
    def procs(self) -> Path:
        return self.folder / "cgroup.procs"

    def write(self, files: dict[str, str]) -> None:
        # The kernel makes a group's files: what is not there, it does not do.
        if missing := [file for file in files if not (self.folder / file).exists()]:
            raise FileNotFoundError(missing[0])
        for file, text in files.items():
            (self.folder / file).write_text(text)

    def remove(self) -> None:
        # The group above has no limit of ours.
        with contextlib.suppress(OSError):
            for pid in self.procs.read_text().split():
                (self.folder.parent / "cgroup.procs").write_text(pid)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


@final
class CpuGroup:
    """Processes that share the processor's time, as those of one environment do.

    Attributes:
        means: how they are limited: ``cgroup v1``, ``cgroup v2`` or ``stop and go``.
    """

    def __init__(self, name: str, *, period_us: int = PERIOD_US) -> None:
        """Make a control group without a limit; where none can be made, remember who is to be stopped.

        Args:
            name: tells it from others of this process.
            period_us: after this long, those who have used up their share go on.
        """
        self._period_us = period_us
        self._group = _made(f"flight-recorder-{os.getpid()}-{name}")
        self._held: list[Held] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.means = self._group.controller.means if self._group is not None else STOP_AND_GO

    def add(self, pid: int, held: Held | None = None) -> None:
        """Take a process in, with the children that it will have.

        Args:
            pid: of the process.
            held: what others hold it by, where they stop it too.
        """
        if self._group is not None:
            self._group.procs.write_text(str(pid))
        else:
            self._held.append(held or Held(pid))

    def limit(self, share: float | None) -> None:
        """Give all of them together a share of one processor from now on; None is no limit."""
        if self._group is not None:
            self._group.write(self._group.controller.limit(share, self._period_us))
            return
        self._go_on()
        if share is not None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._stop_and_go, args=(share,), daemon=True)
            self._thread.start()

    def __enter__(self) -> "CpuGroup":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._go_on()
        if self._group is not None:
            self._group.remove()

    def _go_on(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _stop_and_go(self, share: float) -> None:
        """Stop all of them for the rest of each period in which they have used up their share, as the kernel does it."""
        period_ns = self._period_us * 1000
        used_ns = self._used_ns()
        while not self._ended.is_set():
            until_ns = time.monotonic_ns() + period_ns
            allowed_ns = used_ns + round(period_ns * share)
            while (used_ns := self._used_ns()) < allowed_ns and time.monotonic_ns() < until_ns:
                if self._ended.wait(max(allowed_ns - used_ns, POLL_NS) / 1e9):
                    return
            if used_ns >= allowed_ns:
                with contextlib.ExitStack() as all_of_them:
                    for held in self._held:
                        all_of_them.enter_context(held)
                    self._ended.wait(max(until_ns - time.monotonic_ns(), 0) / 1e9)
            # What they have used beyond their share is missing from the next.
            used_ns = min(used_ns, allowed_ns)

    def _used_ns(self) -> int:
        used_ns = 0
        for held in self._held:
            with contextlib.suppress(OSError):  # It has ended.
                used_ns += cpu_ns(held.pid)
        return used_ns


def means() -> str:
    """Say by which means a share is given here: ``cgroup v1``, ``cgroup v2`` or ``stop and go``."""
    with CpuGroup("probe") as group:
        return group.means


@contextlib.contextmanager
def limited(pid: int, held: Held, name: str) -> Iterator[None]:
    """Limit a process to a small function's share until it has ended, or the block is left."""
    with CpuGroup(name) as group:
        group.add(pid, held)
        group.limit(SHARE)
        yield


def _made(name: str) -> _Group | None:
    """Make a control group that takes a limit; return None where that cannot be done."""
    for controller in controllers(ROOT):
        group = _Group(controller, controller.parent / name)
        if not (controller.parent / "cgroup.procs").exists():
            continue
        try:
            group.folder.mkdir()
        except OSError:
            continue
        try:
            group.write(controller.weight | controller.limit(SHARE))
            group.write(controller.limit(None))
        except OSError:
            group.folder.rmdir()
            continue
        return group
    return None


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
