"""How an invocation is found to have failed: one small named rule for each sign.

An exception that the runtime reports itself ends with ``runtimeDone`` status ``success`` (AWS staff call it intended:
aws-lambda-extensions, issue 85), so the status alone finds crashes and timeouts only. For the rest there is the line
that each managed runtime writes before it posts the error. The forms below are those of the runtime interface
clients' own sources, named at each rule.

A rule's name is the ``reason`` that stands on every record it keeps, so names are part of the output's format.
All functions here are pure; nothing parses more than it must, because most lines are healthy.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from extension.model.levels import Level, level_of_object, level_of_text


class Outcome(Enum):
    """What is known of how an invocation ended."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH = "crash"
    OUT_OF_MEMORY = "out-of-memory"
    INIT_ERROR = "init-error"


@dataclass(frozen=True)
class Failure:
    """One sign that an invocation failed.

    Attributes:
        reason: the rule's name.
        outcome: what the sign says about the end of the invocation.
    """

    reason: str
    outcome: Outcome


LOOKED_AT_CHARS = 16 * 1024
"""Of one line, by the patterns below: what they look for stands at its start, and a line may be a megabyte."""

# Each pattern gets by without a choice of ways through the same text, so that no line can make it slow.
_JAVA = re.compile(r": ([\w.$]+)\r?\n\1[:\r\n](?:[^\r\n]*[\r\n])*?[ \t]*at [\w.$/]+\(")
_NODE = re.compile(
    r"\tERROR\t(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection|Init Error)[ \t]"
)
_TIMED_OUT = re.compile(r"Task timed out after \d+\.\d+ seconds\s*$")
_EXITED = re.compile(
    r"RequestId: \S+ (?:Error: Runtime exited|Process exited before completing request)"
)


def _python_text(line: str) -> bool:
    # bootstrap.py, log_error. Without a telemetry descriptor the lines are joined with \r, and a LAMBDA_WARNING may
    # stand before it in the same record, so the start of the record is not the only place to look.
    at = line.find("[ERROR] ")
    return (
        at == 0 or (at > 0 and line[at - 1] in "\r\n")
    ) and "Traceback (most recent call last):" in line[at:]


def _java_text(line: str) -> bool:
    # UserFault.java, reportableError: "message: class", then the stack trace, which begins with the class again.
    return "at " in line and _JAVA.search(line, 0, LOOKED_AT_CHARS) is not None


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
    ("nodejs-exception", Outcome.ERROR, lambda line: _NODE.search(line, 0, LOOKED_AT_CHARS)),
    ("java-exception", Outcome.ERROR, _java_text),
    ("dotnet-exception", Outcome.ERROR, _dotnet_text),
    ("ruby-exception", Outcome.ERROR, _ruby_text),
    (
        "timeout-message",
        Outcome.TIMEOUT,
        lambda line: "Task timed out" in line and _TIMED_OUT.search(line),
    ),
    ("exit-message", Outcome.CRASH, _EXITED.match),
)

_JAVA_KEY, _ERROR_KEYS = "AWSRequestId", ("errorMessage", "errorType")


def _object_failure(line: dict[str, object]) -> Failure | None:
    level = level_of_object(line)
    if level is not None and level < Level.ERROR:
        return None
    reason = _reason_in_object(line, line.get("message"))
    return Failure(reason, Outcome.ERROR) if reason else None


def _reason_in_object(line: dict[str, object], message: object) -> str:
    if isinstance(message, dict) and "errorType" in message and level_of_object(line) is not None:
        return "nodejs-exception"  # aws-lambda-nodejs-runtime-interface-client, Errors.js
    if (
        isinstance(message, str)
        and "AWSRequestId" in line
        and _JAVA.search(message, 0, LOOKED_AT_CHARS)
    ):
        return "java-exception"
    if isinstance(message, str) and _ruby_text(message):
        return "ruby-exception"
    if "errorMessage" not in line or "errorType" not in line:
        return ""
    if "message" not in line:
        # Python's bootstrap.py, log_error, names the request; Go's client logs the very payload that it posts.
        return "python-exception" if "requestId" in line else "go-exception"
    return "error-object"


def failure_in_line(record: object, parsed: dict[str, object] | None) -> Failure | None:
    """Looks for the line that a runtime writes for an unhandled error.

    Args:
        record: a ``function`` record as delivered: text, or an object with the JSON log format.
        parsed: the object, if the record is one or is text that holds one.
    """
    if parsed is not None:
        return _object_failure(parsed)
    level = level_of_text(record) if isinstance(record, str) else None
    if isinstance(record, str) and (level is None or level >= Level.WARN):
        for reason, outcome, found in _TEXT_RULES:
            if found(record):
                return Failure(reason, outcome)
    return None


def failure_by_level(level: Level | None, *, error_level: int) -> Failure | None:
    """Applies ERROR_LEVEL: a line at or above it makes the invocation a failed one."""
    if level is not None and level >= error_level:
        return Failure(f"level-{level.name.lower()}", Outcome.ERROR)
    return None


def failure_by_status(
    status: object, error_type: object, *, reported: bool = False
) -> Failure | None:
    """Reads ``status`` and ``errorType`` of ``platform.runtimeDone``, or of ``platform.report``.

    Anything but ``success`` is a failure, named after what is known (AWS: Telemetry API schema reference). The Logs
    API gives no ``errorType``; ``error`` in runtimeDone then means that the runtime's process ended.

    Args:
        status: ``success``, ``error``, ``failure`` or ``timeout``.
        error_type: such as ``Runtime.ExitError``; anything else than text where there is none.
        reported: whether they are of a report, which on Managed Instances tells of handled exceptions as well.
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


def failure_by_fault(text: object) -> Failure:
    """Reads ``platform.fault`` of the Logs API, whose record is a string."""
    if isinstance(text, str) and "timed out" in text:
        return Failure("timeout", Outcome.TIMEOUT)
    if isinstance(text, str) and "OutOfMemory" in text:
        return Failure("out-of-memory", Outcome.OUT_OF_MEMORY)
    return Failure("fault", Outcome.CRASH)


def failure_by_shutdown(reason: str) -> Failure | None:
    """Reads the SHUTDOWN event's reason, which is written in either case; only a spin-down is no failure.

    AWS's Runtime Interface Emulator says ReleaseFail and SandboxTerminated where the cloud says failure and spindown.
    """
    known = reason.lower()
    if known == "timeout":
        return Failure("shutdown-timeout", Outcome.TIMEOUT)
    if known in {"failure", "releasefail"}:
        return Failure("shutdown-failure", Outcome.CRASH)
    return None


def level_of_line(record: object, parsed: dict[str, object] | None) -> Level | None:
    """Gives the level of a record that has been parsed as far as it can be."""
    if parsed is not None:
        return level_of_object(parsed)
    return level_of_text(record) if isinstance(record, str) else None
