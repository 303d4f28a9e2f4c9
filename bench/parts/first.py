"""Measure what an environment's start costs in all, its first invocation included, where processor time is scarcest.

``small_function`` has the rows of a processor's share, and ``init`` those of the runtime that starts beside the layer. The
layer has its default settings. The others ask for the next event when ``runtimeDone`` has come and what is owed is
delivered, as the layer does by default. The HTTPS sink's certificate is one of the authorities that come with each.
"""

import re
import shutil
import time

from bench import batches
from bench.control_plane.process import cpu_ns, memory
from bench.parts import init, small_function
from bench.parts.environments import (
    MS,
    Case,
    Environment,
    Figures,
    cases,
    environment,
    failed_events,
    in_turn,
)
from bench.reporting import report
from bench.reporting.figures import Row
from bench.subjects import Bench

TOPIC = report.SPREAD
CURVE = "first, by the runtime's start"
MB = 1e6

CPU_RATIO = 4.0
HTTPS_CPU_RATIO = 5.0
SINK_LIMIT_MS = 25.0
HTTPS_SINK_LIMIT_MS = 40.0
HTTPS_PSS_LIMIT_MB = 18.0
STEADY_RATIO = 5.0

WATCHED_NS = 2_000_000_000
BATCHING_NS = 25_000_000
"""How long Lambda holds back a batch at the least (AWS: Telemetry API, timeoutMs)."""
LATER_NS = 500_000_000
WARM_UP = 20

_CALL = re.compile(r"(\d+\.\d+) (?:<\.\.\. )?(openat|open|readv|read|pread64)\b.* = (\d+)$")


def measure(bench: Bench) -> list[Row]:
    """Measure everything of this part."""
    figures = Figures(TOPIC)
    for case in in_turn(cases(bench), bench.times(3, 1)):
        figures.add("CPU from exec to 2 s after Next", case, _cpu_ms(bench, case))
    for case in in_turn(cases(bench), bench.times(5, 2)):
        _at_once(bench, case, figures)
    for case in in_turn(cases(bench), bench.times(3, 1)):
        _later(bench, case, figures)
    for case in in_turn(cases(bench), bench.times(3, 1)):
        _steady(bench, case, figures)
    if shutil.which("strace") is not None:
        for case in cases(bench):
            _traced(bench, case, figures)
    return [
        *_rows(figures),
        *small_function.measure(bench, TOPIC),
        *init.measure(bench, TOPIC),
        *small_function.curve(bench, CURVE),
    ]


def _rows(figures: Figures) -> list[Row]:
    at_once = "full speed, failure at once: runtimeDone to the sink"
    limit, https_limit = {"limit": SINK_LIMIT_MS}, {"limit": HTTPS_SINK_LIMIT_MS}
    rows = [
        *figures.both(
            "CPU from exec to 2 s after Next",
            "ms",
            {"limit_ratio": CPU_RATIO},
            {"limit_ratio": HTTPS_CPU_RATIO},
            note="nothing is invoked; of all threads, dead ones too",
        ),
        *figures.both(at_once, "ms", limit, https_limit),
        *figures.both("the same 0.5 s later", "ms"),
        *figures.both("PSS after that delivery", "MB", None, {"limit": HTTPS_PSS_LIMIT_MB}),
        *figures.both("RSS after that delivery", "MB"),
        *figures.both(
            "CPU of a delivered failed invocation",
            "ms",
            {"limit_ratio": STEADY_RATIO},
            note="in the steady state",
        ),
    ]
    if shutil.which("strace") is not None:
        rows += [
            *figures.both("files opened until that delivery", ""),
            *figures.both("bytes read until that delivery", "MB"),
        ]
    return rows


def _cpu_ms(bench: Bench, case: Case) -> float:
    with environment(bench, case) as lived:
        plane = lived.plane
        next_ns = plane.first("next").at_ns
        plane.pump(until_ns=next_ns + BATCHING_NS)
        plane.post(batches.body(batches.init_done()))
        plane.pump(until_ns=next_ns + WATCHED_NS)
        return cpu_ns(plane.pid) / MS


def _at_once(bench: Bench, case: Case, figures: Figures) -> None:
    with environment(bench, case) as lived:
        sent_ns, sink_ns = lived.fail()
        figures.add(
            "full speed, failure at once: runtimeDone to the sink", case, (sink_ns - sent_ns) / MS
        )
        lived.plane.wait_next()
        lived.plane.settle()
        held = memory(lived.plane.pid)
        figures.add("PSS after that delivery", case, held.pss_bytes / MB)
        figures.add("RSS after that delivery", case, held.rss_bytes / MB)


def _later(bench: Bench, case: Case, figures: Figures) -> None:
    with environment(bench, case) as lived:
        plane = lived.plane
        next_ns = plane.first("next").at_ns
        plane.pump(until_ns=next_ns + BATCHING_NS)
        plane.post(batches.body(batches.init_done()))
        plane.pump(until_ns=next_ns + LATER_NS)
        plane.invoke(batches.request_id(0))
        sent_ns = plane.send(batches.body(failed_events(0)))
        figures.add("the same 0.5 s later", case, (lived.delivered_ns() - sent_ns) / MS)


def _steady(bench: Bench, case: Case, figures: Figures) -> None:
    count = bench.times(100, 40)
    with environment(bench, case) as lived:
        for number in range(WARM_UP):
            _deliver(lived, number)
        lived.plane.settle()
        before_ns = cpu_ns(lived.plane.pid)
        for number in range(WARM_UP, WARM_UP + count):
            _deliver(lived, number)
        spent_ns = cpu_ns(lived.plane.pid) - before_ns
        figures.add("CPU of a delivered failed invocation", case, spent_ns / count / MS)


def _deliver(lived: Environment, number: int) -> None:
    plane = lived.plane
    plane.forget()
    plane.invoke(batches.request_id(number))
    if lived.sink is not None:
        lived.sink.taken_ns.clear()
    events = [*([batches.report(batches.request_id(number - 1))] if number else [])]
    plane.post(batches.body([*events, *failed_events(number)]))
    lived.delivered_ns()
    plane.wait_next()


def _traced(bench: Bench, case: Case, figures: Figures) -> None:
    """Count files and bytes until a failure at once is delivered; what is done at SHUTDOWN is not counted."""
    path = bench.scratch / "first-trace"
    path.unlink(missing_ok=True)
    strace = shutil.which("strace") or "strace"
    command = f"{strace} -f -qq -ttt -s 0 -e trace=open,openat,read,readv,pread64 -e signal=none"
    subject = case.subject.under(*command.split(), "-o", str(path))
    with environment(bench, case._replace(subject=subject)) as lived:
        _, sink_ns = lived.fail()
        until_s = time.time() - (time.monotonic_ns() - sink_ns) / 1e9
        lived.plane.wait_next()
        lived.plane.shut_down()  # Else what strace has not written yet is lost.
    opened, read_bytes = count_calls(path.read_text(errors="replace").splitlines(), until_s)
    figures.add("files opened until that delivery", case, opened)
    figures.add("bytes read until that delivery", case, read_bytes / MB)


def count_calls(trace: list[str], until_s: float) -> tuple[int, int]:
    """Return how many files were opened and how many bytes were read before a moment, from strace's lines.

    Args:
        trace: lines with a time, since 1970, before each call; a call may be in two parts.
        until_s: that moment.
    """
    opened = read_bytes = 0
    for line in trace:
        found = _CALL.search(line)
        if found is None or float(found[1]) > until_s:
            continue
        if found[2].startswith("open"):
            opened += 1
        else:
            read_bytes += int(found[3])
    return opened, read_bytes
