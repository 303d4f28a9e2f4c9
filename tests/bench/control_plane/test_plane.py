import os
import sys
from pathlib import Path

import pytest

from bench import batches
from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import cpu_ns, descriptors, memory, threads
from bench.control_plane.sockets import BenchError

FLOOR = Path(__file__).resolve().parents[3] / "bench" / "programs" / "floor.py"


def command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-ISB", str(FLOOR), *words)


def test_the_floor_takes_part_in_the_protocol() -> None:
    """A real process registers, subscribes and asks, and each is noted after the one before."""
    with ControlPlane() as plane:
        plane.start(command(), dict(os.environ))
        plane.wait_next()
        plane.invoke(batches.request_id(0))
        plane.post(batches.invocation(0, line_count=10))
        plane.wait_next()

        assert [request.kind for request in plane.requests] == [
            "register",
            "subscribe",
            "next",
            "next",
        ]
        times_ns = [plane.started_ns, *(request.at_ns for request in plane.requests)]
        assert times_ns == sorted(times_ns)


def test_the_floor_that_keeps_delivers_what_failed() -> None:
    """Only the failed invocation's batch comes to the sink, as it was."""
    failed = batches.invocation(1, line_count=10, failed=True)
    with ControlPlane() as plane:
        plane.start(command("keep", "hold"), dict(os.environ))
        plane.wait_next()
        plane.invoke(batches.request_id(0))
        plane.post(batches.invocation(0, line_count=10))
        plane.wait_next()
        plane.invoke(batches.request_id(1))
        plane.post(failed)
        plane.wait_sink(1)
        plane.wait_next()

        assert plane.count("sink") == 1
        assert plane.sink_bytes == len(failed)


def test_a_subject_can_be_frozen_after_each_next() -> None:
    """A stopped process answers again with the next event."""
    with ControlPlane(freezes=True) as plane:
        plane.start(command(), dict(os.environ))
        plane.wait_next()
        state = Path(f"/proc/{plane.pid}/stat").read_text().rpartition(")")[2].split()[0]
        plane.invoke(batches.request_id(0))
        plane.wait_next()

        assert state == "T"
        assert plane.count("next") == 2


def test_a_subject_that_exits_is_told_of() -> None:
    """A measurement of a program that died must not end in a time-out, or in a figure."""
    with ControlPlane() as plane:
        plane.start((sys.executable, "-c", ""), dict(os.environ))

        with pytest.raises(BenchError, match="has exited"):
            plane.wait_next()


def test_shutdown_ends_it() -> None:
    """SHUTDOWN is an event like the others."""
    with ControlPlane() as plane:
        plane.start(command(), dict(os.environ))
        plane.wait_next()
        pid = plane.pid
        plane.shut_down()

        assert not Path(f"/proc/{pid}").exists()


def test_the_kernel_tells_of_another_process() -> None:
    """CPU time, memory, threads and descriptors of the subject, not of ourselves."""
    with ControlPlane() as plane:
        plane.start(command(), dict(os.environ))
        plane.wait_next()
        plane.settle()
        before_ns = cpu_ns(plane.pid)
        held = memory(plane.pid)

        assert 0 < before_ns < 5_000_000_000
        assert 0 < held.pss_bytes <= held.rss_bytes <= held.peak_bytes
        assert threads(plane.pid) == 2
        assert 4 <= descriptors(plane.pid) <= 20
