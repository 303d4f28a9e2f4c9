"""Measure how long init takes as Lambda sees it: from register until the runtime and the extension ask for an event.

A runtime that waits gets ready beside the extension. One that computes has to share a processor with it.
"""

from bench.control_plane.environment import Runtime
from bench.parts.environments import MS, Case, Figures, cases, environment, in_turn
from bench.reporting.figures import Row
from bench.subjects import Bench

RUNTIMES = (
    Runtime(ready_ms=10),
    Runtime(ready_ms=100),
    Runtime(ready_ms=500),
    Runtime(ready_ms=10, computes=True),
    Runtime(ready_ms=100, computes=True),
    Runtime(ready_ms=500, computes=True),
)


def measure(bench: Bench, topic: str) -> list[Row]:
    """Measure all runtimes."""
    figures = Figures(topic)
    for case in in_turn(cases(bench, with_https=False), bench.times(3, 1)):
        for runtime in RUNTIMES:
            figures.add(_told(runtime), case, _longer_ms(bench, case, runtime))
    return [figures.row(_told(runtime), "ms") for runtime in RUNTIMES]


def _told(runtime: Runtime) -> str:
    verb = "computes" if runtime.computes else "waits"
    return f"init longer than a runtime that {verb} for {runtime.ready_ms:.0f} ms, by"


def _longer_ms(bench: Bench, case: Case, runtime: Runtime) -> float:
    with environment(bench, case, runtime) as lived:
        plane = lived.plane
        ended_ns = max(plane.first("next").at_ns, plane.first("runtime next").at_ns)
        return (ended_ns - plane.first("register").at_ns) / MS - runtime.ready_ms
