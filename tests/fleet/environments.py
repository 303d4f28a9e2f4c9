"""Environments of the built layer by the hundred: each a process, with a Lambda and a folder of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tests.doubles.lambda_events import Event, line, report, runtime_done, start
from tests.doubles.scripted_lambda import ScriptedLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

EXTENSION = "flight-recorder"

STARTING = 4
"""At a time: a start takes 60 ms of a processor, and one that waits for it is slow for no reason of its own."""

AT_ONCE = 1e9
"""So many a second that nobody waits for another."""

SHUTDOWN_S = 2.0
"""What Lambda gives extensions (AWS: Lambda runtime environment lifecycle, "Shutdown phase")."""

FULL_MB = "1769"
"""A whole processor (AWS: Configure Lambda function memory): all environments share two."""

FOLDER = "{folder}"
"""In a variable: the environment's own folder."""

LINES = 3
"""Of an invocation that fails."""


class Environment:
    """One environment: a process of the layer, and what plays Lambda for it.

    Attributes:
        number: tells it from the others.
        cloud: plays Lambda.
        written: what tells each line that it wrote from all others.
        was_killed: whether the process was still there at the deadline of SHUTDOWN.
    """

    def __init__(
        self, number: int, layer: Path, folder: Path, variables: Mapping[str, str]
    ) -> None:
        """Start it."""
        self.number = number
        self.was_killed = False
        self.cloud = ScriptedLambda()
        self._invocations = 0
        self.written: list[str] = []
        temporary = folder / f"{number}"
        temporary.mkdir()
        with (temporary / "stdout").open("wb") as out, (temporary / "stderr").open("wb") as err:
            self._process = subprocess.Popen(
                [layer / "extensions" / EXTENSION],
                env={
                    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                    "TMPDIR": str(temporary),
                    "AWS_LAMBDA_RUNTIME_API": self.cloud.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "shop",
                    "AWS_LAMBDA_FUNCTION_VERSION": "7",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": FULL_MB,
                    **{
                        name: value.replace(FOLDER, str(temporary))
                        for name, value in variables.items()
                    },
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self._temporary = temporary

    @property
    def printed(self) -> str:
        """What it has written to standard output."""
        return (self._temporary / "stdout").read_text()

    @property
    def keeps_its_last(self) -> bool:
        """Whether the last line that it wrote is in the file that SINK names."""
        kept = self._temporary / "kept"
        return kept.exists() and self.written[-1].encode() in kept.read_bytes()

    def invoke(self) -> str:
        """Begin an invocation, and return its id."""
        self._invocations += 1
        request_id = f"{self.number:08x}-5717-4562-b3fc-{self._invocations:012x}"
        self.cloud.invoke(request_id, timeout_s=60.0)
        return request_id

    def write(self, request_id: str, *, status: str, level: str = "ERROR") -> None:
        """Post all lines of an invocation, and its end."""
        names = [f"E{self.number}-I{self._invocations}-L{number}." for number in range(LINES)]
        self.written += names
        texts = [f"[{level}]\t{request_id}\t{name}\n" for name in names]
        events = [start(request_id), *map(line, texts), runtime_done(request_id, status=status)]
        self._post(events)

    def crash(self) -> None:
        """Fail in an invocation so that the environment ends; kill what is left at the deadline, as Lambda does."""
        request_id = self.invoke()
        self.write(request_id, status="failure", level="INFO")
        self.shut_down("failure", late=[report(request_id)])

    def shut_down(self, reason: str = "spindown", late: Sequence[Event] = ()) -> None:
        """Send SHUTDOWN and late events, and kill the process at the deadline."""
        until_s = time.monotonic() + SHUTDOWN_S
        self.cloud.shut_down(reason=reason, timeout_s=SHUTDOWN_S)
        if late:
            self._post(late)
        try:
            self._process.wait(until_s - time.monotonic())
        except subprocess.TimeoutExpired:
            self.was_killed = True
        self.close()

    def _post(self, events: Sequence[Event]) -> None:
        # CloudWatch refuses what is older than 14 days.
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        self.cloud.post([{**event, "time": now} for event in events])

    def close(self) -> None:
        """End everything of it."""
        self._process.kill()
        self._process.wait()
        self.cloud.close()


class Fleet:
    """Environments that run."""

    def __init__(self, layer: Path, folder: Path) -> None:
        self._layer, self._folder = layer, folder
        self.environments: list[Environment] = []

    def start(self, count: int, variables: Mapping[str, str], *, per_s: float) -> None:
        """Start so many, a few at a time and so many a second; each has asked for its first Next when this returns."""
        began_s = time.monotonic()

        def one(number: int) -> None:
            time.sleep(max(0.0, began_s + number / per_s - time.monotonic()))
            made = Environment(number, self._layer, self._folder, variables)
            self.environments.append(made)
            made.cloud.wait_for("next", 1)

        with ThreadPoolExecutor(STARTING) as pool:
            list(pool.map(one, range(count)))

    def each(self, act: Callable[[Environment], object], *, per_s: float) -> None:
        """Let all of them act, so many more each second; return when the last has."""
        began_s = time.monotonic()

        def one(position: int, environment: Environment) -> None:
            time.sleep(max(0.0, began_s + position / per_s - time.monotonic()))
            act(environment)

        with ThreadPoolExecutor(len(self.environments)) as pool:
            list(pool.map(one, range(len(self.environments)), self.environments))

    def close(self) -> None:
        """End all of them."""
        for environment in self.environments:
            environment.close()


@contextlib.contextmanager
def fleet(
    count: int,
    variables: Mapping[str, str],
    *,
    layer: Path,
    folder: Path,
    per_s: float = AT_ONCE,
) -> Iterator[Fleet]:
    """Run a fleet whose environments start so many a second."""
    made = Fleet(layer, folder)
    try:
        made.start(count, variables, per_s=per_s)
        yield made
    finally:
        made.close()
