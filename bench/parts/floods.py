"""Measure the peak of memory above what was there before, under floods of every kind, beside BUFFER_SIZE."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench import batches
from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import memory, reset_peak
from bench.reporting.figures import Row, row
from bench.subjects import LAYER, Bench, Subject

TOPIC = "floods"

MIB = 1024 * 1024
MB = 1e6

BOUNDS_MIB = (4, 8)
BOUND_SHARE = 1.3
SLACK_MIB = 4
"""The limit is 1.3 times BUFFER_SIZE and 4 MiB: what is received, and one batch in the making."""

FLOOD_BYTES = 40_000_000
QUICK_FLOOD_BYTES = 12_000_000

FLOOD_S = 20.0
"""The longest flood. Some forms are slow to read, and have shown their peak long before."""

MANAGED = {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}

NOBODY = "http://127.0.0.1:1/"
"""No sink listens here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """Describe one flood.

    Attributes:
        form: how the bodies are made: a name of ``_bodies``.
        settings: of the layer.
        environ: more of its environment.
        stalls: whether the sink takes requests and answers none.
    """

    form: str
    settings: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    stalls: bool = False


FLOODS: dict[str, Flood] = {
    "lines of 1 to 10 bytes": Flood(form="tiny"),
    "tiny error lines": Flood(form="tiny errors"),
    "tiny error lines among others": Flood(form="tiny mixed"),
    "EMF": Flood(form="emf"),
    "lines of 3.5 MB": Flood(form="3.5 MB"),
    "lines of 5 MB": Flood(form="5 MB"),
    "lines of 1 MB": Flood(form="1 MB"),
    "lines of 250 KB of small objects": Flood(form="small objects"),
    "the same as text": Flood(form="small objects as text"),
    "failures of 0.3 MB, sink well": Flood(form="failures"),
    "failures of 0.3 MB, sink stalls": Flood(form="failures", stalls=True),
    "failures of 0.3 MB, sink down": Flood(form="failures", settings={"SINK": NOBODY}),
    "the same with HISTORY=100": Flood(
        form="failures", settings={"SINK": NOBODY, "HISTORY": "100"}
    ),
    "REDACT=all, sink well": Flood(form="failures", settings={"REDACT": "all"}),
    "REDACT=all, sink stalls": Flood(form="failures", settings={"REDACT": "all"}, stalls=True),
    "ARCHIVE_SINK, well": Flood(form="failures", settings={"ARCHIVE_SINK": "sink"}),
    "ARCHIVE_SINK, stalls": Flood(form="failures", settings={"ARCHIVE_SINK": "sink"}, stalls=True),
    "ids that never end": Flood(form="starts"),
    "ids that never end, Managed Instances": Flood(form="starts", environ=MANAGED),
    "one open, many ended, Managed Instances": Flood(form="one open", environ=MANAGED),
    "failures, Managed Instances": Flood(form="failures", environ=MANAGED),
}


def measure(bench: Bench) -> list[Row]:
    """Measure every flood with each bound."""
    rows = []
    most_bytes = QUICK_FLOOD_BYTES if bench.quick else FLOOD_BYTES
    for bound_mib in BOUNDS_MIB:
        for name, flood in FLOODS.items():
            peaks = {
                each: [peak_bytes(subject, flood, bound_mib, most_bytes) / MIB]
                for each, subject in bench.chosen(LAYER).items()
            }
            limit = BOUND_SHARE * bound_mib + SLACK_MIB
            what = f"peak above rest, BUFFER_SIZE={bound_mib}MiB, {name}"
            rows.append(row(TOPIC, what, "MiB", peaks, limit=limit))
    return rows


def peak_bytes(subject: Subject, flood: Flood, bound_mib: int, most_bytes: int) -> int:
    """Return by how much the resident size grows at most."""
    settings = {"BUFFER_SIZE": f"{bound_mib}MiB", "FLUSH": "background", **flood.settings}
    archives = settings.pop("ARCHIVE_SINK", "")
    with subject.with_settings(**settings).running(flood.environ, archives=bool(archives)) as plane:
        is_managed = bool(flood.environ)
        _warm_up(plane, is_managed=is_managed)
        plane.stalls = flood.stalls
        reset_peak(plane.pid)
        before = memory(plane.pid).rss_bytes
        until_s = time.monotonic() + FLOOD_S
        sent = 0
        for number, body in enumerate(_bodies(flood.form)):
            if flood.form == "failures" and not is_managed:
                plane.wait_next()
                plane.invoke(batches.request_id(number + 10))
            plane.post(body)
            sent += len(body)
            if sent >= most_bytes or time.monotonic() > until_s:
                break
        plane.settle()
        return memory(plane.pid).peak_bytes - before


def _warm_up(plane: ControlPlane, *, is_managed: bool) -> None:
    """Let a small invocation fail, so that all modules are loaded; then begin the one that stays open."""
    for number, failed in ((5, True), (0, False)):
        identifier = batches.request_id(number)
        if not is_managed:
            plane.wait_next()
            plane.invoke(identifier)
        if failed:
            plane.post(batches.invocation(number, line_count=100, failed=True))
        else:
            plane.post(batches.body([batches.start(identifier)]))
        plane.settle()


def _bodies(form: str) -> Iterator[bytes]:
    """Yield bodies without end, no two of them alike."""
    if form == "failures":
        return _failures()
    if form in {"starts", "one open"}:
        return _starts(and_ends=form == "one open")
    return _alike(_EVENTS[form]())


def _alike(events: list[str]) -> Iterator[bytes]:
    cut = batches.bodies(events)
    number = 0
    while True:
        for body in cut:
            number += 1
            yield b"[%b,%b" % (batches.event("function", f"{number}").encode(), body[1:])


def _failures() -> Iterator[bytes]:
    number = 9
    while True:
        number += 1
        yield batches.invocation(number, line_count=1500, failed=True)


def _starts(*, and_ends: bool) -> Iterator[bytes]:
    number = 1000
    while True:
        events = []
        for number in range(number, number + 300):  # noqa: B020 - goes on behind
            identifier = batches.request_id(number)
            events.append(batches.start(identifier))
            if and_ends:
                events += [
                    batches.error_line(identifier) if number % 100 == 0 else "",
                    batches.report(identifier),
                ]
        number += 1
        yield batches.body([event for event in events if event])


def _line(record: object) -> str:
    return batches.event("function", record)


_EVENTS = {
    "tiny": lambda: [_line("x" * (1 + n % 10)) for n in range(4000)],
    "tiny errors": lambda: [_line(f"[ERROR]\t{n % 10}") for n in range(4000)],
    "tiny mixed": lambda: [_line("[ERROR]\tx" if n % 2 else "xy") for n in range(4000)],
    "emf": lambda: [
        _line(json.dumps({"_aws": {"CloudWatchMetrics": [{"Namespace": "n"}]}, "n": n}))
        for n in range(2000)
    ],
    "3.5 MB": lambda: [_line("x" * 3_500_000)],
    "5 MB": lambda: [_line("x" * 5_000_000)],
    "1 MB": lambda: [_line("x" * 1_000_000)],
    "small objects": lambda: [_line({"level": "INFO", "a": [{}] * 83_000})] * 3,
    "small objects as text": lambda: (
        [_line(json.dumps({"level": "INFO", "a": [{}] * 83_000}, separators=(",", ":")))] * 3
    ),
}
