"""The rules that find out how an invocation failed."""

import json
from pathlib import Path

import pytest

from extension.levels.level import OFF, Level
from extension.parsing.failures import (
    Failure,
    Outcome,
    failure_by_fault,
    failure_by_level,
    failure_by_shutdown,
    failure_by_status,
)
from extension.parsing.line import LineRules, look_at
from tests.doubles.lambda_events import FIRST, TIME, node_line, python_line

NO_LEVELS = LineRules(error_level=OFF)

TRACEBACK = "Traceback (most recent call last):"

CAPTURED = Path(__file__).resolve().parents[2] / "captured"

NOT_CAPTURED: list[tuple[str, object]] = [
    # Without a telemetry descriptor, Python's bootstrap.py joins the lines with \r.
    (
        "python-exception",
        f"LAMBDA_WARNING: Unhandled exception.\r[ERROR] Runtime.X: no\r{TRACEBACK}",
    ),
    # .NET's client cannot be had here: ConsoleLoggerWriter.cs, and JsonLogMessageFormatter.cs.
    ("dotnet-exception", node_line("a.BException: boom\n   at F.Handler() in F.cs", level="fail")),
    (
        "error-object",
        {
            "level": "Error",
            "message": "boom",
            "errorMessage": "boom",
            "errorType": "a.BException",
            "stackTrace": [],
        },
    ),
    # Lambda's own.
    ("timeout-message", f"{TIME} {FIRST} Task timed out after 3.00 seconds\n\n"),
    (
        "exit-message",
        f"RequestId: {FIRST} Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n",
    ),
]


@pytest.mark.parametrize("path", sorted(CAPTURED.glob("*.ndjson")), ids=lambda path: path.stem)
def test_failures_recognise_every_captured_unhandled_error(path: Path) -> None:
    """By what the real clients wrote, even when levels are not looked at, each with its runtime's reason."""
    rows = list(map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1]))
    unhandled = [row for row in rows if (row["expect"]["reason"] or "").endswith("-exception")]

    found = [look_at(row["record"], rules=NO_LEVELS).failure for row in unhandled]

    assert unhandled
    assert [one and one.reason for one in found] == [row["expect"]["reason"] for row in unhandled]


@pytest.mark.parametrize(("reason", "record"), NOT_CAPTURED)
def test_failures_recognise_the_line_of_an_unhandled_error(reason: str, record: object) -> None:
    """Every managed runtime's form means failure, even when levels are not looked at."""
    facts = look_at(record, rules=NO_LEVELS)

    assert facts.failure is not None
    assert facts.failure.reason == reason


@pytest.mark.parametrize(
    "record",
    [
        python_line("error: nothing of the kind"),
        python_line(f"{TRACEBACK}\n a caught one", level="WARNING"),
        python_line("we saw [ERROR] ValueError: x\nno trace"),
        node_line("Invoke Error is what it would say"),
        TRACEBACK,
        '{"errorMessage":"the payment was refused","errorType":"Function<Refusal>","order":17}',
        {"level": "INFO", "msg": '{"errorMessage":"m","errorType":"E"}', "requestId": FIRST},
        {"level": "INFO", "msg": '{"errorMessage":"m","errorType":"E","stackTrace":["at x"]}'},
        "No public method named so, with appropriate method signature",
        "thread 'main' was panicked at never",
        f"19:38:06.123-2026-11-28T19:38 {FIRST} Task timed out after 3.00 seconds",
        "java.lang.IllegalStateException: caught\n\tat example.Handler.run(Handler.java:3)",
        # A test runner's output, in colours; Java's client ends its report with an empty line.
        "boom: a.B\na.B: boom\n\tat c.D.e(D.java:1)\n\n\x1b[0m",
        f"\u00e9{TIME[1:]}\t{FIRST}\tERROR\tInvoke Error \tm",
        f'{FIRST}\tInvoke Erro\x1b[mr\t{{"errorType":"E"}}',
        f"\u00e9{TIME[1:]}\t{FIRST}\tfail\tSystem.Exception: m\n   at F()",
        node_line("System.Exception was caught\n   at F()", level="info"),
        {"level": "INFO", "errorMessage": "x", "errorType": "E"},
        {"level": "WARN", "message": {"errorType": "E"}},
        f"child said: {TIME} {FIRST} Task timed out after 3.00 seconds",
        {"message": "Task timed out after lunch"},
        "Task timed out after lunch",
        "",
        None,
        17,
        [f"[ERROR] x\n{TRACEBACK}"],
    ],
)
def test_failures_ignore_lines_that_only_look_like_errors(record: object) -> None:
    """A healthy line that speaks of errors does not make its invocation a failed one."""
    assert look_at(record, rules=NO_LEVELS).failure is None


def test_line_at_the_error_level_is_a_failure() -> None:
    """ERROR_LEVEL names the level from which on."""
    rules = LineRules(error_level=Level.WARN)

    assert look_at(python_line("x", level="WARNING"), rules=rules).failure == Failure(
        "level-warn", Outcome.ERROR
    )
    assert look_at(python_line("x"), rules=rules).failure is None
    assert failure_by_level(None, error_level=Level.WARN) is None


@pytest.mark.parametrize(
    ("status", "error_type", "reported", "expected"),
    [
        ("success", None, False, None),
        ("success", "Runtime.ExitError", True, None),
        (None, None, False, None),
        ("timeout", None, False, Failure("timeout", Outcome.TIMEOUT)),
        ("error", "Sandbox.Timedout", True, Failure("timeout", Outcome.TIMEOUT)),
        ("error", "Runtime.OutOfMemory", False, Failure("out-of-memory", Outcome.OUT_OF_MEMORY)),
        ("error", "Runtime.ExitError", False, Failure("crash", Outcome.CRASH)),
        ("error", None, False, Failure("crash", Outcome.CRASH)),
        ("error", None, True, Failure("status-error", Outcome.ERROR)),
        ("error", "Function.ResponseSizeTooLarge", False, Failure("status-error", Outcome.ERROR)),
        ("failure", "Sandbox.Failure", False, Failure("crash", Outcome.CRASH)),
    ],
)
def test_every_status_but_success_is_a_failure(
    status: object, error_type: object, reported: bool, expected: Failure | None
) -> None:
    """The outcome is named as closely as status and errorType allow."""
    assert failure_by_status(status, error_type, reported=reported) == expected


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Process exited before completing request", Outcome.CRASH),
        (
            "Error: Runtime exited with error: exit status 1\nRuntime.OutOfMemory",
            Outcome.OUT_OF_MEMORY,
        ),
        ("Status: timed out", Outcome.TIMEOUT),
        ("", Outcome.CRASH),
    ],
)
def test_a_fault_is_always_a_failure(text: str, outcome: Outcome) -> None:
    """``platform.fault`` carries text in several forms."""
    assert failure_by_fault(text and f"RequestId: {FIRST} {text}").outcome is outcome


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("timeout", Outcome.TIMEOUT),
        ("TIMEOUT", Outcome.TIMEOUT),
        ("failure", Outcome.CRASH),
        ("ReleaseFail", Outcome.CRASH),
        ("spindown", None),
        ("SPINDOWN", None),
        ("", None),
    ],
)
def test_only_a_spindown_is_no_failure(reason: str, outcome: Outcome | None) -> None:
    """The reason is compared without regard to case."""
    failure = failure_by_shutdown(reason)

    assert (failure.outcome if failure else None) is outcome


@pytest.mark.parametrize(
    "record",
    [
        "a: X\nX\r" + "\r" * 200_000,
        ": X\nX:\n" * 20_000,
        "\tfail\t" + "Exception" * 40_000,
        "[ERROR] " + "x" * 500_000,
        "Task timed out after 3.00 seconds" + " " * 300_000 + "x",
    ],
)
@pytest.mark.timeout(20)  # thousands of times what it takes: quadratic time would not end within it
def test_a_hostile_line_ends(record: str) -> None:
    """No rule takes more than linear time on a line that was made to be slow for it."""
    facts = look_at(record, rules=NO_LEVELS)

    assert facts.request_ids == ()
