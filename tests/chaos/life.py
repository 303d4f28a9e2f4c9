"""Live one environment: the built layer as a process, a scripted Lambda, and a sink that comes and goes.

What happens is written down, and :mod:`tests.chaos.judging` looks at it afterwards.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from bench.control_plane.cpu_share import Held, limited
from tests.chaos.lived import Lived, missing, records_of
from tests.chaos.plan import WEATHER, Invocation, Plan
from tests.doubles.lambda_events import done, line, python_line, report, start
from tests.doubles.recording_receiver import OK, RESET, RecordingReceiver
from tests.doubles.scripted_lambda import ScriptedLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXTENSION = "flight-recorder"

SECRET = "hunter2-9c41"
"""Stands in lines, behind ``password=``."""

INVOCATION_S = 30.0
"""The function's time-out: longer than any freeze."""

SETTLE_S = 60.0
"""For all to arrive when the sink is back: two of the longest pauses between attempts."""

SHUTDOWN_S = 2.0
"""What Lambda gives extensions (AWS: Lambda runtime environment lifecycle, "Shutdown phase")."""

KILL_GRACE_S = 0.5
"""Lambda would kill at once; here, other lives take the processor as well."""

INIT_S = 1.0
"""Of init, which runs at full speed."""


def live(plan: Plan, layer: Path) -> Lived:
    """Live a plan."""
    lived = Lived(plan)
    with tempfile.TemporaryDirectory() as folder, ScriptedLambda() as cloud, Sink() as sink:
        life = _Life(plan, lived, cloud, sink, Path(folder))
        try:
            life.run(layer)
        except AssertionError as error:
            lived.trouble.append(str(error))
        life.read()
    return lived


class Sink(RecordingReceiver):
    """A receiver over HTTP that comes and goes."""

    url_path = "/in"

    def become(self, state: str) -> None:
        """Behave otherwise from now on."""
        was_refusing = self._listener is None
        if state == "refuses":
            self.refuse()
            return
        if was_refusing:
            self.listen()
        # Answers that are held back go out, or their connections end, before the next state.
        self.released.set()
        self.released = threading.Event()
        self.otherwise = RESET if state == "reset" else OK
        self.behaviour = "ok" if state == "reset" else state  # type: ignore[assignment]


class _Life:
    def __init__(
        self, plan: Plan, lived: Lived, cloud: ScriptedLambda, sink: Sink, folder: Path
    ) -> None:
        self._plan, self._lived, self._cloud, self._sink, self._folder = (
            plan,
            lived,
            cloud,
            sink,
            folder,
        )
        self._random = Random(plan.seed)
        self._fallback = folder / "fallback.ndjson"
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        self._ended = threading.Event()
        self._lines = 0
        self._number = 0

    # The process ------------------------------------------------------------------------------------------------

    def run(self, layer: Path) -> None:
        """Start the extension, play the script, and end it."""
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            process = subprocess.Popen(
                [layer / "extensions" / EXTENSION],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                self._play(process)
            finally:
                process.kill()
                process.wait()

    def _environment(self) -> dict[str, str]:
        plan = self._plan
        settings = {
            "SINK": self._sink.url,
            "SAMPLE_RATE": "0",
            "FLUSH": plan.flush,
            "FLUSH_TIMEOUT": "500ms",
            "BUFFER_SIZE": f"{plan.buffer_kib}KiB",
            **({"REDACT": "all"} if plan.redacts else {}),
            **({"FALLBACK_SINK": f"file:{self._fallback}"} if plan.has_fallback else {}),
        }
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "AWS_LAMBDA_RUNTIME_API": self._cloud.address,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_REGION": "eu-west-1",
            **{f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()},
        }

    def _play(self, process: subprocess.Popen[bytes]) -> None:
        self._cloud.wait_for("next", 1)
        time.sleep(INIT_S)
        held = Held(process.pid)
        with contextlib.ExitStack() as stack:
            if self._plan.small:
                stack.enter_context(limited(process.pid, held, str(self._plan.number)))
            with self._beside(self._change_weather), self._beside(lambda: self._freeze(held)):
                for invocation in self._plan.invocations:
                    self._invoke(invocation)
            self._end(process)

    @contextlib.contextmanager
    def _beside(self, work: Callable[[], None]) -> Iterator[None]:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    # What happens beside ----------------------------------------------------------------------------------------

    def _change_weather(self) -> None:
        random = Random(self._plan.seed + 1)
        while not self._ended.wait(random.uniform(0.1, 1.5)):
            self._sink.become(random.choice(WEATHER))

    def _freeze(self, held: Held) -> None:
        random = Random(self._plan.seed + 2)
        while not self._ended.wait(random.uniform(0.02, 0.6)):
            began_s = time.monotonic()
            with held:
                self._ended.wait(random.uniform(*random.choice(self._plan.freezes)))
            self._lived.freezes += 1
            self._lived.frozen_s += time.monotonic() - began_s

    # Lambda's script --------------------------------------------------------------------------------------------

    def _invoke(self, invocation: Invocation) -> str:
        self._wait_for_next()
        self._number += 1
        request_id = f"{self._plan.number:08d}-0000-4000-8000-{self._number:012d}"
        if invocation.failure:
            self._lived.failed.add(request_id)
        self._cloud.invoke(request_id, timeout_s=INVOCATION_S)
        lines = [self._line(request_id, invocation.width) for _ in range(invocation.lines)]
        half = len(lines) // 2
        self._cloud.post([start(request_id), *lines[:half]])
        time.sleep(invocation.pause_s)
        status = {"timeout": "timeout", "crash": "error"}.get(invocation.failure, "success")
        if invocation.failure == "error line":
            lines.append(self._line(request_id, 10, level="ERROR"))
        self._cloud.post([*lines[half:], done(request_id, status=status)])
        self._ended_s, self._frozen_before_s = time.monotonic(), self._lived.frozen_s
        time.sleep(invocation.pause_s * self._random.random())
        self._cloud.post([report(request_id)])
        return request_id

    def _wait_for_next(self) -> None:
        self._cloud.wait_for_next()
        if self._number:
            asked_s = max(call.at_s for call in self._cloud.of("next"))
            took_s = asked_s - self._ended_s - (self._lived.frozen_s - self._frozen_before_s)
            self._lived.slowest_next_s = max(self._lived.slowest_next_s, took_s)

    def _line(self, request_id: str, width: int, *, level: str = "INFO") -> Any:
        self._lines += 1
        name = f"L{self._plan.number}-N{self._lines}."
        self._lived.written[name] = request_id
        secret = f" password={SECRET}" if self._lines % 3 == 0 else ""
        return line(
            python_line(f"{name} {'x' * width}{secret}", level=level, request_id=request_id)
        )

    # The end ----------------------------------------------------------------------------------------------------

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        end = self._plan.sink_end
        if end == "returns":
            self._sink.become("ok")
            self._settle()
        else:
            self._sink.become({"well": "ok", "stalls": "stall"}.get(end, end))
            self._invoke(self._plan.last)
        self._cloud.wait_for_next()
        began_s = time.monotonic()
        self._cloud.shut_down(timeout_s=SHUTDOWN_S)
        try:
            self._lived.exit_code = process.wait(SHUTDOWN_S + KILL_GRACE_S)
        except subprocess.TimeoutExpired:
            self._lived.trouble.append("still running at SHUTDOWN's deadline")
        self._lived.shutdown_s = time.monotonic() - began_s

    def _settle(self) -> None:
        """Let healthy invocations come now and then, until all is where it belongs."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < SETTLE_S:
            self.read()
            if not missing(self._lived):
                self._lived.settled_s = time.monotonic() - began_s
                return
            self._invoke(Invocation("", 1, 10, 0.1))

    def read(self) -> None:
        """Read what has arrived so far, and what was said."""
        lived = self._lived
        lived.taken = [one for request in self._sink.taken for one in records_of(request.content)]
        lived.fallback = records_of(self._fallback.read_bytes() if self._fallback.exists() else b"")
        lived.printed = records_of(self._stdout.read_bytes())
        lived.own_output = self._stderr.read_text("utf-8", "replace")
        lived.said = records_of(lived.own_output.encode())
