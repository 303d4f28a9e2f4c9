"""Test the invoke endpoint, served as a user serves it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.emulator.probe import make_function, make_layer, seen

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve on a free port; return the address printed and the process."""
    words = f"serve --code {make_function(tmp_path)} --layer {make_layer(tmp_path)} --port 0"
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "emulator", *words.split()],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        found = re.search(r"POST (http\S+)", process.stdout.readline())
        assert found is not None
        yield found[1], process
        process.kill()


def post(url: str, body: bytes) -> tuple[int, Any, str | None]:
    """Return status, decoded body and error header."""
    request = urllib.request.Request(url, body)  # noqa: S310 - a local address
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - a local address
        return answer.status, json.loads(answer.read()), answer.headers["X-Amz-Function-Error"]


def test_serve_answers_as_aws_emulator_does(served: tuple[str, subprocess.Popen[str]]) -> None:
    """Tools that speak to AWS's emulator must work unchanged; Ctrl-C ends everything."""
    url, process = served

    good = post(url, b'{"a":1}')
    status, body, header = post(url, b'{"do":"raise"}')
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(url + "/more", b"")
    caught.value.close()
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=10)

    assert good == (200, {"a": 1}, None)
    assert (status, body["errorType"], header) == (200, "ValueError", "Unhandled")
    assert caught.value.code == 404
    assert process.returncode == 0
    assert "shutting down" in rest


def test_killed_emulator_leaves_no_process(
    served: tuple[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Nobody would find a stopped runtime that kept its memory."""
    url, process = served
    post(url, b"{}")
    pid = seen(tmp_path).of("start")[0]["pid"]
    assert _is_running(pid)

    process.kill()

    deadline = time.monotonic() + 15
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    """Return whether a process is there; one that is dead and waits for its parent, who may be slow, is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
