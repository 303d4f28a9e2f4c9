"""Shut down environments whose one invocation has just failed: ``./build.sh chaos --shutdown``.

Each is a process of the built layer with a scripted Lambda, which kills it at the deadline, as Lambda does. The function has
crashed with lines that no sink has taken yet.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.control_plane.cpu_share import Held, limited
from tests.chaos.life import EXTENSION, SECRET
from tests.doubles.lambda_events import batch, line, runtime_done, start
from tests.doubles.recording_receiver import STALL, RecordingReceiver, Reply
from tests.doubles.scripted_lambda import ScriptedLambda

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doubles.recording_receiver import Answer

ID = "3da1f2dc-3222-475e-9205-e2e6c6318895"
BATCH_BYTES = 200_000
SHUTDOWN_S = 2.0
LOADED_S = 1.5
"""Until the extension has loaded everything, at full speed, as while a runtime starts."""

ANSWERS: dict[str, Answer] = {"stalls": STALL, "denies": Reply(403), "takes all": Reply(200)}


class Case(NamedTuple):
    """What is tried.

    Attributes:
        is_small: whether the process has the share of a processor that a function of 128 MB has, from the crash on.
        redact: REDACT; empty for none.
        size_bytes: of the events of the failed invocation.
        sink: a key of ``ANSWERS``.
    """

    is_small: bool
    redact: str
    size_bytes: int
    sink: str


class Ended(NamedTuple):
    """What came out.

    Attributes:
        written: lines that the function wrote.
        printed: lines on standard output.
        delivered: lines that the sink took.
        shown: lines that show a secret.
        account: the extension's account; None if it was killed before.
        took_s: from SHUTDOWN to the end of the process.
    """

    written: int
    printed: int
    delivered: int
    shown: int
    account: dict[str, Any] | None
    took_s: float


def shut_down(case: Case, layer: Path, folder: Path) -> Ended:
    """Let one environment fail and end."""
    with ScriptedLambda() as cloud, RecordingReceiver() as sink:
        sink.otherwise = ANSWERS[case.sink]
        out, err = folder / "stdout", folder / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [layer / "extensions" / EXTENSION],
                env=_environment(case, cloud.address, sink.url),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        try:
            written = _write(cloud, case.size_bytes)
            share = limited(process.pid, Held(process.pid), f"end-{process.pid}")
            with share if case.is_small else nullcontext():
                cloud.post([runtime_done(ID, status="error")])
                began_s = time.monotonic()
                cloud.shut_down(reason="failure", timeout_s=SHUTDOWN_S)
                try:
                    process.wait(SHUTDOWN_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                took_s = time.monotonic() - began_s
        finally:
            process.kill()
            process.wait()
        taken = sink.requests if case.sink == "takes all" else []
        bodies = b"".join(request.content for request in taken)
    printed = out.read_bytes()
    said = [json.loads(one) for one in err.read_bytes().splitlines()]
    return Ended(
        written,
        printed=printed.count(b'"type":"function"'),
        delivered=bodies.count(b'"type":"function"'),
        shown=(printed + bodies).count(SECRET.encode()),
        account=next((one for one in said if one["event"] == "account"), None),
        took_s=took_s,
    )


def _environment(case: Case, address: str, url: str) -> dict[str, str]:
    settings = {"SINK": url, "SAMPLE_RATE": "0", "FLUSH": "background", "BUFFER_SIZE": "16MiB"}
    if case.redact:
        settings["REDACT"] = case.redact
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128" if case.is_small else "1769",
        **{f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()},
    }


def _write(cloud: ScriptedLambda, size_bytes: int) -> int:
    """Go through one invocation up to its end; return how many lines it wrote."""
    cloud.wait_for("next", 1)
    time.sleep(LOADED_S)
    cloud.invoke(ID)
    cloud.post([start(ID)])
    written = size = 0
    events: list[Any] = []
    while size < size_bytes:
        events.append(_line(written))
        written += 1
        posted = len(batch(events))
        if posted > BATCH_BYTES or size + posted >= size_bytes:
            size += posted
            cloud.post(events)
            events = []
    return written


def _line(number: int) -> Any:
    """Make a line of some 290 bytes as JSON; one in ten holds a secret."""
    told = f"password={SECRET}" if number % 10 == 0 else f"GET /orders/{number}?page=3&size=20"
    text = f"2026-11-29T10:00:00Z {ID} INFO order {number} took {number % 90} ms: {told}"
    return line(
        f"{text} and what else a line of a usual length tells about an order, word for word\n"
    )


SIZES = tuple(share * 1024 * 1024 for share in (0.25, 1, 3))


def measure_all(layer: Path) -> list[tuple[Case, Ended]]:
    """Shut down in all states, one at a time: what runs beside takes from a small function's processor."""
    found = []
    for is_small in (False, True):
        for redact in ("", "all"):
            for size_bytes in SIZES if not is_small else SIZES[:2]:
                for sink in ANSWERS:
                    case = Case(is_small, redact, int(size_bytes), sink)
                    with tempfile.TemporaryDirectory() as folder:
                        found.append((case, shut_down(case, layer, Path(folder))))
    return found


def is_whole(ended: Ended, case: Case) -> bool:
    """Tell whether every line is out, none shows a secret that REDACT names, and the account was told in time."""
    is_masked = not (case.redact and ended.shown)
    return (
        is_masked and ended.account is not None and ended.printed + ended.delivered >= ended.written
    )


def table(found: Sequence[tuple[Case, Ended]]) -> str:
    """Return a table, as a page has it."""
    rows = [
        "| processor | REDACT | failed lines | sink | printed | taken | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for case, ended in found:
        rows.append(
            f"| {'7 %' if case.is_small else 'whole'} | {case.redact or 'none'} | {ended.written:,} ({case.size_bytes / 2**20:g} MiB)"
            f" | {case.sink} | {ended.printed:,} | {ended.delivered:,} | {ended.took_s:.2f}"
            f"{'' if ended.account else ', killed'} |"
        )
    return "\n".join(rows)
