"""Measure a cold start: nothing of the interpreter or the layer is in memory yet.

Not part of the ordinary suite (``--only cold``): it needs root, and takes the page cache from everything on the machine.
The local disk is not what Lambda has; what carries over is how many files are opened, and in what order ways come.
"""

import re
import shutil
from pathlib import Path

from bench import batches
from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import cpu_ns
from bench.reporting.figures import Row, row
from bench.subjects import OBVIOUS, Bench, Subject

TOPIC = "cold"
MS = 1e6

_DROP = Path("/proc/sys/vm/drop_caches")
_CALL = re.compile(r"\b(?:open|openat)\(.*\) = (-?\d+)")


def measure(bench: Bench) -> list[Row]:
    """Measure everything of this part.

    Raises:
        PermissionError: not as root.
    """
    subjects = {
        name: subject.with_settings(FLUSH="end")
        for name, subject in (bench.subjects | bench.ways).items()
    }
    # The floor loads nothing for a delivery; what delivers is measured up to there.
    delivering = [name for name, subject in subjects.items() if subject.is_layer]
    phases: dict[str, dict[str, list[float]]] = {
        phase: {} for phase in ("register", "next", "sink", "cpu")
    }
    for _ in range(bench.times(15, 3)):
        for name, subject in subjects.items():
            if name == OBVIOUS:
                continue
            _DROP.write_text("3\n")
            with subject.running() as plane:
                for phase in ("register", "next"):
                    took_ns = plane.first(phase).at_ns - plane.started_ns
                    phases[phase].setdefault(name, []).append(took_ns / MS)
                if name in delivering:
                    took_ns = _deliver(plane) - plane.started_ns
                    phases["sink"].setdefault(name, []).append(took_ns / MS)
                    phases["cpu"].setdefault(name, []).append(cpu_ns(plane.pid) / MS)
    rows = [
        row(TOPIC, "exec to register", "ms", phases["register"]),
        row(TOPIC, "exec to first Next", "ms", phases["next"]),
        row(TOPIC, "exec to the sink, failing at once", "ms", phases["sink"]),
        row(TOPIC, "CPU until then", "ms", phases["cpu"]),
    ]
    if shutil.which("strace") is None:
        return rows
    opened, missed = {}, {}
    for name in delivering:
        numbers = _opened(bench, subjects[name])
        opened[name] = [float(sum(number >= 0 for number in numbers))]
        missed[name] = [float(sum(number < 0 for number in numbers))]
    return [
        *rows,
        row(TOPIC, "files opened until delivered", "", opened),
        row(TOPIC, "files looked for in vain", "", missed),
    ]


def _deliver(plane: ControlPlane) -> int:
    plane.invoke(batches.request_id(0))
    plane.post(batches.invocation(0, line_count=100, failed=True))
    return plane.wait_sink(1)


def _opened(bench: Bench, subject: Subject) -> list[int]:
    """Return the result of each open until a delivery: a descriptor, or -1."""
    path = bench.scratch / "cold-trace"
    path.unlink(missing_ok=True)
    strace = shutil.which("strace") or "strace"
    command = (strace, "-f", "-qq", "-e", "trace=open,openat", "-e", "signal=none", "-o", str(path))
    with ControlPlane() as plane:
        plane.start((*command, *subject.command), subject.environ)
        plane.wait_next()
        _deliver(plane)
        plane.wait_next()
        plane.shut_down()  # Else what strace has not written yet is lost.
    return [int(found) for found in _CALL.findall(path.read_text(errors="replace"))]
