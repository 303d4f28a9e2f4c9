"""Measure what a first invocation loses where a function has a part of a processor, and when its failure is delivered.

The function needs a fixed time of the processor, and shares it with the extension. Init runs at full speed: the share
begins when the runtime and the extension have both asked for an event, and the invocation comes at once.
"""

import statistics
from collections.abc import Collection
from typing import Any, NamedTuple, final

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


LATER = "done later by"
UNTIL = "INVOKE to failed lines in the sink"


@final
class _Invocations:
    """First invocations with one share, and in turn with them the function alone, which they are held against."""

    def __init__(self, bench: Bench, share: Share) -> None:
        self._bench = bench
        self._share = share
        self._alone_ms: list[float] = []
        self._lived: list[tuple[str, Case, Lived]] = []

    @property
    def alone_ms(self) -> float:
        """How long the function takes alone."""
        return statistics.median(self._alone_ms)

    @property
    def alone_told(self) -> str:
        """The same in words, with the lowest and the highest: what it varies by, differences vary by as well."""
        lowest, highest = min(self._alone_ms), max(self._alone_ms)
        return (
            f"alone, the function takes {FUNCTION_MS:.0f} ms of it. They last"
            f" {self.alone_ms:.0f} ms ({lowest:.0f} to {highest:.0f})"
        )

    def take(self, told: str, case: Case, **how: Any) -> None:
        """Live one, and count it to the rows that are told so."""
        self._lived.append((told, case, live(self._bench, case, self._share, **how)))

    def take_alone(self) -> None:
        """Let the function run alone once."""
        self._alone_ms.append(_alone_ms(self._bench, self._share))

    def figures(self, topic: str) -> Figures:
        """Return how much later each function was done, and when its lines were in the sink."""
        figures = Figures(topic)
        for told, case, lived in self._lived:
            figures.add(f"{told}: {LATER}", case, lived.done_ms - self.alone_ms)
            figures.add(f"{told}: {UNTIL}", case, lived.sink_ms)
        return figures


def measure(bench: Bench, topic: str) -> list[Row]:
    """Measure an invocation that comes as soon as it can, on one processor and on two."""
    invocations = _Invocations(bench, SMALL)
    small, on_two = "small function", "small function on two processors"
    for case in in_turn(cases(bench), bench.times(5, 1)):
        if not case.is_https:
            invocations.take_alone()
            if len(CORES) > 1:
                invocations.take(on_two, case, cores=CORES[:2])
        invocations.take(small, case)
    figures = invocations.figures(topic)
    note = f"{SMALL.told} of a processor, by {means()}; {invocations.alone_told}"
    limit = {"limit": LATER_LIMIT_MS}
    rows = [
        *figures.both(f"{small}: {LATER}", "ms", limit, limit, note=note),
        *figures.both(
            f"{small}: {UNTIL}",
            "ms",
            {"limit_ratio": SINK_RATIO},
            {"limit_ratio": HTTPS_SINK_RATIO},
        ),
    ]
    if len(CORES) == 1:
        return rows
    note = "the same share, of one. What would wait on one processor uses it up on the other"
    return [
        *rows,
        figures.row(f"{on_two}: {LATER}", "ms", note=note),
        figures.row(f"{on_two}: {UNTIL}", "ms"),
    ]


def curve(bench: Bench, topic: str) -> list[Row]:
    """Measure by the time that the runtime takes to get ready, and by the share of the processor."""
    shares = (SHARES[0], SHARES[-1]) if bench.quick else SHARES
    readies = (READY_MS[0], READY_MS[-2]) if bench.quick else READY_MS
    rows = []
    for share in shares:
        told = {ready: f"{share.told}, runtime ready after {ready} ms" for ready in readies}
        invocations = _Invocations(bench, share)
        passes = 1 if share is SMALL else bench.times(2, 1)
        for case in in_turn(cases(bench, with_https=False), passes):
            invocations.take_alone()
            for ready in readies:
                invocations.take(told[ready], case, ready_ms=ready)
        figures = invocations.figures(topic)
        for ready in readies:
            note = "" if ready else invocations.alone_told
            rows.append(figures.row(f"{told[ready]}: {LATER}", "ms", note=note))
        rows += [figures.row(f"{told[ready]}: {UNTIL}", "ms") for ready in readies]
    return rows


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
    # Some extension has to register; it is told nothing and is not in the group.
    floor = Case(KEEPING, bench.subjects[KEEPING], is_https=False)
    with environment(bench, floor, Runtime(function_ms=FUNCTION_MS), is_alone=True) as lived:
        plane = lived.plane
        lived.group.limit(share.of)
        begin_ns = plane.run_function(batches.request_id(0))
        plane.wait_for(lambda: bool(plane.count("runtime done")))
        return (plane.first("runtime done").at_ns - begin_ns) / MS
