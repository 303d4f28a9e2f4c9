"""Runs the extension of any tree as Lambda does, as a process of its own, and keeps everything that leaves it.

Only what is outside of the tree's own code is fixed: its clock (``time.time`` and ``time_ns`` stand still) and its randomness
(``os.urandom`` counts up), so that environment ids, streams' names and signatures' dates are the same each time.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.doubles.http_server import WAIT_S, Request
from tests.doubles.recording_receiver import Reply
from tests.doubles.scripted_lambda import ScriptedLambda
from tests.golden.receiver import Receiver
from tests.golden.script import NOW_S, Post, Step

OWN_ROOT = Path(__file__).resolve().parents[2]

LAUNCHER = f"""
import os, sys, time
time.time = lambda: {NOW_S}.0
time.time_ns = lambda: {NOW_S} * 10**9
ids = iter(range(1, 256))
os.urandom = lambda size: bytes.fromhex("f11e") + bytes(5) + bytes([next(ids)]) if size == 8 else bytes(size)
sys.path.insert(0, sys.argv.pop(1))
import runpy
runpy.run_module("extension", run_name="__main__", alter_sys=True)
"""
"""``python -m extension``, with a clock and with random bytes that a test can expect: environments are called
``f11e000000000001`` and so on, and no pause is shortened by chance."""

ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_SESSION_TOKEN": "made-up-token",
}

DEFAULTS = {"FLUSH": "end", "FLUSH_TIMEOUT": "15m", "LOG_LEVEL": "debug"}
"""Next is asked for when everything owed is delivered, so that it says when to go on."""


class Scenario(NamedTuple):
    """One environment's life.

    Attributes:
        name: of the file with what is expected.
        steps: what Lambda tells.
        settings: without their prefix; ``{sink}`` stands for the receiver's address, ``{folder}`` for a folder.
        environment: other variables.
        refusals: schema versions that Lambda refuses, with its status.
        hiccups: how many of the first PutLogEvents get a 500.
        answers: bodies of first answers, by action or path.
    """

    name: str
    steps: Sequence[Step]
    settings: Mapping[str, str]
    environment: Mapping[str, str] = {}
    refusals: Mapping[str, int] = {}
    hiccups: int = 0
    answers: Mapping[str, bytes] = {}


class Captured(NamedTuple):
    """Everything that left the process.

    Attributes:
        asked: of Lambda, without the requests for the next event.
        requests: to sinks.
        files: by name, those of file sinks.
        stdout: the process's.
        stderr: the process's.
    """

    asked: list[Request]
    requests: list[Request]
    files: dict[str, bytes]
    stdout: bytes
    stderr: bytes


def run(scenario: Scenario, root: Path) -> Captured:
    """Run a tree's extension through a scenario, until it has ended on SHUTDOWN."""
    with tempfile.TemporaryDirectory(prefix="golden-") as name:
        folder = Path(name)
        lambda_ = ScriptedLambda(
            subscribe=lambda _path, schema: Reply(scenario.refusals.get(schema, 200), b"{}")
        )
        receiver = Receiver(answers=scenario.answers, hiccups=scenario.hiccups)
        try:
            _drive(scenario, root, folder, lambda_, receiver)
        finally:
            lambda_.close()
            receiver.close()
        files = sorted(folder.glob("*.ndjson"))
        return Captured(
            [one for one in lambda_.requests if not one.path.endswith("/event/next")],
            receiver.requests,
            {path.name: path.read_bytes() for path in files},
            (folder / "stdout").read_bytes(),
            (folder / "stderr").read_bytes(),
        )


def _drive(
    scenario: Scenario, root: Path, folder: Path, lambda_: ScriptedLambda, receiver: Receiver
) -> None:
    environ = _environ_of(scenario, root, folder, receiver.address)
    environ["AWS_LAMBDA_RUNTIME_API"] = lambda_.address
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(root)],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            lambda_.wait_for_next()
            for step in scenario.steps:
                if isinstance(step, Post):
                    _post(step, folder, lambda_, receiver)
                else:
                    lambda_.tell(step.event)
            process.wait(WAIT_S)
        finally:
            process.kill()
            process.wait()


def _post(step: Post, folder: Path, lambda_: ScriptedLambda, receiver: Receiver) -> None:
    if step.after_next:
        lambda_.wait_for_next()
    before = _arrived(folder, receiver)
    lambda_.post(step.body)
    if step.delivers:
        with receiver.changed:
            # A file sink tells nobody, so it is looked at now and then.
            tries = int(WAIT_S / 0.01)
            while _arrived(folder, receiver) == before and tries:
                receiver.changed.wait(0.01)
                tries -= 1
        assert _arrived(folder, receiver) != before, "nothing of the batch arrived at a sink"


def _arrived(folder: Path, receiver: Receiver) -> tuple[int, int]:
    written = [*folder.glob("*.ndjson"), folder / "stdout"]
    return len(receiver.requests), sum(path.stat().st_size for path in written)


def _environ_of(scenario: Scenario, root: Path, folder: Path, address: str) -> dict[str, str]:
    settings = {**DEFAULTS, **scenario.settings}
    environ = {
        **ENVIRONMENT,
        "PATH": os.environ.get("PATH", ""),
        "AWS_ENDPOINT_URL": f"http://{address}",
        "TMPDIR": str(folder),
        **scenario.environment,
    }
    for name, value in settings.items():
        placed = value.replace("{sink}", address).replace("{folder}", str(folder))
        environ[f"FLIGHT_RECORDER_{name}"] = placed
    if root == OWN_ROOT:
        # So that what runs here counts, where branch coverage is measured.
        environ |= {
            name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")
        }
    else:
        # A tree that is not ours is read only.
        environ["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "golden-bytecode")
    return environ
