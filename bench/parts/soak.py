"""Soak: run many invocations, of which every hundredth fails. Nothing may grow or slow down."""

import statistics
from dataclasses import dataclass

from bench import batches
from bench.control_plane.process import cpu_ns, descriptors, memory, threads
from bench.control_plane.sockets import BenchError
from bench.reporting.figures import Row, row
from bench.subjects import KEEPING, LAYER, OBVIOUS, Bench, Subject

TOPIC = "soak"

INVOCATIONS = 50_000
QUICK_INVOCATIONS = 2_000
OTHERS_SHARE = 10
"""Nothing is to be proven of the others; a tenth of the invocations shows their cost."""
LINES = 10
FAILING = 100
TENTHS = 10

GROWTH_LIMIT_MB = 1.0
CPU_RATIO_LIMIT = 1.15
"""Beyond the noise of CPU time on a machine that others use."""
EARLY, LATE = slice(1, 4), slice(7, 10)
"""The tenths to compare: the first one warms up, and a median of three ignores a disturbance."""
MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenth:
    """The size of a process after a tenth of the run, and the cost of an invocation in it."""

    pss_mb: float
    threads: int
    descriptors: int
    cpu_ms: float


def measure(bench: Bench) -> tuple[list[Row], dict[str, list[Tenth]]]:
    """Measure everything of this part; the tenths are for the file."""
    count = bench.times(INVOCATIONS, QUICK_INVOCATIONS)
    tenths = {
        name: _soak(subject, count if subject.is_layer else count // OTHERS_SHARE)
        for name, subject in bench.chosen(KEEPING, OBVIOUS, LAYER).items()
    }
    grown = {
        name: [max(_late(each, "pss_mb") - _early(each, "pss_mb"), 0.0)]
        for name, each in tenths.items()
    }
    held = {
        name: [
            _late(each, "threads")
            + _late(each, "descriptors")
            - _early(each, "threads")
            - _early(each, "descriptors")
        ]
        for name, each in tenths.items()
    }
    slower = {
        name: [_late(each, "cpu_ms") / _early(each, "cpu_ms")] for name, each in tenths.items()
    }
    told = f"over {count:,} invocations"
    note = "tenths 8 to 10 against 2 to 4; the others ran a tenth as many"
    rows = [
        row(TOPIC, f"growth of PSS {told}", "MB", grown, limit=GROWTH_LIMIT_MB, note=note),
        row(TOPIC, f"growth of threads and descriptors {told}", "", held, limit=0),
        row(
            TOPIC,
            f"CPU of an invocation, end to beginning, {told}",
            "",
            slower,
            limit=CPU_RATIO_LIMIT,
        ),
    ]
    return rows, tenths


def _early(tenths: list[Tenth], name: str) -> float:
    return float(statistics.median(getattr(each, name) for each in tenths[EARLY]))


def _late(tenths: list[Tenth], name: str) -> float:
    return float(statistics.median(getattr(each, name) for each in tenths[LATE]))


def _soak(subject: Subject, count: int) -> list[Tenth]:
    tenths = []
    step = max(count // TENTHS, 1)
    with subject.running() as plane:
        plane.settle()
        before_ns = cpu_ns(plane.pid)
        for number in range(step * TENTHS):
            fails = number % FAILING == FAILING - 1
            plane.invoke(batches.request_id(number))
            plane.post(batches.invocation(number, line_count=LINES, failed=fails))
            plane.wait_next()
            if (number + 1) % step == 0:
                plane.settle()
                now_ns = cpu_ns(plane.pid)
                tenths.append(
                    Tenth(
                        pss_mb=memory(plane.pid).pss_bytes / MB,
                        threads=threads(plane.pid),
                        descriptors=descriptors(plane.pid),
                        cpu_ms=(now_ns - before_ns) / step / 1e6,
                    )
                )
                before_ns = cpu_ns(plane.pid)
            plane.forget()
        if not plane.sink_bytes:
            raise BenchError(f"{subject.name} delivered nothing")
    return tenths
