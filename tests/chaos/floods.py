"""Flood the built layer, and measure the peak of its memory: ``./build.sh chaos --memory``.

Each flood is a process of its own, with a scripted Lambda and a receiver. The figure is the peak of the resident set above what
it was before, once everything that delivery needs was loaded.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.chaos.life import EXTENSION, Sink
from tests.doubles.lambda_events import batch, compact, done, line, python_line, report, start
from tests.doubles.scripted_lambda import ScriptedLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FLOOD_S = 6.0
LONG_S = 20.0
"""Where many invocations end, one after the other."""

WARM_S = 1.5
"""Until all that delivery needs is loaded, behind the first delivery."""

BATCH_BYTES = 512 * 1024
"""Twice the ``maxBytes`` that the extension subscribes with, which is what Lambda sends at most."""

SIZES_MIB = (4, 8)

FAILED_BYTES = 300_000
EMF = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": []}, "orders": 3}


class Flood(NamedTuple):
    """One flood.

    Attributes:
        batches: yields what is posted.
        sink: how the sink is.
        settings: beside SINK and BUFFER_SIZE.
        managed: whether on Managed Instances.
        duration_s: how long it is posted.
    """

    batches: Callable[[], Iterator[bytes]]
    sink: str = "ok"
    settings: dict[str, str] = {}  # noqa: RUF012 - never changed
    managed: bool = False
    duration_s: float = FLOOD_S


def _of(make: Callable[[int], object]) -> Callable[[], Iterator[bytes]]:
    """Return batches of lines made of numbers, each batch as large as Lambda's."""

    def batches() -> Iterator[bytes]:
        numbers = itertools.count()
        yield batch([start(_id(1))])
        while True:
            events: list[bytes] = []
            size = 0
            while size < BATCH_BYTES:
                events.append(compact(line(make(next(numbers)))))
                size += len(events[-1]) + 1
            yield b"[" + b",".join(events) + b"]"

    return batches


def _failing() -> Iterator[bytes]:
    """Let invocations fail, one after the other, with what each has written."""
    for number in itertools.count(1):
        request_id = _id(number)
        lines = [line(f"{number} {at} {'x' * 200}") for at in range(FAILED_BYTES // 280)]
        error = line(python_line("wrong", level="ERROR", request_id=request_id))
        yield batch([start(request_id), *lines, error, done(request_id), report(request_id)])


def _never_ending() -> Iterator[bytes]:
    for number in itertools.count(1, 100):
        yield batch([start(_id(one)) for one in range(number, number + 100)])


def _ending(*, starts: bool, open_one: bool) -> Callable[[], Iterator[bytes]]:
    def batches() -> Iterator[bytes]:
        if open_one:
            yield batch([start(_id(0))])
        for number in itertools.count(1, 100):
            ids = [_id(one) for one in range(number, number + 100)]
            yield batch(
                [
                    made
                    for one in ids
                    for made in ([start(one)] if starts else []) + [report(one, status="success")]
                ]
            )

    return batches


def _id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def _small_objects(number: int) -> object:
    return {"level": "INFO", "n": number, "items": [{}] * 83_000}


FLOODS: dict[str, Flood] = {
    "lines of 1 to 10 bytes": Flood(_of(lambda n: "x" * (1 + n % 10))),
    "tiny error lines": Flood(_of(lambda n: f"[ERROR] {n}")),
    "tiny error lines among others": Flood(_of(lambda n: f"[ERROR] {n}" if n % 2 else f"{n}")),
    "metrics": Flood(_of(lambda n: {**EMF, "n": n})),
    "lines of 1 MB": Flood(_of(lambda n: f"{n}" + "x" * 1_000_000)),
    "lines of 3.5 MB": Flood(_of(lambda n: f"{n}" + "x" * 3_500_000)),
    "lines of 250 KB of small objects": Flood(_of(_small_objects)),
    "each invocation fails with 0.3 MB; sink well": Flood(_failing),
    "the same; sink stalled": Flood(_failing, "stall"),
    "the same; sink down": Flood(_failing, "refuses"),
    "the same with HISTORY=100": Flood(_failing, settings={"HISTORY": "100"}),
    "the same with REDACT=all; sink well": Flood(_failing, settings={"REDACT": "all"}),
    "the same with REDACT=all; sink stalled": Flood(_failing, "stall", settings={"REDACT": "all"}),
    "the same with ARCHIVE_SINK; sinks well": Flood(_failing, settings={"ARCHIVE_SINK": "http"}),
    "the same with ARCHIVE_SINK; sinks stalled": Flood(
        _failing, "stall", settings={"ARCHIVE_SINK": "http"}
    ),
    "invocations that never end": Flood(_never_ending),
    "the same on Managed Instances": Flood(_never_ending, managed=True),
    "Managed Instances, one open, many ended": Flood(
        _ending(starts=True, open_one=True), managed=True, duration_s=LONG_S
    ),
    "ordinary function, many started and ended": Flood(
        _ending(starts=True, open_one=False), duration_s=LONG_S
    ),
}


class Peak(NamedTuple):
    """What a flood cost: MiB above what was there before, and MiB that were posted."""

    above_mib: float
    posted_mib: float


def measure(flood: Flood, layer: Path, buffer_mib: int) -> Peak:
    """Run a flood."""
    with ScriptedLambda() as cloud, Sink() as sink:
        process = subprocess.Popen(
            [layer / "extensions" / EXTENSION],
            env=_environment(flood, cloud, sink, buffer_mib),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return _measured(flood, cloud, sink, process.pid)
        finally:
            process.kill()
            process.wait()


def _measured(flood: Flood, cloud: ScriptedLambda, sink: Sink, pid: int) -> Peak:
    cloud.wait_for("next", 1)
    error = line(python_line("wrong", level="ERROR", request_id=_id(9)))
    cloud.post([start(_id(9)), error, done(_id(9)), report(_id(9))])
    time.sleep(WARM_S)
    sink.become(flood.sink)
    before_kib = _status(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # The peak starts anew (Linux: proc(5)).
    posted = 0
    until_s = time.monotonic() + flood.duration_s
    for body in flood.batches():
        cloud.post(body)
        posted += len(body)
        if time.monotonic() > until_s:
            break
    return Peak((_status(pid, "VmHWM") - before_kib) / 1024, posted / 1024 / 1024)


def _environment(
    flood: Flood, cloud: ScriptedLambda, sink: Sink, buffer_mib: int
) -> dict[str, str]:
    settings = {
        "SINK": sink.url,
        "SAMPLE_RATE": "0",
        "BUFFER_SIZE": f"{buffer_mib}MiB",
        **flood.settings,
    }
    if "ARCHIVE_SINK" in settings:
        settings["ARCHIVE_SINK"] = sink.url
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "AWS_LAMBDA_RUNTIME_API": cloud.address,
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        **({"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"} if flood.managed else {}),
        **{f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()},
    }


def _status(pid: int, name: str) -> int:
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith(f"{name}:"):
            return int(text.split()[1])
    raise LookupError(name)


def measure_all(layer: Path, *, at_a_time: int) -> dict[str, list[Peak]]:
    """Run every flood with each size of BUFFER_SIZE."""
    with ThreadPoolExecutor(at_a_time) as pool:
        running = {
            name: [pool.submit(measure, flood, layer, size) for size in SIZES_MIB]
            for name, flood in FLOODS.items()
        }
        return {name: [one.result() for one in futures] for name, futures in running.items()}


def most_mib(buffer_mib: int) -> float:
    """Return the peak that is promised: 1.3 times BUFFER_SIZE and 4 MiB."""
    return 1.3 * buffer_mib + 4


def table(peaks: dict[str, list[Peak]]) -> str:
    """Return the peaks as a table in Markdown; those above the promise are bold."""
    rows = [
        "| flood | " + " | ".join(f"{size} MiB" for size in SIZES_MIB) + " |",
        "|---|" + "---|" * len(SIZES_MIB),
    ]
    for name, of_sizes in peaks.items():
        shown = [
            f"{one.above_mib:.1f}"
            if one.above_mib <= most_mib(size)
            else f"**{one.above_mib:.1f}**"
            for size, one in zip(SIZES_MIB, of_sizes, strict=True)
        ]
        rows.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(rows)


def over(peaks: dict[str, list[Peak]]) -> Sequence[str]:
    """Return the floods that cost more than is promised."""
    return [
        name
        for name, found in peaks.items()
        if any(one.above_mib > most_mib(size) for size, one in zip(SIZES_MIB, found, strict=True))
    ]
