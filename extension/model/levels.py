"""The level of a line: from the keys of a JSON line first, then from the prefix that a runtime writes.

A level is never looked for in the text of a message: searching for the word "error" is what makes other tools call
a healthy line a failure. Assumes the line formats of the managed runtimes as their runtime interface clients write
them (AWS: "Sending Lambda function logs to CloudWatch Logs", per language).
"""

import json
import re
from enum import IntEnum


class Level(IntEnum):
    """Severity, with the numbers of OpenTelemetry's log data model (SeverityNumber)."""

    TRACE = 1
    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21


OFF = 100
"""As ERROR_LEVEL: above every level, so that no line's level makes an invocation a failed one."""

LEVEL_NAMES: dict[str, Level] = {
    # .NET shortens its levels to four letters in text (aws-lambda-dotnet, ConsoleLoggerWriter).
    **dict.fromkeys(("trace", "trce", "verbose", "finest"), Level.TRACE),
    **dict.fromkeys(("debug", "dbug", "fine", "finer"), Level.DEBUG),
    **dict.fromkeys(("info", "information", "informational", "notice", "config"), Level.INFO),
    **dict.fromkeys(("warn", "warning"), Level.WARN),
    **dict.fromkeys(("error", "err", "fail", "severe"), Level.ERROR),
    **dict.fromkeys(
        ("fatal", "critical", "crit", "alert", "emerg", "emergency", "panic", "dpanic"), Level.FATAL
    ),
}

LEVEL_KEYS = (
    "level",
    "log_level",
    "severity",
    "severityText",
    "levelname",
    "lvl",
    "@l",
    "loglevel",
    "logLevel",
)
"""In the order in which they are believed. Python's client wrote ``log_level`` for unhandled errors for years
(aws-lambda-python-runtime-interface-client, issue 202)."""

_PINO_STEP = 10
_PINO_FATAL = 60

_BRACKETED = re.compile(r"\[([A-Za-z]+)\][ \t]")
_TABBED = re.compile(r"\d{4}-\d\d-\d\dT[^\t]{1,20}\t[^\t]*\t([A-Za-z]+)\t")
_RUBY = re.compile(r"[A-Z], \[[^\]]*\] +([A-Z]+) ")


def level_named(word: object) -> Level | None:
    """Reads a level's name in any case, or a number as pino and bunyan write it (10 to 60)."""
    if isinstance(word, str):
        return LEVEL_NAMES.get(word.strip().lower())
    if isinstance(word, int) and not isinstance(word, bool) and _PINO_STEP <= word <= _PINO_FATAL:
        return tuple(Level)[word // _PINO_STEP - 1]
    return None


def level_of_object(line: dict[str, object]) -> Level | None:
    """Reads the level of a JSON line; an object that carries an error and names no level is an error."""
    for key in LEVEL_KEYS:
        if key in line:
            level = level_named(line[key])
            if level is not None:
                return level
    if "errorType" in line and ("stackTrace" in line or "stack" in line):
        return Level.ERROR
    return None


def level_of_text(line: str) -> Level | None:
    """Reads the level from the prefix of a text line.

    The forms: ``[LEVEL]`` (Python, Java), ``time TAB request id TAB LEVEL TAB`` (Node.js, .NET), and Ruby's Logger.
    """
    match = _BRACKETED.match(line) or _TABBED.match(line) or _RUBY.match(line)
    return level_named(match.group(1)) if match else None


def parse_object(line: str) -> dict[str, object] | None:
    """Parses a text line that holds one JSON object; None for anything else."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def level_of(record: object) -> Level | None:
    """Reads the level of a ``function`` record of any JSON type; None where nothing tells."""
    if isinstance(record, dict):
        return level_of_object(record)
    if isinstance(record, str):
        parsed = parse_object(record)
        return level_of_text(record) if parsed is None else level_of_object(parsed)
    return None
