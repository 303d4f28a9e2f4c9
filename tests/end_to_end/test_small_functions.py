"""SHUTDOWN where a function of 128 MB has its share of a processor, and Lambda kills what outlasts the deadline."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.cpu_share import Held, limited, means
from tests.doubles.lambda_events import batch, line, runtime_done, start
from tests.doubles.recording_receiver import STALL, Answer, RecordingReceiver, Reply
from tests.doubles.scripted_lambda import ScriptedLambda
from tests.end_to_end.support import EXTENSION

if TYPE_CHECKING:
    from pathlib import Path

ID = "aaaaaaaa-0000-4000-8000-000000000001"
SECRET = "hunter2-"
FAILED_BYTES = 1024 * 1024
BATCH_BYTES = 200_000
SHUTDOWN_S = 2.0
LOADED_S = 1.5
"""Until the extension has loaded everything, at full speed, as while a runtime starts."""

pytestmark = pytest.mark.skipif(
    means() == "stop and go",
    reason="no control group can be made here: only that gives an exact share",
)


def _line(number: int) -> Any:
    """Make a line of some 290 bytes; one in ten holds a secret."""
    told = f"password={SECRET}{number}" if number % 10 == 0 else f"GET /orders/{number}?page=3"
    text = f"2026-11-29T10:00:00Z {ID} INFO order {number} took {number % 90} ms: {told}"
    return line(text.ljust(220, ".") + "\n")


class Environment:
    """The built layer's extension, whose one invocation has failed with a megabyte of lines."""

    def __init__(self, cloud: ScriptedLambda, layer: Path, folder: Path, **settings: str) -> None:
        self.cloud = cloud
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [layer / "extensions" / EXTENSION],
                env={
                    "PATH": os.environ["PATH"],
                    "AWS_LAMBDA_RUNTIME_API": cloud.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "shop",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                    "FLIGHT_RECORDER_SAMPLE_RATE": "0",
                    "FLIGHT_RECORDER_FLUSH": "background",
                    **{f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()},
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def write(self) -> int:
        """Go through one invocation up to its end; return how many lines it wrote."""
        self.cloud.wait_for("next", 1)
        time.sleep(LOADED_S)
        self.cloud.invoke(ID)
        self.cloud.post([start(ID)])
        size = count = 0
        events: list[Any] = []
        while size < FAILED_BYTES:
            events.append(_line(count))
            count += 1
            if len(batch(events)) > BATCH_BYTES:
                size += len(batch(events))
                self.cloud.post(events)
                events = []
        return count

    def shut_down(self) -> None:
        """Crash the function, and end the process as Lambda does."""
        self.cloud.post([runtime_done(ID, status="error")])
        self.cloud.shut_down(reason="failure", timeout_s=SHUTDOWN_S)
        try:
            self.process.wait(SHUTDOWN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def printed(self) -> list[dict[str, Any]]:
        """The records on standard output."""
        return [json.loads(one) for one in self._out.read_bytes().splitlines()]

    @property
    def said(self) -> list[dict[str, Any]]:
        """The extension's own log."""
        return [json.loads(one) for one in self._err.read_bytes().splitlines()]


@pytest.mark.parametrize("redact", ["", "all"], ids=["as written", "masked"])
@pytest.mark.parametrize("answer", [STALL, Reply(403)], ids=["a sink that stalls", "a denial"])
def test_a_megabyte_of_a_failed_invocation_is_out_before_the_deadline(
    layer_dir: Path, tmp_path: Path, answer: Answer, redact: str
) -> None:
    """On 7 % of a processor, with the account, and none of it unmasked."""
    with ScriptedLambda() as cloud, RecordingReceiver() as sink:
        sink.otherwise = answer
        settings = {"SINK": sink.url, "BUFFER_SIZE": "4MiB"} | (
            {"REDACT": redact} if redact else {}
        )
        environment = Environment(cloud, layer_dir, tmp_path, **settings)
        lines = environment.write()
        process = environment.process
        with limited(process.pid, Held(process.pid), f"small-{os.getpid()}"):
            environment.shut_down()

    records = environment.printed
    assert sum(one["type"] == "function" for one in records) == lines
    shown = [one for one in records if SECRET in str(one["record"])]
    assert bool(shown) == (not redact)
    account = environment.said[-1]
    assert account["event"] == "account"
    assert account["last_resort_lines"] == lines
