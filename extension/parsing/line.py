"""What one line tells: its level, the invocation it names, whether it means failure, whether it holds metrics.

Pure. Used for the lines that :mod:`extension.parsing.batch` could not pass by on their first bytes; most lines never come
here. Assumes of AWS: a ``function`` record may be text, an object, or any other JSON value (AWS: Telemetry API
schema reference), and is one record however many newlines it holds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from extension.model.levels import Level, parse_object
from extension.model.record import is_emf
from extension.parsing.failures import (
    Failure,
    Outcome,
    failure_by_level,
    failure_in_line,
    level_of_line,
)

REQUEST_ID_KEYS = (
    "requestId",
    "AWSRequestId",
    "function_request_id",
    "aws_request_id",
    "awsRequestId",
    "request_id",
)
"""Where JSON lines name the request: Python, Node.js and .NET; Java; Powertools; common loggers."""

_ID = r"([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"

_PYTHON_ID = re.compile(rf"\[[A-Za-z ]+[0-9]*\]\t[^\t]{{1,30}}\t{_ID}\t")

_TABBED_ID = re.compile(rf"[^\t]{{1,30}}\t{_ID}\t")

_RUBY_ID = re.compile(rf"[A-Z], \[[^\]]*\] +[A-Z]+ {_ID} ")

_PATTERN = Failure("pattern", Outcome.ERROR)


@dataclass(frozen=True, slots=True)
class LineRules:
    """What a line is held against.

    Attributes:
        error_level: a line at or above it is a failure; ``levels.OFF`` for none.
        pattern: ERROR_PATTERN's search, or None.
        by_id_only: Managed Instances: lines of several invocations interleave, so every line's id is wanted.
    """

    error_level: int = Level.ERROR
    pattern: Callable[[str], object] | None = None
    by_id_only: bool = False


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What :func:`look_at` found in one line."""

    level: Level | None
    request_id: str
    failure: Failure | None
    is_emf: bool


def request_id_of(record: object, parsed: dict[str, object] | None) -> str:
    """Gives the request id that a line names; empty where it names none."""
    if parsed is not None:
        for key in REQUEST_ID_KEYS:
            value = parsed.get(key)
            if isinstance(value, str) and value:
                return value
        return ""
    if isinstance(record, str):
        match = _PYTHON_ID.match(record) or _TABBED_ID.match(record) or _RUBY_ID.match(record)
        if match:
            return match.group(1)
    return ""


def look_at(record: object, *, rules: LineRules, text: str | None = None) -> LineFacts:
    """Reads one ``function`` record of any JSON type.

    Args:
        record: as decoded from the batch.
        rules: what makes the line a failure.
        text: the record as JSON text, for the pattern to search where the record is no string.
    """
    parsed = (
        record
        if isinstance(record, dict)
        else parse_object(record)
        if isinstance(record, str)
        else None
    )
    level = level_of_line(record, parsed)
    failure = failure_in_line(record, parsed) or failure_by_level(
        level, error_level=rules.error_level
    )
    if failure is None and rules.pattern is not None:
        searched = record if isinstance(record, str) else text
        if searched is not None and rules.pattern(searched):
            failure = _PATTERN
    return LineFacts(level, request_id_of(record, parsed), failure, is_emf(parsed))
