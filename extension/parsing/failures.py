"""Find out that an invocation failed: one small named rule for each sign.

An exception that the runtime reports itself ends with ``runtimeDone`` status ``success`` (AWS staff call it intended:
aws-lambda-extensions, issue 85), so the status alone finds crashes and timeouts only. Other failures show in the line
that each managed runtime writes before it posts the error. The forms below are those of the runtime interface
clients' own sources, named at each rule.

A rule's name is the ``reason`` on every record it keeps, so names are part of the output's format.
Pure. Nothing here parses more than it must, because most lines are healthy.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from extension.model.levels import Level


class Outcome(Enum):
    """Name the way an invocation ended, as far as it is known."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH = "crash"
    OUT_OF_MEMORY = "out-of-memory"
    INIT_ERROR = "init-error"


class Failure(NamedTuple):
    """Describe one sign that an invocation failed: the rule's name, and the outcome as far as the sign tells."""

    reason: str
    outcome: Outcome


LOOKED_AT_CHARS = 16 * 1024
"""Of one line, by the patterns below. Their matches stand at its start, and a line may be a megabyte."""

# No pattern has two ways through the same text, so no line can make one slow. Compiled on first use.
# Java: UserFault.java, reportableError: "message: class", then the stack trace, which begins with the class again.
_JAVA = r": ([\w.$]+)\r?\n\1[:\r\n](?:[^\r\n]*[\r\n])*?[ \t]*at [\w.$/]+\("
_NODE = r"\tERROR\t(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection|Init Error)[ \t]"
_TIMED_OUT = r"Task timed out after \d+\.\d+ seconds\s*$"
_EXITED = r"RequestId: \S+ (?:Error: Runtime exited|Process exited before completing request)"


def _found(pattern: str, line: str) -> bool:
    return re.compile(pattern).search(line, 0, LOOKED_AT_CHARS) is not None


def _python_text(line: str) -> bool:
    # bootstrap.py, log_error. Without a telemetry descriptor the lines are joined with \r, and a LAMBDA_WARNING may
    # stand before it in the same record, so the start of the record is not the only place to look.
    at = line.find("[ERROR] ")
    return (
        at == 0 or (at > 0 and line[at - 1] in "\r\n")
    ) and "Traceback (most recent call last):" in line[at:]


def _dotnet_text(line: str) -> bool:
    # ConsoleLoggerWriter.cs: level "fail", and Exception.ToString() with its indented frames.
    at = line.find("\tfail\t", 0, LOOKED_AT_CHARS)
    at = line.find("Exception", at) if at >= 0 else -1
    return at >= 0 and line.find("\n   at ", at) >= 0


def _ruby_text(line: str) -> bool:
    # lambda_logger.rb writes this as a record of its own, then the error as pretty-printed JSON.
    return line.startswith(("Error raised from handler method", "Init error when loading handler"))


_TEXT_RULES: tuple[tuple[str, Outcome, Callable[[str], object]], ...] = (
    ("python-exception", Outcome.ERROR, _python_text),
    ("nodejs-exception", Outcome.ERROR, lambda line: _found(_NODE, line)),
    ("java-exception", Outcome.ERROR, lambda line: "at " in line and _found(_JAVA, line)),
    ("dotnet-exception", Outcome.ERROR, _dotnet_text),
    ("ruby-exception", Outcome.ERROR, _ruby_text),
    (
        "timeout-message",
        Outcome.TIMEOUT,
        lambda line: "Task timed out" in line and re.search(_TIMED_OUT, line),
    ),
    ("exit-message", Outcome.CRASH, lambda line: re.match(_EXITED, line)),
)


def _reason_in_object(line: dict[str, object], *, has_level: bool) -> str:
    message = line.get("message")
    if isinstance(message, dict) and "errorType" in message and has_level:
        return "nodejs-exception"  # aws-lambda-nodejs-runtime-interface-client, Errors.js
    if isinstance(message, str) and "AWSRequestId" in line and _found(_JAVA, message):
        return "java-exception"
    if isinstance(message, str) and _ruby_text(message):
        return "ruby-exception"
    if "errorMessage" not in line or "errorType" not in line:
        return ""
    if "message" not in line:
        # Python's bootstrap.py, log_error, names the request; Go's client logs the very payload that it posts.
        return "python-exception" if "requestId" in line else "go-exception"
    return "error-object"


def failure_in_line(
    record: object, parsed: dict[str, object] | None, level: Level | None
) -> Failure | None:
    """Recognise the line that a runtime writes for an unhandled error; ``parsed`` is the object that it holds."""
    if parsed is not None:
        if level is None or level >= Level.ERROR:
            reason = _reason_in_object(parsed, has_level=level is not None)
            return Failure(reason, Outcome.ERROR) if reason else None
    elif isinstance(record, str) and (level is None or level >= Level.WARN):
        for reason, outcome, found in _TEXT_RULES:
            if found(record):
                return Failure(reason, outcome)
    return None


def failure_by_level(level: Level | None, *, error_level: int) -> Failure | None:
    """Apply ERROR_LEVEL: a line at or above it makes the invocation a failed one."""
    if level is not None and level >= error_level:
        return Failure(f"level-{level.name.lower()}", Outcome.ERROR)
    return None


def failure_by_status(
    status: object, error_type: object, *, reported: bool = False
) -> Failure | None:
    """Read ``status`` and ``errorType`` of ``platform.runtimeDone``, or of ``platform.report``.

    Every status but ``success`` is a failure (AWS: Telemetry API schema reference). The Logs API has no ``errorType``;
    ``error`` in its runtimeDone means that the runtime's process ended.
    A report (``reported``) also covers handled exceptions, on Managed Instances.
    """
    if status == "success" or not isinstance(status, str):
        return None
    kind = error_type if isinstance(error_type, str) else ""
    if status == "timeout" or "Timeout" in kind or "Timedout" in kind:
        return Failure("timeout", Outcome.TIMEOUT)
    if "OutOfMemory" in kind:
        return Failure("out-of-memory", Outcome.OUT_OF_MEMORY)
    if "ExitError" in kind or "Crash" in kind or status == "failure" or not (kind or reported):
        return Failure("crash", Outcome.CRASH)
    return Failure("status-error", Outcome.ERROR)


def failure_by_fault(text: str) -> Failure:
    """Read ``platform.fault`` of the Logs API, whose record is a string."""
    if "timed out" in text:
        return Failure("timeout", Outcome.TIMEOUT)
    if "OutOfMemory" in text:
        return Failure("out-of-memory", Outcome.OUT_OF_MEMORY)
    return Failure("fault", Outcome.CRASH)


def failure_by_shutdown(reason: str) -> Failure | None:
    """Read the SHUTDOWN event's reason, in any case. Every reason but a spin-down is a failure.

    AWS's Runtime Interface Emulator says ReleaseFail and SandboxTerminated where the cloud says failure and spindown.
    """
    known = reason.lower()
    if known == "timeout":
        return Failure("shutdown-timeout", Outcome.TIMEOUT)
    if known in {"failure", "releasefail"}:
        return Failure("shutdown-failure", Outcome.CRASH)
    return None
