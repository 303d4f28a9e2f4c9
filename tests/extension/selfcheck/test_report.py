"""What ``--check`` prints, and its exit status."""

import json
import re
from collections.abc import Callable

import pytest

from extension.selfcheck.report import report
from tests.doubles.scripted_server import ScriptedServer
from tests.extension.selfcheck.test_checks import environ_of

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Check and report; return the exit status and the output."""

    def run(*options: str, server: ScriptedServer | None = None, **values: str) -> tuple[int, str]:
        if server is not None:
            values["SINK"] = server.url
        code = report(options, environ_of(None, **values), sleep=lambda _seconds: None)
        return code, capsys.readouterr().out

    return run


def test_report_succeeds_with_warnings(server: ScriptedServer, run: Run) -> None:
    """One line a finding, and their numbers at the end."""
    code, output = run(server=server, SAMPLE_RATE="1")

    *lines, last = output.splitlines()
    assert code == 0
    assert [line[:4].strip() for line in lines] == ["ok", "warn", "ok"]
    assert last == "2 ok, 1 to look at, 0 failed"


def test_report_fails_if_something_failed(run: Run) -> None:
    """A deployment can stop on the exit status, and its log says what to do."""
    code, output = run(SINK="http://127.0.0.1:9/in", FLUSH="never")

    assert code == 1
    assert "connection refused -> nothing listens there" in output
    assert "FLIGHT_RECORDER_FLUSH" in output


def test_report_prints_only_problems_with_quiet(server: ScriptedServer, run: Run) -> None:
    """It prints nothing at all if nothing is wrong."""
    assert run("--quiet", server=server) == (0, "")

    code, output = run("--quiet", server=server, SAMPLE_RATE="1", FLUSH="x")

    assert code == 1
    assert re.findall(r"^\w+", output, re.MULTILINE) == ["fail", "warn"]


def test_report_prints_one_json_object_a_line(server: ScriptedServer, run: Run) -> None:
    """Programs read it."""
    _, output = run("--json", server=server)

    told = [json.loads(line) for line in output.splitlines()]
    assert [one["level"] for one in told] == ["ok", "ok"]
    assert {tuple(one) for one in told} == {("level", "what", "found", "todo")}
