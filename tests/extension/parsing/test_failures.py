"""The rules that find out how an invocation failed."""

import pytest

from extension.model.levels import OFF, Level
from extension.parsing.failures import (
    Failure,
    Outcome,
    failure_by_fault,
    failure_by_level,
    failure_by_shutdown,
    failure_by_status,
)
from extension.parsing.line import LineRules, look_at
from tests.extension.batches import FIRST, node_line, python_line

NO_LEVELS = LineRules(error_level=OFF)

JAVA = (
    "boom: java.lang.IllegalStateException\n"
    "java.lang.IllegalStateException: boom\n"
    "\tat example.Handler.handleRequest(Handler.java:12)\n"
    "\tat java.base/java.lang.reflect.Method.invoke(Unknown Source)\n"
)

UNHANDLED = [
    (
        '[ERROR] ValueError: boom\nTraceback (most recent call last):\n\xa0\xa0File "/var/task/a.py"',
        "python-exception",
    ),
    ("[ERROR] KeyError\nTraceback (most recent call last):\n", "python-exception"),
    ("[ERROR] E: a\nb\nTraceback (most recent call last):\n", "python-exception"),
    (
        "LAMBDA_WARNING: Unhandled exception.\r[ERROR] Runtime.X: no\rTraceback (most recent call last):",
        "python-exception",
    ),
    (
        {
            "timestamp": "t",
            "log_level": "ERROR",
            "errorMessage": "b",
            "errorType": "E",
            "requestId": FIRST,
            "stackTrace": [],
        },
        "python-exception",
    ),
    (
        '{"timestamp":"t","level":"ERROR","errorMessage":"","errorType":"E","requestId":"","stackTrace":[]}',
        "python-exception",
    ),
    (
        f'2026-10-12T00:01:15.123Z\t{FIRST}\tERROR\tInvoke Error \t{{"errorType":"Error","stack":[]}}\n',
        "nodejs-exception",
    ),
    (f"2026-10-12T00:01:15.123Z\t{FIRST}\tERROR\tUncaught Exception \t{{}}", "nodejs-exception"),
    (
        {
            "timestamp": "t",
            "level": "ERROR",
            "requestId": FIRST,
            "message": {"errorType": "E", "stackTrace": []},
        },
        "nodejs-exception",
    ),
    (JAVA, "java-exception"),
    (
        {"timestamp": "t", "level": "ERROR", "message": JAVA, "AWSRequestId": FIRST},
        "java-exception",
    ),
    (
        f"2026-10-12T00:01:15.123Z\t{FIRST}\tfail\tSystem.ApplicationException: boom\n   at Function.Handler() in F.cs:line 1\n",
        "dotnet-exception",
    ),
    (
        {
            "level": "Error",
            "message": "boom",
            "errorType": "E",
            "errorMessage": "boom",
            "stackTrace": [],
        },
        "error-object",
    ),
    ("Error raised from handler method\n", "ruby-exception"),
    (
        {"level": "ERROR", "message": "Error raised from handler method", "requestId": FIRST},
        "ruby-exception",
    ),
    ('{"errorMessage":"boom","errorType":"errorString"}\n', "go-exception"),
    ({"errorMessage": "boom", "errorType": "errorString", "stackTrace": []}, "go-exception"),
    (f"2026-10-12T00:01:15.123Z {FIRST} Task timed out after 3.00 seconds\n\n", "timeout-message"),
    (
        f"RequestId: {FIRST} Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n",
        "exit-message",
    ),
]


@pytest.mark.parametrize(
    ("record", "reason"), UNHANDLED, ids=[f"{n}-{r}" for n, (_, r) in enumerate(UNHANDLED)]
)
def test_failures_recognise_the_line_of_an_unhandled_error(record: object, reason: str) -> None:
    """Every managed runtime's form means failure, even when levels are not looked at."""
    facts = look_at(record, rules=NO_LEVELS)

    assert facts.failure is not None
    assert facts.failure.reason == reason


@pytest.mark.parametrize(
    "record",
    [
        python_line("error: nothing of the kind"),
        python_line("Traceback (most recent call last):\n a caught one", level="WARNING"),
        python_line("we saw [ERROR] ValueError: x\nno trace"),
        node_line("Invoke Error is what it would say"),
        "Traceback (most recent call last):",
        "java.lang.IllegalStateException: caught\n\tat example.Handler.run(Handler.java:3)",
        f"2026-10-12T00:01:15.123Z\t{FIRST}\tinfo\tSystem.Exception was caught\n   at F()",
        {"level": "INFO", "errorMessage": "x", "errorType": "E"},
        {"level": "WARN", "message": {"errorType": "E"}},
        {"message": "Task timed out after lunch"},
        "Task timed out after lunch",
        "",
        None,
        17,
        ["[ERROR] x\nTraceback (most recent call last):"],
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
        (f"RequestId: {FIRST} Process exited before completing request", Outcome.CRASH),
        (
            f"RequestId: {FIRST} Error: Runtime exited with error: exit status 1\nRuntime.OutOfMemory",
            Outcome.OUT_OF_MEMORY,
        ),
        (f"RequestId: {FIRST}\tStatus: timed out", Outcome.TIMEOUT),
        ("", Outcome.CRASH),
    ],
)
def test_a_fault_is_always_a_failure(text: str, outcome: Outcome) -> None:
    """``platform.fault`` carries text in several forms."""
    assert failure_by_fault(text).outcome is outcome


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

    assert facts.request_id == ""
