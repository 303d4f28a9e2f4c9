"""Read one line: its level, the invocation it names, whether it means failure, whether it holds metrics.

Pure. This is for the few lines that :mod:`extension.parsing.batch` could not pass by on their first bytes. A
``function`` record may be text, an object, or any other JSON value, and is one record however many newlines it holds
(AWS: Telemetry API schema reference).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from extension.model.levels import Level, level_of_parsed, object_of
from extension.model.record import is_emf
from extension.parsing.failures import Failure, Outcome, failure_by_level, failure_in_line

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

# Compiled on first use.
_PYTHON_ID = rf"\[[A-Za-z ]+[0-9]*\]\t[^\t]{{1,30}}\t{_ID}\t"

_TABBED_ID = rf"[^\t]{{1,30}}\t{_ID}\t"

_RUBY_ID = rf"[A-Z], \[[^\]]*\] +[A-Z]+ {_ID} "

_PATTERN = Failure("pattern", Outcome.ERROR)


class LineRules(NamedTuple):
    """Define which lines are remarkable.

    Attributes:
        error_level: a line at or above it is a failure; ``levels.OFF`` for no line.
        pattern: ERROR_PATTERN's search, or None.
        by_id_only: whether every line's id is wanted, as on Managed Instances, where invocations interleave.
    """

    error_level: int = Level.ERROR
    pattern: Callable[[str], object] | None = None
    by_id_only: bool = False


class LineFacts(NamedTuple):
    """Hold what :func:`look_at` found in one line.

    Attributes:
        level: None where nothing tells.
        request_id: the invocation that the line names; empty where it names none.
        failure: the sign of failure, if the line is one.
        is_emf: whether it is in CloudWatch's embedded metric format.
        is_text: whether it is no JSON object.
    """

    level: Level | None
    request_id: str
    failure: Failure | None
    is_emf: bool
    is_text: bool = False


def request_id_of(record: object, parsed: dict[str, object] | None) -> str:
    """Return the request id that a line names; empty where it names none."""
    if parsed is not None:
        for key in REQUEST_ID_KEYS:
            value = parsed.get(key)
            if isinstance(value, str) and value:
                return value
        return ""
    if isinstance(record, str):
        for pattern in (_PYTHON_ID, _TABBED_ID, _RUBY_ID):
            match = re.match(pattern, record)
            if match:
                return match.group(1)
    return ""


def look_at(record: object, *, rules: LineRules, text: str | None = None) -> LineFacts:
    """Read one ``function`` record of any JSON type.

    Args:
        record: as decoded from the batch.
        rules: what makes the line a failure.
        text: the record as JSON text, for the pattern to search where the record is not a string.
    """
    parsed = object_of(record)
    level = level_of_parsed(record, parsed)
    failure = failure_in_line(record, parsed, level) or failure_by_level(
        level, error_level=rules.error_level
    )
    if failure is None and rules.pattern is not None:
        searched = record if isinstance(record, str) else text
        if searched is not None and rules.pattern(searched):
            failure = _PATTERN
    return LineFacts(
        level,
        request_id_of(record, parsed),
        failure,
        is_emf=parsed is not None and is_emf(parsed),
        is_text=parsed is None,
    )
