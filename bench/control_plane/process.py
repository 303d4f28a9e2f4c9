"""Ask the kernel for a process's CPU time, memory, threads and descriptors (Linux: proc(5))."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

KIB = 1024

CORES = sorted(os.sched_getaffinity(0))
OURS = set(CORES[-1:])
THEIRS = set(CORES[:-1] or CORES)
"""Cores of the control plane and of the subject. A woken process tends to land on the core of the one that woke it, and
waits there. Without this, a subject that works on after a request seems to send it late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory of one process. PSS divides a shared page among its processes; the peak is of the resident size."""

    pss_bytes: int
    rss_bytes: int
    peak_bytes: int


def cpu_ns(pid: int) -> int:
    """Return the CPU time of all threads of a process, dead ones too, in nanoseconds.

    The clock of another process has the number ``(~pid << 3) | 2`` (Linux: include/linux/posix-timers_types.h); unlike
    the ticks in ``/proc/PID/stat`` it counts nanoseconds.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def main_thread_cpu_ns(pid: int) -> int:
    """Return the CPU time of a process's main thread, in nanoseconds (Linux: Documentation/scheduler/sched-stats)."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])


def is_asleep(pid: int) -> bool:
    """Return whether all threads of a process wait for something that is not a disk."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            continue  # The thread has ended.
        if state != "S":
            return False
    return True


def memory(pid: int) -> Memory:
    """Return the memory that a process has at this moment."""
    rollup = _fields(f"/proc/{pid}/smaps_rollup")
    status = _fields(f"/proc/{pid}/status")
    return Memory(
        pss_bytes=rollup["Pss"] * KIB,
        rss_bytes=rollup["Rss"] * KIB,
        peak_bytes=status["VmHWM"] * KIB,
    )


def reset_peak(pid: int) -> None:
    """Let the peak of a process's memory begin anew (Linux: proc(5), ``clear_refs``)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return _fields(f"/proc/{pid}/status")["Threads"]


def descriptors(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _fields(path: str) -> dict[str, int]:
    fields = {}
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdigit():
            fields[name] = int(number[0])
    return fields
