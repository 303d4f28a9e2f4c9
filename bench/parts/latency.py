"""Measure times: how long an invocation waits for us, and how late a failure is delivered."""

import select
import subprocess
from pathlib import Path

from bench import batches
from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import CORES, cpu_ns
from bench.reporting.figures import Row, row
from bench.subjects import FLOOR, KEEPING, LAYER, OBVIOUS, Bench, Subject

TOPIC = "latency"

HELD_LIMIT_MS = 0.3
HELD_RATIO = 2.2
HELD_P99_LIMIT_MS = 1.0
DELIVERY_LIMIT_MS = 5.0

MS = 1e6
RUNTIME_NS = 2_000_000
"""How long the function runs: short, since a long one hides whatever we add."""
BATCHING_NS = 25_000_000
"""How long Lambda holds back a batch at the least (AWS: Telemetry API, timeoutMs)."""
PACE_NS = 30_000_000
"""From one INVOKE to the next."""

LEARNING = 8
"""Invocations after which a subject that adapts has adapted."""
FIRST_LIMIT_MS = 3.0
FIRST_NS = 300_000_000
FUNCTION_LOOPS = 1_500_000
"""Some 50 ms of work: what a small function's first invocation may well take."""


def measure(bench: Bench) -> list[Row]:
    """Measure everything of this part."""
    return [*_held(bench), *_busy(bench), *_deliveries(bench), *_loading(bench)]


def _settings(bench: Bench, names: tuple[str, ...], *words: str, flush: str) -> dict[str, Subject]:
    return {
        name: subject.with_words(*words).with_settings(FLUSH=flush)
        for name, subject in bench.chosen(*names).items()
    }


def _held(bench: Bench) -> list[Row]:
    """Measure from runtimeDone's arrival to Next, with FLUSH=end and nothing to deliver."""
    took: dict[str, list[float]] = {}
    bodies = [
        batches.invocation(number, line_count=10) for number in range(bench.times(600, 200) + 20)
    ]
    subjects = _settings(bench, (FLOOR, OBVIOUS, LAYER), "hold", flush="end")
    for _ in range(bench.times(2, 1)):
        for name, subject in subjects.items():
            with subject.running() as plane:
                plane.settle()
                for number, body in enumerate(bodies):
                    plane.forget()
                    plane.invoke(batches.request_id(number))
                    sent_ns = plane.post(body)
                    next_ns = plane.wait_next()
                    if number >= 20:  # The first ones warm up.
                        took.setdefault(name, []).append((next_ns - sent_ns) / MS)
    what = "runtimeDone's arrival to Next, FLUSH=end"
    return [
        row(TOPIC, f"{what}, median", "ms", took, limit_ratio=HELD_RATIO),
        row(TOPIC, f"{what}, p99", "ms", took, limit=HELD_P99_LIMIT_MS, pick=lambda each: each.p99),
    ]


def _busy(bench: Bench) -> list[Row]:
    """Measure the time added to an invocation, with Lambda's own batching, for busy and quiet functions."""
    rows = []
    for what, flush, gap_ms, words, limit in (
        ("added, FLUSH=adaptive, busy", "adaptive", 30, (), HELD_LIMIT_MS),
        ("added, FLUSH=background", "background", 30, (), HELD_LIMIT_MS),
        ("added, FLUSH=adaptive, quiet", "adaptive", 60_000, ("hold",), None),
        ("added, FLUSH=end", "end", 30, ("hold",), None),
    ):
        added: dict[str, list[float]] = {}
        early: dict[str, list[float]] = {}
        for name, subject in _settings(bench, (FLOOR, OBVIOUS, LAYER), *words, flush=flush).items():
            with subject.running() as plane:
                plane.settle()
                for number in range(bench.times(60, 10) + LEARNING):
                    invoked_ns, added_ns, asked_ns = _paced(plane, number, gap_ms=gap_ms)
                    if number >= LEARNING:
                        added.setdefault(name, []).append(added_ns / MS)
                        early.setdefault(name, []).append((asked_ns - invoked_ns) / MS)
        note = "25 ms of it are Lambda's batching" if words else ""
        rows.append(row(TOPIC, what, "ms", added, limit=limit, note=note))
        if not words:
            rows.append(row(TOPIC, f"INVOKE to Next{what.removeprefix('added')}", "ms", early))
    return rows


def _paced(plane: ControlPlane, number: int, *, gap_ms: int) -> tuple[int, int, int]:
    """Run one invocation as Lambda times it; return the times of INVOKE, added and of Next, in ns."""
    plane.forget()
    invoked_ns = plane.invoke(batches.request_id(number), gap_ms=gap_ms)
    done_ns = invoked_ns + RUNTIME_NS
    plane.pump(until_ns=done_ns + BATCHING_NS)
    plane.post(batches.invocation(number, line_count=10))
    asked_ns = plane.wait_next()
    plane.pump(until_ns=invoked_ns + PACE_NS)
    return invoked_ns, max(asked_ns - done_ns, 0), asked_ns


def _deliveries(bench: Bench) -> list[Row]:
    """Measure from runtimeDone's arrival until a failed invocation of 100 lines is in the sink."""
    rows = []
    names = (KEEPING, OBVIOUS, LAYER)
    for told, freezes in (("", False), (", frozen after each Next", True)):
        took: dict[str, list[float]] = {}
        asked: dict[str, list[float]] = {}
        for name, subject in _settings(bench, names, "hold", flush="end").items():
            with subject.running(freezes=freezes) as plane:
                if not freezes:
                    plane.settle()
                for number in range(bench.times(100, 25) + LEARNING):
                    body = batches.invocation(number, line_count=100, failed=True)
                    plane.forget()
                    plane.invoke(batches.request_id(number))
                    sent_ns = plane.post(body)
                    sink_ns = plane.wait_sink(1)
                    next_ns = plane.wait_next()
                    if number >= LEARNING:
                        took.setdefault(name, []).append((sink_ns - sent_ns) / MS)
                        asked.setdefault(name, []).append((next_ns - sent_ns) / MS)
        what = "runtimeDone's arrival to the sink, 100 lines"
        rows.append(row(TOPIC, what + told, "ms", took, limit=DELIVERY_LIMIT_MS))
        if freezes:
            continue
        rows.append(row(TOPIC, f"{what}, p99", "ms", took, pick=lambda each: each.p99))
        rows.append(row(TOPIC, "runtimeDone's arrival to Next, 100 lines delivered", "ms", asked))
    return rows


def _loading(bench: Bench) -> list[Row]:
    """Measure how loading disturbs a first invocation that comes at once, and one that comes later."""
    subjects = _settings(bench, (FLOOR, OBVIOUS, LAYER), flush="background")
    answered: dict[str, list[float]] = {name: [] for name in subjects}
    burnt: dict[str, list[float]] = {name: [] for name in subjects}
    at_once: dict[str, list[float]] = {name: [] for name in subjects}
    later: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(bench.times(12, 4)):
        for name, subject in subjects.items():
            with subject.running() as plane:
                invoked_ns = plane.invoke(batches.request_id(0))
                answered[name].append((plane.wait_next() - invoked_ns) / MS)
                plane.pump(until_ns=plane.started_ns + FIRST_NS)
                burnt[name].append(cpu_ns(plane.pid) / MS)
    for _ in range(bench.times(8, 2)):
        for name, subject in subjects.items():
            at_once[name].append(_taken_ms(bench.python, subject, at_once=True))
            later[name].append(_taken_ms(bench.python, subject))
    return [
        row(
            TOPIC,
            "first INVOKE, sent at once, to Next, FLUSH=background",
            "ms",
            answered,
            limit=FIRST_LIMIT_MS,
        ),
        row(TOPIC, "CPU in the first 300 ms", "ms", burnt),
        row(TOPIC, "CPU taken from a first invocation sent at once", "ms", at_once, note=_NOTE),
        row(TOPIC, "CPU taken from a first invocation sent later", "ms", later),
    ]


_NOTE = "the extension's own, on one core with a function that computes for some 50 ms"

_FUNCTION = f"""
import os, sys
os.sched_setaffinity(0, {{{CORES[0]}}})
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
for _ in range({FUNCTION_LOOPS}): pass
sys.stdout.write("done\\n"); sys.stdout.flush()
"""


def _taken_ms(python: Path, subject: Subject, *, at_once: bool = False) -> float:
    """Return the CPU time, in ms, that a subject takes while a function runs on the same core."""
    function = subprocess.Popen(
        [str(python), "-ISB", "-c", _FUNCTION],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=subject.environ,
    )
    begin, done = function.stdin, function.stdout
    assert begin is not None  # noqa: S101 - for the type checker
    assert done is not None  # noqa: S101 - the same
    with function, ControlPlane() as plane:
        done.readline()
        plane.start(subject.command, subject.environ, cores={CORES[0]})
        plane.wait_next()
        if not at_once:
            plane.settle()
        before_ns = cpu_ns(plane.pid)
        plane.invoke(batches.request_id(0))
        begin.write(b"\n")
        begin.flush()
        plane.wait_for(lambda: bool(select.select([done], [], [], 0)[0]))
        return (cpu_ns(plane.pid) - before_ns) / MS
