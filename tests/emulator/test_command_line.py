"""The command line, run as a user runs it."""

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

import pytest

from emulator.__main__ import main, read_variations
from tests.emulator.support import make_function, make_layer, seen

ROOT = Path(__file__).resolve().parent.parent.parent


def test_run_shows_what_happens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines as they come, results, how extensions ended, events and journal; exit code 1 for a failed invocation."""
    code, layer = make_function(tmp_path), make_layer(tmp_path)
    words = ["run", "--code", str(code), "--layer", str(layer), "-n", "2", "--events", "--journal"]

    status = main(
        [*words, "--event", '{"a":1}', "--event", '{"do":"raise"}', "--vary", "report=at_once"]
    )

    text = capsys.readouterr().out
    assert status == 1
    for expected in (
        "probe | probe says hello",
        "function | plain line",
        "result | success; init",
        "result | error; duration",
        "shutdown | probe: exit code 0 after",
        "platform.runtimeDone",
        "register probe",
        "cloudwatch | ",
    ):
        assert expected in text


def test_a_mistake_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and no traceback."""
    status = main(["run", "--code", str(make_function(tmp_path)), "--layer", "nothing.zip"])

    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1
    assert "nothing.zip" in error


def test_variations_are_read_from_words() -> None:
    """Flags, numbers, words and lists; unknown ones are refused."""
    read = read_variations(
        [
            "duplicate_batches",
            "merge_invocations=3",
            "report=at_once",
            "garbage=huge,non_json",
            "logs_subscribe_status=500",
        ]
    )

    assert read.duplicate_batches
    assert (read.merge_invocations, read.report, read.logs_subscribe_status) == (3, "at_once", 500)
    assert read.garbage == ("huge", "non_json")
    assert len(read_variations(["garbage=all"]).garbage) == 6
    with pytest.raises(ValueError, match="unknown variation 'nonsense'"):
        read_variations(["nonsense"])


@pytest.mark.parametrize("command", ["run", "serve"])
def test_help_documents_everything(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each option and each variation."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])

    text = capsys.readouterr().out
    assert caught.value.code == 0
    for word in ("--layer", "--managed-instances", "--settle-ms", "duplicate_batches", "garbage="):
        assert word in text


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve on a free port; give the address printed and the process."""
    words = [
        "serve",
        "--code",
        str(make_function(tmp_path)),
        "--layer",
        str(make_layer(tmp_path)),
        "--port",
        "0",
    ]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "emulator", *words],
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


def test_serve_answers_as_aws_emulator_does(served: tuple[str, subprocess.Popen[str]]) -> None:
    """A handler error is HTTP 200 with the error header; another path 404; Ctrl-C ends it, extensions included."""
    url, process = served

    with urllib.request.urlopen(urllib.request.Request(url, b'{"a":1}'), timeout=10) as answer:  # noqa: S310 - a local address
        good = answer.status, json.loads(answer.read()), answer.headers["X-Amz-Function-Error"]
    with urllib.request.urlopen(  # noqa: S310 - a local address
        urllib.request.Request(url, b'{"do":"raise"}'),  # noqa: S310 - a local address
        timeout=10,
    ) as answer:
        bad = (
            answer.status,
            json.loads(answer.read())["errorType"],
            answer.headers["X-Amz-Function-Error"],
        )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url + "/more", b""), timeout=10)  # noqa: S310 - a local address
    caught.value.close()
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=10)

    assert good == (200, {"a": 1}, None)
    assert bad == (200, "ValueError", "Unhandled")
    assert caught.value.code == 404
    assert process.returncode == 0
    assert "shutting down" in rest


def test_nothing_survives_a_killed_emulator(
    served: tuple[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Kill -9 leaves neither runtime nor extension behind."""
    url, process = served
    with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=10):  # noqa: S310 - a local address
        pass
    pid = seen(tmp_path).of("start")[0]["pid"]
    assert _is_running(pid)

    process.kill()

    deadline = time.monotonic() + 15
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    """Tell whether a process is there; one that is dead and waits for its parent, who may be slow, is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
