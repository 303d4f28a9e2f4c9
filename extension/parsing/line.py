"""Read one line: its level, the invocation it names, whether it means failure, whether it holds metrics.

Pure. This is for the few lines that :mod:`extension.parsing.batch` could not pass by on their first bytes. A
``function`` record may be text, an object, or any other JSON value, and is one record however many newlines it holds
(AWS: Telemetry API schema reference).
"""

import json
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

# Of Python; of Node.js and .NET; of Ruby. Compiled on first use.
_ID_PATTERNS = (
    rf"\[[A-Za-z ]+[0-9]*\]\t[^\t]{{1,30}}\t{_ID}\t",
    rf"[^\t]{{1,30}}\t{_ID}\t",
    rf"[A-Z], \[[^\]]*\] +[A-Z]+ {_ID} ",
)

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
        level: as :func:`extension.model.levels.level_of` reads it.
        request_ids: every id that the line may name its invocation by, the likeliest first. Only those that Lambda has
            told count, because an application may call its own ids so.
        failure: what the line says of its invocation, None for a healthy line.
        is_emf: whether it holds metrics, so that it is never sampled away.
        is_text: whether it certainly is no JSON.
    """

    level: Level | None
    request_ids: tuple[str, ...]
    failure: Failure | None
    is_emf: bool
    is_text: bool = False


def look_at(record: object, *, rules: LineRules) -> LineFacts:
    """Read one ``function`` record of any JSON type, as decoded from the batch."""
    parsed = object_of(record)
    level = level_of_parsed(record, parsed)
    failure = failure_in_line(record, parsed, level) or failure_by_level(
        level, error_level=rules.error_level
    )
    if failure is None and rules.pattern is not None:
        text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        failure = _PATTERN if rules.pattern(text) else None
    return LineFacts(
        level,
        _request_ids_of(record, parsed),
        failure,
        is_emf=parsed is not None and is_emf(parsed),
        is_text=parsed is None,
    )


def _request_ids_of(record: object, parsed: dict[str, object] | None) -> tuple[str, ...]:
    if parsed is not None:
        found = [parsed.get(key) for key in REQUEST_ID_KEYS]
        return tuple(dict.fromkeys(one for one in found if isinstance(one, str) and one))
    if isinstance(record, str):
        for pattern in _ID_PATTERNS:
            match = re.match(pattern, record)
            if match:
                return (match.group(1),)
    return ()
