"""One run: the extension in a process of its own, between a Lambda and a sink that this process plays."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

from tools.hand_overs.call_trace import Event
from tools.hand_overs.journey import Journey, window
from tools.hand_overs.played_lambda import WAIT_S, PlayedLambda, batch

SINKS = ("cloudwatch", "stdout", "http", "healthy")
"""``healthy`` is CloudWatch with an INFO line in the place of the ERROR line, so that nothing is delivered."""

REPOSITORY = Path(__file__).resolve().parents[2]
INVOCATIONS = ("11111111-2222-4333-8444-555555555551", "11111111-2222-4333-8444-555555555552")


def measure(sink: str, root: Path = REPOSITORY) -> Journey:
    """Send one batch through the extension of a source tree.

    Args:
        sink: one of :data:`SINKS`.
        root: the tree that holds ``extension/``.

    Raises:
        TimeoutError: the extension did not do its part in time. The message holds what it wrote to stderr.
    """
    is_healthy = sink == "healthy"
    with PlayedLambda() as played, _Extension(sink, root, played.port) as extension:
        played.wait_for_next()
        played.invoke(INVOCATIONS[0])
        played.post(batch(INVOCATIONS[0]))
        extension.wait_until_idle(played.destination, batches=1, receipts=1)
        played.invoke(INVOCATIONS[1])
        begin_ns = time.monotonic_ns()
        played.post(batch(INVOCATIONS[1], level="INFO" if is_healthy else "ERROR"))
        extension.wait_until_idle(played.destination, batches=2, receipts=1 if is_healthy else 2)
        end_ns = time.monotonic_ns()
        played.shut_down()
        main, events = extension.trace()
        port = played.destination
    events = [event for event in events if begin_ns <= event.at_ns <= end_ns]
    return Journey(window(events, main=main, port=port))


class _Extension:
    """The process that runs the extension and records its calls."""

    def __init__(self, sink: str, root: Path, port: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._trace = Path(self._folder.name, "trace.json")
        self._log = Path(self._folder.name, "stderr")
        reports, report = os.pipe()
        self._states = os.fdopen(reports, encoding="utf-8")
        program = [sys.executable, str(Path(__file__).with_name("call_trace.py"))]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [*program, str(root.resolve()), str(self._trace), str(report)],
                env=_environment(sink, port),
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[report],
            )
        os.close(report)
        self._watchdog = threading.Timer(WAIT_S, self._child.kill)
        self._watchdog.start()

    def __enter__(self) -> "_Extension":  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        self._child.kill()
        self._child.wait()
        self._states.close()
        self._folder.cleanup()

    def wait_until_idle(self, port: int, *, batches: int, receipts: int) -> None:
        """Wait until the main loop waits, having read so many batches and receipts."""
        for line in self._states:
            state = json.loads(line)
            received = state["received"].get(str(port), 0)
            if received >= batches and state["receipts"] >= receipts:
                return
        raise TimeoutError(f"the extension settled no delivery: {self._log.read_text()}")

    def trace(self) -> tuple[int, list[Event]]:
        """Wait for the end of the process, and read its main thread's identifier and its events."""
        self._child.wait(WAIT_S)
        recorded = json.loads(self._trace.read_text(encoding="utf-8"))
        return recorded["main"], [Event(*event) for event in recorded["events"]]


def _environment(sink: str, port: int) -> dict[str, str]:
    here = f"127.0.0.1:{port}"
    where = {"stdout": "stdout:", "http": f"http://{here}/lines"}.get(sink, "cloudwatch:")
    return {
        "AWS_LAMBDA_RUNTIME_API": here,
        "AWS_LAMBDA_FUNCTION_NAME": "checkout",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_SESSION_TOKEN": "example",
        "AWS_ENDPOINT_URL": f"http://{here}",
        "FLIGHT_RECORDER_SINK": where,
        "FLIGHT_RECORDER_FLUSH": "background",
        "FLIGHT_RECORDER_LOG_API": "telemetry",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
