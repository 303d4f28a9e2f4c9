"""Measure start-up: times, CPU time until ready, and files and modules before the first Next."""

import re
import shutil
from dataclasses import replace

from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import cpu_ns, main_thread_cpu_ns
from bench.reporting.figures import Row, row
from bench.subjects import COMPILED, Bench, Subject

TOPIC = "start-up"
PHASES = ("register", "subscribe", "next")

REGISTER_RATIO = 1 / 3
"""The fastest Go extension measured registers within this share of what bare CPython takes."""
MS = 1e6

_OPENED = re.compile(r"\bopen(?:at)?\(.*\) = \d+$")
_IMPORTED = re.compile(r'write\(2, "import time:\s+\d')
_MARKS = {"register": "/extension/register", "next": "/event/next"}


_NEXT_NOTE = "the runtime starts meanwhile; the part first has how much longer init is for it"
_READY_NOTE = "of the main thread from exec, the launcher included; other threads load what only a delivery needs"


def measure(bench: Bench) -> list[Row]:
    """Measure everything of this part."""
    subjects = {**bench.subjects, **bench.ways}
    times: dict[str, dict[str, list[float]]] = {
        phase: {name: [] for name in subjects} for phase in PHASES
    }
    ready: dict[str, list[float]] = {name: [] for name in bench.subjects}
    loaded: dict[str, list[float]] = {name: [] for name in bench.subjects}
    for number in range(bench.times(40, 6)):
        for name, subject in list(subjects.items())[:: -1 if number % 2 else 1]:
            with subject.running() as plane:
                for phase in PHASES:
                    took_ns = plane.first(phase).at_ns - plane.started_ns
                    times[phase][name].append(took_ns / MS)
                if name in ready:
                    plane.settle()
                    ready[name].append(main_thread_cpu_ns(plane.pid) / MS)
                    loaded[name].append(cpu_ns(plane.pid) / MS)
    rows = [
        row(TOPIC, "exec to register", "ms", times["register"], limit_ratio=REGISTER_RATIO),
        row(TOPIC, "exec to subscribe", "ms", times["subscribe"]),
        row(TOPIC, "exec to first Next", "ms", times["next"], note=_NEXT_NOTE),
        row(TOPIC, "CPU until the main loop waits", "ms", ready, note=_READY_NOTE),
        row(TOPIC, "CPU until all is loaded", "ms", loaded),
    ]
    if shutil.which("strace") is None:
        return rows
    return rows + _counted(bench, subjects)


def _counted(bench: Bench, subjects: dict[str, Subject]) -> list[Row]:
    opened = {name: _traced(bench, subject) for name, subject in subjects.items()}
    # The compiled launcher starts the interpreter beside it, and takes no options for it.
    loaded = {
        name: _traced(bench, _telling_imports(bench, subject))
        for name, subject in subjects.items()
        if not bench.brings_python and not subject.brings_python and name != COMPILED
    }
    rows = []
    for phase in _MARKS:
        told = "register" if phase == "register" else "first Next"
        files = {name: [float(_count(trace, _OPENED, phase))] for name, trace in opened.items()}
        modules = {name: [float(_count(trace, _IMPORTED, phase))] for name, trace in loaded.items()}
        rows.append(row(TOPIC, f"files opened before {told}", "", files))
        if modules:
            rows.append(row(TOPIC, f"modules loaded before {told}", "", modules))
    return rows


def _count(trace: list[str], what: re.Pattern[str], phase: str) -> int:
    count = 0
    for line in trace:
        if _MARKS[phase] in line:
            return count
        count += bool(what.search(line))
    return count


def _traced(bench: Bench, subject: Subject) -> list[str]:
    """Run a subject under strace until its first Next, and return the trace's lines."""
    path = bench.scratch / "trace"
    path.unlink(missing_ok=True)
    strace = shutil.which("strace") or "strace"
    command = (
        *(
            strace,
            "-f",
            "-qq",
            "-s",
            "96",
            "-e",
            "trace=open,openat,write,sendto",
            "-e",
            "signal=none",
        ),
        *("-o", str(path), *subject.command),
    )
    with ControlPlane() as plane:
        plane.start(command, subject.environ)
        plane.wait_next()
        plane.shut_down()  # Else what strace has not written yet is lost.
    return path.read_text(errors="replace").splitlines()


def _telling_imports(bench: Bench, subject: Subject) -> Subject:
    """Return a subject whose interpreter reports its imports: by an option, since -I ignores variables."""
    folder = bench.scratch / "telling" / "bin"
    teller = folder / "python3"
    if not teller.exists():
        folder.mkdir(parents=True)
        teller.write_text(f'#!/bin/sh\nexec {bench.python} -X importtime "$@"\n')
        teller.chmod(0o755)
        (folder.parent / "lib").symlink_to(bench.python.parent.parent / "lib")
    path = f"{folder}:{subject.environ['PATH']}"
    return replace(
        subject,
        command=tuple(
            str(teller) if part == str(bench.python) else part for part in subject.command
        ),
        environ=subject.environ | {"PATH": path},
    )
