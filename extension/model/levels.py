"""Read a line's level: from the keys of a JSON line, or from the prefix that a runtime writes.

A message's text is never searched for a level: other tools that search for the word "error" call healthy lines
failures. The line formats are those of the managed runtimes' interface clients (AWS: "Sending Lambda function logs to
CloudWatch Logs", for each language).
"""

import json
import re
from enum import IntEnum


class Level(IntEnum):
    """Number severities as OpenTelemetry's log data model does (SeverityNumber)."""

    TRACE = 1
    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21


OFF = 100
"""ERROR_LEVEL above every level: no line's level makes an invocation a failed one."""

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

# Compiled on first use: most lines never need them.
_BRACKETED = r"\[([A-Za-z]+)\][ \t]"
_TABBED = r"\d{4}-\d\d-\d\dT[^\t]{1,20}\t[^\t]*\t([A-Za-z]+)\t"
_RUBY = r"[A-Z], \[[^\]]*\] +([A-Z]+) "


def level_named(word: object) -> Level | None:
    """Read a level's name, or its number as pino and bunyan write it (10 to 60)."""
    if isinstance(word, str):
        return LEVEL_NAMES.get(word.strip().lower())
    if isinstance(word, int) and not isinstance(word, bool) and _PINO_STEP <= word <= _PINO_FATAL:
        return tuple(Level)[word // _PINO_STEP - 1]
    return None


def level_of_object(line: dict[str, object]) -> Level | None:
    """Read the level of a JSON line. An object that carries an error and names no level is at ERROR."""
    for key in LEVEL_KEYS:
        if key in line:
            level = level_named(line[key])
            if level is not None:
                return level
    if "errorType" in line and ("stackTrace" in line or "stack" in line):
        return Level.ERROR
    return None


def level_of_text(line: str) -> Level | None:
    """Read the level from the prefix of a text line.

    The forms are ``[LEVEL]`` (Python, Java), ``time TAB request id TAB LEVEL TAB`` (Node.js, .NET), and Ruby's Logger.
    """
    match = re.match(_BRACKETED, line) or re.match(_TABBED, line) or re.match(_RUBY, line)
    return level_named(match.group(1)) if match else None


def parse_object(line: str) -> dict[str, object] | None:
    """Parse a text line that holds one JSON object; return None for any other line."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def object_of(record: object) -> dict[str, object] | None:
    """Return the object that a record is or holds as text; None for other records."""
    if isinstance(record, dict):
        return record
    return parse_object(record) if isinstance(record, str) else None


def level_of(record: object) -> Level | None:
    """Read the level of a ``function`` record of any JSON type; None where nothing tells."""
    return level_of_parsed(record, object_of(record))


def level_of_parsed(record: object, parsed: dict[str, object] | None) -> Level | None:
    """Read the level of a record whose object, if it has one, is parsed already."""
    if parsed is not None:
        return level_of_object(parsed)
    return level_of_text(record) if isinstance(record, str) else None
