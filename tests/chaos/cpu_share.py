"""Give a process the share of a processor that a small function has: by a control group, else by stopping it in between."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE = 0.0725
"""Of one processor, for 128 MB: a function gets a whole one at 1,769 MB (AWS: "Configure Lambda function memory")."""

PERIOD_US = 100_000

ROOT = Path("/sys/fs/cgroup")


class Held:
    """Holds a process still. Several may; it goes on when none does any longer."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1
            _send(self._pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                _send(self._pid, signal.SIGCONT)


def means() -> str:
    """Say by which means a share is given here: ``cgroup v1``, ``cgroup v2`` or ``stop and go``."""
    group = _group("probe")
    if group is None:
        return "stop and go"
    group.rmdir()
    return "cgroup v1" if "cpu" in group.parts else "cgroup v2"


@contextlib.contextmanager
def limited(pid: int, held: Held, name: str) -> Iterator[None]:
    """Limit a process until it has ended, or the block is left."""
    group = _group(name)
    if group is None:
        with _stop_and_go(held):
            yield
        return
    try:
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(OSError):
            # The one above has no limit of ours.
            (group.parent / "cgroup.procs").write_text(str(pid))
        with contextlib.suppress(OSError):
            group.rmdir()


def _group(name: str) -> Path | None:
    """Make a control group with the share; return None where that cannot be done."""
    quota_us = int(PERIOD_US * SHARE)
    # Ten times the usual weight: what else runs on this machine takes nothing of the share.
    limits = (
        (
            ROOT / "cpu",
            {
                "cpu.cfs_period_us": str(PERIOD_US),
                "cpu.cfs_quota_us": str(quota_us),
                "cpu.shares": "10240",
            },
        ),
        (ROOT, {"cpu.max": f"{quota_us} {PERIOD_US}", "cpu.weight": "1000"}),
    )
    for parent, files in limits:
        group = parent / f"flight-recorder-{os.getpid()}-{name}"
        if not all((parent / file).exists() for file in ("cgroup.procs",)):
            continue
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if not all((group / file).exists() for file in files):
                raise FileNotFoundError
            for file, text in files.items():
                (group / file).write_text(text)
        except OSError:
            group.rmdir()
            continue
        return group
    return None


@contextlib.contextmanager
def _stop_and_go(held: Held) -> Iterator[None]:
    ended = threading.Event()

    def work() -> None:
        period_s = PERIOD_US / 1_000_000
        while not ended.is_set():
            with held:
                ended.wait(period_s * (1 - SHARE))
            ended.wait(period_s * SHARE)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
