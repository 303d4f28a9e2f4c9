import errno
import json
import re
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extension.diagnostics import log as log_module
from extension.diagnostics.log import MAX_PROBLEMS, OwnLog

pytestmark = pytest.mark.every_python


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_json_with_timestamp_level_event_and_logger(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line is one JSON object with the same keys as what is said before the log is loaded."""
    OwnLog("warning").once(
        "a setting cannot be used", variable="FLIGHT_RECORDER_SINK", used="stdout:"
    )

    (line,) = lines(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "level": "warning",
        "event": "a setting cannot be used",
        "logger": "flight-recorder",
        "variable": "FLIGHT_RECORDER_SINK",
        "used": "stdout:",
    }


def test_each_problem_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The same problem with the same variable is said the first time only, whatever else it carries."""
    log = OwnLog("warning")

    log.once("bad", variable="A", problem="1")
    log.once("bad", variable="A", problem="2")
    log.once("bad", variable="B")
    log.once("worse", variable="A")
    log.once("bad")

    said = [(line["event"], line.get("variable")) for line in lines(capsys)]
    assert said == [("bad", "A"), ("bad", "B"), ("worse", "A"), ("bad", None)]


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), ImportError()])
def test_a_problem_is_said_where_structlog_cannot_be_imported(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a descriptor nothing can be imported, and what says so must not become a second error."""

    def fail(*_: object) -> None:
        raise error

    log = OwnLog("warning")
    with monkeypatch.context() as scarce:
        scarce.setattr(log_module, "load", fail)
        log.once("bad", variable="A", problem=ValueError("1"))
        log.account(received_lines=2)
    log.once("worse")

    bad, account, worse = lines(capsys)
    assert bad == {
        "level": "warning",
        "event": "bad",
        "logger": "flight-recorder",
        "variable": "A",
        "problem": "1",
    }
    assert (account["event"], account["received_lines"]) == ("account", 2)
    assert (worse["event"], "timestamp" in worse) == ("worse", True)


def test_a_log_that_nobody_hears_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that is closed costs the message, and nothing else."""

    class Closed:
        def write(self, _: str) -> int:
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(sys, "stderr", Closed())

    OwnLog("warning").once("bad")


def test_problems_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """Problems that differ each time come to an end."""
    log = OwnLog("warning")

    for number in range(MAX_PROBLEMS + 20):
        log.once(f"problem {number}")

    assert len(lines(capsys)) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["warning", "info"]),
        ("info", ["warning", "info"]),
        ("warning", ["warning", "info"]),
        ("error", ["info"]),
        ("off", []),
    ],
)
def test_the_level_decides_which_lines_are_written(
    level: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem is a warning; the account is the one line that a quiet log still has."""
    log = OwnLog(level)

    log.once("something is wrong")
    log.account(received_lines=3, kept_lines={"crash": 2})

    written = lines(capsys)
    assert [line["level"] for line in written] == said
    for account in (line for line in written if line["level"] == "info"):
        assert account["event"] == "account"
        assert (account["received_lines"], account["kept_lines"]) == (3, {"crash": 2})


def test_odd_text_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Newlines, quotes and bytes that are no UTF-8 in a value do not break the line."""
    OwnLog("warning").once("odd", value='a\n"b"\t\udcff\x00 é')

    (line,) = lines(capsys)
    assert line["value"] == 'a\n"b"\t\udcff\x00 é'


def _in_a_process_of_its_own(code: str, *paths: Path) -> str:
    paths = (*paths, Path(__file__).parents[3], *map(Path, site.getsitepackages()))
    run = subprocess.run(
        [
            sys.executable,
            "-IS",
            "-c",
            f"import sys\nsys.path += {[str(one) for one in paths]}\n{code}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return run.stdout + run.stderr


UNUSED = {
    "asyncio",
    "dataclasses",
    "inspect",
    "logging",
    "pickle",
    "structlog.dev",
    "structlog.stdlib",
    "structlog.tracebacks",
    "traceback",
}


def test_a_message_loads_a_tenth_of_structlog() -> None:
    """SHUTDOWN has two seconds, and a small function a tenth of a processor: the account must not take them."""
    said = _in_a_process_of_its_own(
        "from extension.diagnostics.log import OwnLog\n"
        "OwnLog('info').account(received_lines=2)\n"
        f"print(*sorted({UNUSED} & set(sys.modules)), 'structlog' in sys.modules)"
    )

    assert said.splitlines()[0] == "True"
    assert json.loads(said.splitlines()[1])["received_lines"] == 2


def test_problems_are_handed_on_whenever_they_were_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Settings are read before there is anybody to hand a problem to."""
    log = OwnLog("warning")
    told: list[tuple[str, dict[str, object]]] = []

    log.once("before", variable="A")
    log.hand_on(lambda event, fields: told.append((event, fields)))
    log.once("after", variable="B")
    log.once("after", variable="B")

    assert told == [("before", {"variable": "A"}), ("after", {"variable": "B"})]
    assert len(lines(capsys)) == 2


def test_problems_that_are_not_logged_are_not_handed_on() -> None:
    """LOG_LEVEL=off means silence, and the number of problems is bounded."""
    told: list[str] = []
    quiet, loud = OwnLog("off"), OwnLog("warning")
    for log in (quiet, loud):
        log.hand_on(lambda event, _: told.append(event))

    quiet.once("quiet")
    for number in range(2 * MAX_PROBLEMS):
        loud.once(f"loud {number}")

    assert told == [f"loud {number}" for number in range(MAX_PROBLEMS)]


@pytest.mark.parametrize("error", [ImportError("no descriptor"), OSError(errno.EMFILE, "full")])
def test_problem_that_cannot_be_handed_on_is_logged_and_ends_nothing(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """The main loop logs its own errors, and one while it does that would end it."""

    def refuse(_event: str, _fields: dict[str, object]) -> None:
        raise error

    log = OwnLog("warning")
    log.once("before")
    log.hand_on(refuse)

    log.once("after")

    assert [line["event"] for line in lines(capsys)] == ["before", "after"]
