"""Measure what a first invocation loses where a function has a part of a processor, and when its failure is delivered.

The function needs a fixed time of the processor, and shares it with the extension. Init runs at full speed: the share
begins when the runtime and the extension have both asked for an event, and the invocation comes at once.
"""

import statistics
from collections.abc import Collection
from typing import NamedTuple

from bench import batches
from bench.control_plane.cpu_share import SHARE, means
from bench.control_plane.environment import Runtime
from bench.control_plane.process import CORES, THEIRS
from bench.parts.environments import MS, Case, Figures, cases, environment, failed_end, in_turn
from bench.reporting.figures import Row
from bench.subjects import KEEPING, Bench

FUNCTION_MS = 60.0
LATER_LIMIT_MS = 25.0
SINK_RATIO = 1.4
HTTPS_SINK_RATIO = 1.7

READY_MS = (0, 25, 50, 100, 150, 300)


class Share(NamedTuple):
    """A part of one processor; None is all of it."""

    told: str
    of: float | None


SMALL = Share("7.25 %", SHARE)
SHARES = (SMALL, Share("29 %", 0.29), Share("whole processor", None))
"""Of functions with 128, 512 and 1,769 MB."""


class Lived(NamedTuple):
    """One first invocation: from INVOKE until the function was done, and until its lines were in the sink."""

    done_ms: float
    sink_ms: float


def measure(bench: Bench, topic: str) -> list[Row]:
    """Measure an invocation that comes as soon as it can, on one processor and on two."""
    figures = Figures(topic)
    alone_ms = _alone_ms(bench, SMALL)
    later, until = (
        "small function: done later by",
        "small function: INVOKE to failed lines in the sink",
    )
    for case in in_turn(cases(bench), bench.times(3, 1)):
        lived = live(bench, case, SMALL)
        figures.add(later, case, lived.done_ms - alone_ms)
        figures.add(until, case, lived.sink_ms)
    note = (
        f"{SMALL.told} of a processor, by {means()}; the function alone takes {FUNCTION_MS:.0f} ms of it,"
        f" which last {alone_ms:.0f} ms"
    )
    rows = [
        *figures.both(later, "ms", {"limit": LATER_LIMIT_MS}, {"limit": LATER_LIMIT_MS}, note=note),
        *figures.both(until, "ms", {"limit_ratio": SINK_RATIO}, {"limit_ratio": HTTPS_SINK_RATIO}),
    ]
    if len(CORES) == 1:
        return rows
    for case in in_turn(cases(bench, with_https=False), bench.times(3, 1)):
        lived = live(bench, case, SMALL, cores=CORES[:2])
        figures.add(f"{later}, on two processors", case, lived.done_ms - alone_ms)
        figures.add(f"{until}, on two processors", case, lived.sink_ms)
    note = "the same share, of one: what would wait for the function on one processor uses it up on the other"
    return [
        *rows,
        figures.row(f"{later}, on two processors", "ms", note=note),
        figures.row(f"{until}, on two processors", "ms"),
    ]


def curve(bench: Bench, topic: str) -> list[Row]:
    """Measure by the time that the runtime takes to get ready, and by the share of the processor."""
    shares = (SHARES[0], SHARES[-1]) if bench.quick else SHARES
    readies = (READY_MS[0], READY_MS[-2]) if bench.quick else READY_MS
    rows = []
    chosen = cases(bench, with_https=False)
    for share in shares:
        figures = Figures(topic)
        alone_ms = _alone_ms(bench, share)
        for case in in_turn(chosen, 1 if share is SMALL else bench.times(2, 1)):
            for ready_ms in readies:
                lived = live(bench, case, share, ready_ms=ready_ms)
                later_ms = lived.done_ms - alone_ms
                figures.add(_told(share, ready_ms, "done later by"), case, later_ms)
                figures.add(_told(share, ready_ms, "INVOKE to the sink"), case, lived.sink_ms)
        for figure in ("done later by", "INVOKE to the sink"):
            rows += [figures.row(_told(share, ready_ms, figure), "ms") for ready_ms in readies]
    return rows


def _told(share: Share, ready_ms: float, figure: str) -> str:
    return f"{share.told}, runtime ready after {ready_ms:.0f} ms: {figure}"


def live(
    bench: Bench,
    case: Case,
    share: Share,
    *,
    ready_ms: float = 0,
    cores: Collection[int] = frozenset(THEIRS),
) -> Lived:
    """Live one environment's first invocation, which fails.

    Args:
        bench: for the HTTPS sink's certificate.
        case: the extension and its sink.
        share: of a processor, once both have asked for an event.
        ready_ms: the runtime asks this long after the extension has registered.
        cores: those that both may run on.
    """
    runtime = Runtime(ready_ms=ready_ms, function_ms=FUNCTION_MS)
    identifier = batches.request_id(0)
    with environment(bench, case, runtime, cores=cores) as lived:
        plane = lived.plane
        lived.group.limit(share.of)
        invoked_ns = plane.invoke(identifier)
        plane.run_function(identifier)
        plane.send(batches.body([*batches.init_done(), batches.start(identifier)]))
        plane.wait_for(lambda: bool(plane.count("runtime done")))
        plane.send(batches.body(failed_end(identifier)))
        sink_ns = lived.delivered_ns()
        done_ns = plane.first("runtime done").at_ns
    return Lived((done_ns - invoked_ns) / MS, (sink_ns - invoked_ns) / MS)


def _alone_ms(bench: Bench, share: Share) -> float:
    """Return how long the function takes when nobody shares the processor's part with it."""
    return statistics.median(_alone(bench, share) for _ in range(bench.times(5, 3)))


def _alone(bench: Bench, share: Share) -> float:
    # Some extension has to register; it is told nothing and is not in the group.
    floor = Case(KEEPING, bench.subjects[KEEPING], is_https=False)
    with environment(bench, floor, Runtime(function_ms=FUNCTION_MS), is_alone=True) as lived:
        plane = lived.plane
        lived.group.limit(share.of)
        begin_ns = plane.run_function(batches.request_id(0))
        plane.wait_for(lambda: bool(plane.count("runtime done")))
        return (plane.first("runtime done").at_ns - begin_ns) / MS
