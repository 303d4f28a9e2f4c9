"""Start whole environments of each subject, with an HTTP or an HTTPS sink, in turn; collect what is measured of them."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, final

from bench import batches
from bench.control_plane.cpu_share import CpuGroup
from bench.control_plane.environment import Runtime, initialised
from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import THEIRS
from bench.control_plane.tls_sink import TlsSink
from bench.reporting.figures import Row, row
from bench.subjects import KEEPING, LAYER, OBVIOUS, Bench, Subject

MS = 1e6
PERIOD_US = 20_000
"""The shortest period in which the kernel still gives the share exactly: its own clock ticks every 4 ms. With 100 ms, a
function that just misses its share's end is 93 ms later."""

LINES = 10
"""Of the failed invocation: as many as in the other parts' ordinary one."""


class Case(NamedTuple):
    """One subject over one kind of sink."""

    name: str
    subject: Subject
    is_https: bool


class Environment(NamedTuple):
    """One environment that is initialised; both of its sides ask for an event.

    Attributes:
        plane: plays Lambda, and the HTTP sink.
        sink: the HTTPS sink, where that is measured.
        group: has both sides; without a limit, it only keeps others on this machine from the processor.
    """

    plane: ControlPlane
    sink: TlsSink | None
    group: CpuGroup

    def delivered_ns(self) -> int:
        """Wait for the first delivery; return when it had arrived."""
        if self.sink is None:
            self.plane.wait_for(lambda: bool(self.plane.count("sink")))
            return self.plane.first("sink").at_ns
        taken_ns = self.sink.taken_ns
        self.plane.wait_for(lambda: bool(taken_ns), every_s=0.002)
        return taken_ns[0]

    def fail(self) -> tuple[int, int]:
        """Let the first invocation fail at once; return when its lines were sent and when they were delivered."""
        self.plane.invoke(batches.request_id(0))
        sent_ns = self.plane.send(batches.body([*batches.init_done(), *failed_events(0)]))
        return sent_ns, self.delivered_ns()


def failed_events(number: int) -> list[str]:
    """Return all events of an invocation that fails."""
    identifier = batches.request_id(number)
    return [batches.start(identifier), *failed_end(identifier)]


def failed_end(identifier: str) -> list[str]:
    """Return its lines and its end."""
    lines = batches.lines("python", count=LINES - 1, line_bytes=120, identifier=identifier)
    return [*lines, batches.error_line(identifier), batches.runtime_done(identifier)]


@contextmanager
def environment(
    bench: Bench,
    case: Case,
    runtime: Runtime = Runtime(),  # noqa: B008 - a tuple of values
    *,
    cores: Collection[int] = frozenset(THEIRS),
    is_alone: bool = False,
) -> Iterator[Environment]:
    """Start one, as :func:`initialised` does."""
    with ExitStack() as stack:
        group = stack.enter_context(CpuGroup(f"first-{time.monotonic_ns()}", period_us=PERIOD_US))
        sink, subject = None, case.subject
        if case.is_https and bench.certificate is not None:
            sink = stack.enter_context(TlsSink(bench.certificate))
            subject = subject.with_https_sink(sink.url, bench.certificate)
        started = initialised(
            subject.command,
            subject.environ,
            runtime,
            cores=cores,
            group=group,
            is_alone=is_alone,
        )
        yield Environment(stack.enter_context(started), sink, group)


def cases(bench: Bench, *, with_https: bool = True) -> list[Case]:
    """Return what is measured: the floor has no TLS, and stands beside both."""
    chosen = {
        name: subject.with_words("hold")
        for name, subject in bench.chosen(KEEPING, OBVIOUS, LAYER).items()
    }
    plain = [Case(name, subject, is_https=False) for name, subject in chosen.items()]
    if bench.certificate is None or not with_https:
        return plain
    return plain + [each._replace(is_https=True) for each in plain if each.name != KEEPING]


def in_turn(chosen: list[Case], passes: int) -> Iterator[Case]:
    """Yield the cases for each pass; every other pass is in reverse, as :meth:`Bench.rounds` has it."""
    for number in range(passes):
        yield from chosen[::-1] if number % 2 else chosen


@final
class Figures:
    """What was measured, by row, sink and subject."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._taken: dict[tuple[str, bool], dict[str, list[float]]] = defaultdict(dict)

    def add(self, what: str, case: Case, value: float) -> None:
        """Take one value."""
        self._taken[what, case.is_https].setdefault(case.name, []).append(value)

    def row(self, what: str, unit: str, **more: Any) -> Row:
        """Return the row of the HTTP sink."""
        return row(self._topic, what, unit, self._taken[what, False], **more)

    def both(
        self,
        what: str,
        unit: str,
        http: dict[str, Any] | None = None,
        https: dict[str, Any] | None = None,
        note: str = "",
    ) -> list[Row]:
        """Return the row of the HTTP sink and that of the HTTPS sink, if there is one, with a limit each."""
        rows = [self.row(what, unit, note=note, **(http or {}))]
        if secure := self._taken[what, True]:
            # The floor over HTTP is what both are held against.
            values = {KEEPING: self._taken[what, False].get(KEEPING, []), **secure}
            rows.append(row(self._topic, f"{what}, HTTPS sink", unit, values, **(https or {})))
        return rows
