"""Measure the CPU time of an invocation whose lines are dropped, and of a line of each form."""

import time
from typing import NamedTuple

from bench import batches
from bench.control_plane.process import cpu_ns
from bench.reporting.figures import Row, row
from bench.subjects import LAYER, Bench, Subject

TOPIC = "cost"

INVOCATION_LIMIT_MS = 0.35
LINE_RATIO = 2.5
LINES_A_SECOND_LIMIT = 320_000
"""Four times what the fastest Go extension was measured to take elsewhere; time on the clock, so of a quiet machine."""

LINES = 200_000
LINE_BYTES = 200
LINES_AN_INVOCATION = 10
WARM_UP = 100

PLENTY = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}
"""A function with memory for all of the lines: its default buffer is 64 MiB."""

FORM_NAMES = {
    "print": "print",
    "python": "Python logger",
    "node": "Node.js console",
    "formatter": "Python formatter",
    "logfmt": "logfmt",
    "json text": "JSON as text",
    "json object": "JSON objects",
}


def measure(bench: Bench) -> list[Row]:
    """Measure everything of this part."""
    return [_invocations(bench), *_lines(bench), _beyond_the_buffer(bench)]


def _invocations(bench: Bench) -> Row:
    cost: dict[str, list[float]] = {name: [] for name in bench.subjects}
    count = bench.times(1000, 300)
    bodies = [
        batches.invocation(number, line_count=LINES_AN_INVOCATION)
        for number in range(WARM_UP + count)
    ]
    for subjects in bench.rounds(3, 3):
        for name, subject in subjects.items():
            cost[name].append(_invocation_ms(subject, bodies))
    return row(
        TOPIC,
        "CPU of an invocation of ten lines, dropped",
        "ms",
        cost,
        limit=INVOCATION_LIMIT_MS,
    )


def _invocation_ms(subject: Subject, bodies: list[bytes]) -> float:
    with subject.running() as plane:
        plane.settle()
        before_ns = 0
        for number, body in enumerate(bodies):
            if number == WARM_UP:
                before_ns = cpu_ns(plane.pid)
            plane.forget()
            plane.invoke(batches.request_id(number))
            plane.post(body)
            plane.wait_next()
        return (cpu_ns(plane.pid) - before_ns) / (len(bodies) - WARM_UP) / 1e6


def _lines(bench: Bench) -> list[Row]:
    """Measure all forms in each process, each form in an invocation of its own."""
    count = bench.times(LINES, LINES // 8)
    forms = {form: _one_invocation(form, count, number) for number, form in enumerate(FORM_NAMES)}
    costs: dict[str, dict[str, list[_LineCost]]] = {form: {} for form in FORM_NAMES}
    for subjects in bench.rounds(3, 1):
        for name, subject in subjects.items():
            for form, cost in _line_costs(subject, forms, count, PLENTY).items():
                costs[form].setdefault(name, []).append(cost)
    rows: list[Row] = []
    for form, told in FORM_NAMES.items():
        cpu = {name: [each.cpu_us for each in taken] for name, taken in costs[form].items()}
        rate = {name: [each.a_second for each in taken] for name, taken in costs[form].items()}
        rows += [
            row(TOPIC, f"CPU of a line, {told}", "us", cpu, limit_ratio=LINE_RATIO),
            row(
                TOPIC,
                f"lines a second, {told}",
                "",
                rate,
                limit=LINES_A_SECOND_LIMIT,
                at_least=True,
            ),
        ]
    return rows


def _beyond_the_buffer(bench: Bench) -> Row:
    """Measure the same with a small buffer, which has to make room all the time."""
    count = bench.times(LINES, LINES // 8)
    forms = {"print": _one_invocation("print", count, 0)}
    costs: dict[str, list[float]] = {}
    for _ in range(bench.times(3, 1)):
        for name, subject in bench.chosen(LAYER).items():
            small = subject.with_settings(BUFFER_SIZE="4MiB")
            cost = _line_costs(small, forms, count, {})["print"]
            costs.setdefault(name, []).append(cost.cpu_us)
    return row(TOPIC, "CPU of a line, print, BUFFER_SIZE=4MiB", "us", costs)


class _LineCost(NamedTuple):
    cpu_us: float
    a_second: float


def _one_invocation(form: str, count: int, number: int) -> list[bytes]:
    identifier = batches.request_id(number)
    lines = batches.lines(form, count=count, line_bytes=LINE_BYTES, identifier=identifier)
    return batches.bodies([batches.start(identifier), *lines, batches.runtime_done(identifier)])


def _line_costs(
    subject: Subject, forms: dict[str, list[bytes]], count: int, environ: dict[str, str]
) -> dict[str, _LineCost]:
    costs = {}
    with subject.running(environ) as plane:
        plane.settle()
        for number, (form, bodies) in enumerate(forms.items()):
            plane.invoke(batches.request_id(number))
            before_ns = cpu_ns(plane.pid)
            begin_s = time.monotonic()
            for body in bodies:
                plane.post(body)
            took_s = time.monotonic() - begin_s
            plane.wait_next()
            plane.settle()
            spent_ns = cpu_ns(plane.pid) - before_ns
            costs[form] = _LineCost(spent_ns / count / 1e3, count / took_s)
    return costs
