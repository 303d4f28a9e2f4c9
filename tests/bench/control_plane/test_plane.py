import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import batches
from bench.control_plane import process
from bench.control_plane.plane import ControlPlane
from bench.control_plane.sockets import BenchError

ROOT = Path(__file__).resolve().parents[3]
FLOOR = ROOT / "bench" / "programs" / "floor.py"


@pytest.fixture
def started() -> Iterator[Callable[..., ControlPlane]]:
    """Return a function that starts the floor, and waits for its first Next."""
    with ExitStack() as planes:

        def start(*words: str, freezes: bool = False) -> ControlPlane:
            plane = planes.enter_context(ControlPlane(freezes=freezes))
            plane.start((sys.executable, "-ISB", str(FLOOR), *words), dict(os.environ))
            plane.wait_next()
            return plane

        yield start


def run_invocation(plane: ControlPlane, number: int, body: bytes) -> None:
    plane.invoke(batches.request_id(number))
    plane.post(body)


def test_plane_notes_each_request_of_a_subject(started: Callable[..., ControlPlane]) -> None:
    """A real process registers, subscribes and asks, each after the one before."""
    plane = started()
    run_invocation(plane, 0, batches.invocation(0, line_count=10))
    plane.wait_next()

    assert [request.kind for request in plane.requests] == ["register", "subscribe", "next", "next"]
    times_ns = [plane.started_ns, *(request.at_ns for request in plane.requests)]
    assert times_ns == sorted(times_ns)


def test_plane_serves_the_sink(started: Callable[..., ControlPlane]) -> None:
    """The floor that keeps delivers the failed invocation's batch only, byte for byte."""
    failed = batches.invocation(1, line_count=10, failed=True)
    plane = started("keep", "hold")
    run_invocation(plane, 0, batches.invocation(0, line_count=10))
    plane.wait_next()
    run_invocation(plane, 1, failed)
    plane.wait_sink(1)
    plane.wait_next()

    assert plane.count("sink") == 1
    assert plane.sink_bytes == len(failed)


def test_plane_posts_to_the_path_that_a_subject_subscribes() -> None:
    """The recorder takes events by a secret path only, so that a measurement of another path would find nothing kept."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from extension.boot import main; main([])"
    with ControlPlane() as plane:
        plane.start((sys.executable, "-c", code, str(ROOT)), dict(os.environ))
        plane.wait_next()
        run_invocation(plane, 0, batches.invocation(0, line_count=10, failed=True))

        plane.wait_sink(1)

    assert plane.sink_bytes > 0


def test_plane_freezes_a_subject_after_each_next(started: Callable[..., ControlPlane]) -> None:
    """A stopped process answers again with the next event."""
    plane = started(freezes=True)
    state = Path(f"/proc/{plane.pid}/stat").read_text().rpartition(")")[2].split()[0]
    plane.invoke(batches.request_id(0))
    plane.wait_next()

    assert state == "T"
    assert plane.count("next") == 2


def test_plane_reports_a_subject_that_exits() -> None:
    """A measurement of a dead program must not end in a time-out, or in a figure."""
    with ControlPlane() as plane:
        plane.start((sys.executable, "-c", ""), dict(os.environ))

        with pytest.raises(BenchError, match="has exited"):
            plane.wait_next()


def test_plane_ends_a_subject_with_shutdown(started: Callable[..., ControlPlane]) -> None:
    """A subject that ignored SHUTDOWN would be killed in Lambda."""
    plane = started()
    pid = plane.pid
    plane.shut_down()

    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(BenchError, match="not asking"):
        plane.invoke(batches.request_id(0))


def test_process_figures_are_those_of_the_subject(started: Callable[..., ControlPlane]) -> None:
    """The kernel tells CPU time, memory, threads and descriptors of another process."""
    plane = started()
    plane.settle()
    spent_ns, main_ns = process.cpu_ns(plane.pid), process.main_thread_cpu_ns(plane.pid)
    held = process.memory(plane.pid)

    assert process.is_asleep(plane.pid)
    assert not process.is_asleep(os.getpid())
    assert 0 < main_ns <= spent_ns < 5_000_000_000
    assert 0 < held.pss_bytes <= held.rss_bytes <= held.peak_bytes
    assert process.threads(plane.pid) == 2
    assert 4 <= process.descriptors(plane.pid) <= 20
