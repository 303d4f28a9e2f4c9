"""Find out that an invocation failed: one small named rule for each sign.

An exception that the runtime reports itself ends with ``runtimeDone`` status ``success`` (AWS staff call it intended:
aws-lambda-extensions, issue 85), so the status alone finds crashes and timeouts only. Other failures show in the line
that each runtime writes before it posts the error. ``tests/captured`` has those lines, as the real clients wrote them.

A rule's name is the ``reason`` on every record it keeps, so names are part of the output's format.
Pure. Nothing here parses more than it must, because most lines are healthy.
"""

import json
import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from extension.levels.forms import TIME, UUID
from extension.levels.level import Level
from extension.levels.reading import Reading, is_wide

Fields = dict[str, object]


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
    """Describe one sign that an invocation failed.

    Attributes:
        reason: the rule's name.
        outcome: as far as the sign tells.
        request_id: of the invocation that the sign itself names; empty where it names none. Of an invocation that Lambda
            has not told, it is somebody else's failure.
    """

    reason: str
    outcome: Outcome
    request_id: str = ""


LOOKED_AT_CHARS = 16 * 1024
"""Of one line, by patterns whose matches stand at its start. A line may be a megabyte."""

# No pattern has two ways through the same text, so no line can make one slow. Compiled on first use.
_PYTHON = r"(?:LAMBDA_WARNING: [^\r\n]*[\r\n]+)?\[ERROR\] "
_NODE = (
    r"[ -~]{4}-[ -~]{19}\t[^\t]*\tERROR\t"
    r"(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection|Init Error)[ \t]"
)
_PHP = rf"{UUID}\tInvoke Error\t\{{"
_RUST = rf"(?:{TIME} +)?ERROR +Lambda runtime invoke[{{:]|thread '[^'\r\n]{{0,80}}' (?:\(\d+\) )?panicked at "
_BUN = rf"ERROR RequestId: {UUID} \d+ \| "
_JAVA_NO_METHOD = (
    r"No public method named \S+ with appropriate method signature found on class \S+\s*"
)
_QUARKUS = rf"{TIME} ERROR +\[[\w.]{{0,40}}AbstractLambdaPollLoop\] [^\r\n]{{0,60}}Failed to run"
_RUBY = r"(?:Error raised from handler method|Critical exception from handler|Init error when loading handler [^\r\n]*)\s*"
_TIMED_OUT = rf"\d{{4}}-[^\s]{{15,30}} ({UUID}) Task timed out after \d+\.\d+ seconds\s*"
_EXITED = rf"RequestId: ({UUID}) (?:Error: Runtime exited[^\r\n]*(?:\r?\nRuntime\.\w+)?|Process exited before completing request)\s*"
_GO_PAYLOAD = '{"errorMessage":'
_GO_PREFIX_CHARS = 120
"""Go's standard logger writes a date, or what the function sets with SetPrefix and SetFlags, before the payload."""
_GO_WRAPPED = rf"{TIME} \{{"
_GO_LOGFMT = r'(?:time|timestamp)=\S+ level=INFO (?:msg|message)=("\{\\"errorMessage\\":.*")\s*'
_GO_KEYS = {"errorMessage", "errorType", "stackTrace"}
_GO_LOGGED = {"time", "timestamp", "level", "msg", "message"}
# Java's client (UserFault.java, reportableError) writes "message: class", the stack trace, and an empty line. A class
# without a message is "null: class".
_JAVA_TWICE = r": ([\w.$]+)\r?\n\1[:\r\n]"
_JAVA_OWN_NAME = r": [\w$]+(?:\.[\w$]+)+\r?\n(?:[^\r\n]*\r?\n)??[^\r\n]*\r?\n?[ \t]+at [\w.$/]+\("
_JAVA_END = "\n\n"
_DOTNET_UNFORMATTED = (
    r"[A-Z_][\w`+]*(?:\.[\w`+]+)*Exception: [^\r\n]*[\r\n]+(?:[^\r\n]*[\r\n]+){0,20}?   at "
)


def _starts(pattern: str, line: str) -> bool:
    return re.compile(pattern).match(line, 0, LOOKED_AT_CHARS) is not None


def _python_text(line: str) -> bool:
    # bootstrap.py, log_error. Without a telemetry descriptor the lines are joined with \r, and a LAMBDA_WARNING may
    # stand before it in the same record.
    return _starts(_PYTHON, line) and "Traceback (most recent call last):" in line


def _dotnet_text(line: str) -> bool:
    # ConsoleLoggerWriter.cs: level "fail", and Exception.ToString() with its indented frames.
    if re.match(r"[ -~]{4}-[ -~]{19}\t[^\t]*\tfail\t", line):
        at = line.find("Exception", 0, LOOKED_AT_CHARS)
        return at >= 0 and line.find("\n   at ", at) >= 0
    # AWS_LAMBDA_HANDLER_LOG_FORMAT=Unformatted leaves the prefix out.
    return "\n   at " in line and _starts(_DOTNET_UNFORMATTED, line)


def _java_text(line: str) -> bool:
    if not line.endswith(_JAVA_END):
        return False
    return re.search(_JAVA_TWICE, line) is not None or (
        "at " in line and re.search(_JAVA_OWN_NAME, line) is not None
    )


def _go_text(line: str) -> bool:
    at = line.find(_GO_PAYLOAD, 0, _GO_PREFIX_CHARS)
    if at < 0 or line[at - 1 : at].isalnum():
        return False
    # A prefix may begin with a word of the function's own; with digits only a time begins.
    is_prefix = not line[0].isdecimal() or re.match(TIME, line) is not None
    return is_prefix and _is_go(_decoded(line[at:]))


def _go_logfmt(line: str) -> bool:
    # lambdacontext.NewLogger and slog take over Go's standard logger, which the client writes with.
    match = re.fullmatch(_GO_LOGFMT, line)
    text = _decoded(match.group(1)) if match else None
    return isinstance(text, str) and _is_go(_decoded(text))


def _go_object(line: Fields) -> bool:
    text = line.get("msg", line.get("message"))
    is_logged = _GO_LOGGED.issuperset(line) and isinstance(text, str)
    return is_logged and _is_go(_decoded(str(text)))


def _decoded(text: str) -> object:
    if is_wide(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_go(payload: object) -> bool:
    """Recognise what Go's client posts: another language's payload has other members, or frames that are text."""
    if not isinstance(payload, dict) or not _GO_KEYS.issuperset(payload):
        return False
    frames = payload.get("stackTrace", [])
    has_go_frames = isinstance(frames, list) and all(isinstance(one, dict) for one in frames)
    kind = payload.get("errorType")
    return bool(payload.get("errorMessage")) and has_go_frames and str(kind).isidentifier()


Rule = tuple[str, tuple[str, ...], Callable[[str], bool]]
"""A reason, texts of which a line must hold one, and the rule itself."""

_RUBY_RULE: Rule = (
    "ruby-exception",
    ("Error raised from", "Critical exception", "Init error when"),
    lambda line: re.fullmatch(_RUBY, line) is not None,
)
_RUST_RULE: Rule = (
    "rust-exception",
    ("Lambda runtime invoke", "panicked at "),
    lambda line: _starts(_RUST, line),
)
_PHP_RULE: Rule = ("php-exception", ("\tInvoke Error\t{",), lambda line: _starts(_PHP, line))
_JAVA_METHOD_RULE: Rule = (
    "java-exception",
    ("No public method",),
    lambda line: re.fullmatch(_JAVA_NO_METHOD, line) is not None,
)

_WRAPPED_RULES: tuple[Rule, ...] = (
    (
        "go-exception",
        (_GO_PAYLOAD,),
        lambda line: re.match(_GO_WRAPPED, line) is not None and _go_text(line),
    ),
    _PHP_RULE,
    _RUBY_RULE,
    _RUST_RULE,
    _JAVA_METHOD_RULE,
)
"""Of runtimes that do not write the JSON log format themselves, so that Lambda wraps their text."""

_TEXT_RULES: tuple[Rule, ...] = (
    ("python-exception", ("[ERROR] ",), _python_text),
    ("nodejs-exception", ("\tERROR\t",), lambda line: _starts(_NODE, line)),
    ("java-exception", (_JAVA_END,), _java_text),
    _JAVA_METHOD_RULE,
    ("dotnet-exception", ("\n   at ",), _dotnet_text),
    _RUBY_RULE,
    ("go-exception", (_GO_PAYLOAD,), _go_text),
    _RUST_RULE,
    _PHP_RULE,
    ("quarkus-exception", ("AbstractLambdaPollLoop",), lambda line: _starts(_QUARKUS, line)),
    ("bun-exception", ("ERROR RequestId: ",), lambda line: _starts(_BUN, line)),
)

_LAMBDA_RULES = (
    ("timeout-message", Outcome.TIMEOUT, "Task timed out", _TIMED_OUT),
    ("exit-message", Outcome.CRASH, "RequestId: ", _EXITED),
)
"""Lambda's own lines, only whole: other functions' logs may be shipped or tested by this one."""


def _in_object(line: Fields, *, has_level: bool) -> Failure | None:
    message = line.get("message")
    if isinstance(message, dict) and "errorType" in message and has_level:
        return Failure("nodejs-exception", Outcome.ERROR)  # its client, Errors.js
    target = line.get("target")
    if has_level and isinstance(target, str) and target.startswith("lambda_runtime"):
        return Failure("rust-exception", Outcome.ERROR)
    has_error = "errorMessage" in line and "errorType" in line
    return _in_payload(line, has_level=has_level) if has_error else None


def _in_payload(line: Fields, *, has_level: bool) -> Failure | None:
    """Recognise the object that a runtime posts for an error, and writes as well."""
    request_id = line.get("requestId")
    if "message" not in line and isinstance(request_id, str):
        # Python's bootstrap.py, log_error.
        return Failure("python-exception", Outcome.ERROR, request_id)
    if _GO_KEYS.issuperset(line):
        if str(line["errorType"]).startswith(("Function<", "Init<")):
            return Failure("ruby-exception", Outcome.ERROR)
        # Go's client, where the function's logger writes no date.
        return Failure("go-exception", Outcome.ERROR) if _is_go(line) else None
    return Failure("error-object", Outcome.ERROR) if has_level else None


def failure_in_line(record: object, reading: Reading) -> Failure | None:
    """Recognise the line that a runtime or Lambda writes for an unhandled error, a time-out or an exit."""
    level = reading.level
    is_bare = isinstance(record, str) and not reading.objects
    if level is not None and level < Level.ERROR:
        if any(map(_go_object, reading.objects)) or (
            is_bare and "errorMessage" in reading.text and _go_logfmt(reading.text)
        ):
            return Failure("go-exception", Outcome.ERROR)
        # Lambda wraps text as INFO, and a runtime's line may be in it all the same.
        is_wrapped = bool(reading.objects and reading.text) and reading.prefix.level is None
        return _in_text(reading.text, _WRAPPED_RULES) if is_wrapped else None
    for line in reading.objects:
        found = _in_object(line, has_level=level is not None)
        if found is not None:
            return found
    text = reading.text
    if is_bare and text.endswith(_JAVA_END) and not str(record).endswith(_JAVA_END):
        # A colour stood at the end; Java's client writes none.
        text = text.removesuffix(_JAVA_END)
    return _in_text(text, _TEXT_RULES) if is_bare or text else None


def _in_text(text: str, rules: tuple[Rule, ...]) -> Failure | None:
    for reason, outcome, needle, pattern in _LAMBDA_RULES:
        if needle in text and (match := re.fullmatch(pattern, text)):
            return Failure(reason, outcome, match.group(1))
    for reason, needles, found in rules:
        if any(needle in text for needle in needles) and found(text):
            return Failure(reason, Outcome.ERROR)
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
