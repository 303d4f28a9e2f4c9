"""Read what lines of a durable function say of its execution.

The loggers of AWS's SDKs write these keys, at the top of a JSON line (sources: ``logger.py`` of
aws-durable-execution-sdk-python 3.0, ``default-logger.ts`` of the JavaScript SDK, ``DurableLogger.java`` of the Java SDK, which
writes them through a logger's context). ``print`` and ``console`` write none of them.

Pure. Loaded in environments of durable functions alone.
"""

import json
import re
from typing import NamedTuple

from extension.levels.reading import is_wide, object_of
from extension.model.segment import split_events

EXECUTION_FIELDS = ("executionArn", "durableExecutionArn")
"""The execution's ARN: the transaction that all legs of one execution share. Java's SDK 1.x has the second name."""

MAX_CHARS = 512
"""Of an ARN, and of a name. Lambda's own are shorter: the summary must not hold a document."""

_NEEDLE = b"xecutionArn"
_RETRY = re.compile(rb'\battempt\\*": ?\\*"?(?:[2-9]|[1-9][0-9])')


class ExecutionFacts(NamedTuple):
    """Hold what some lines say. The operation is that of the last one; ``is_retry`` tells of a step that failed before."""

    execution_arn: str = ""
    operation_name: str = ""
    is_retry: bool = False


def execution_in(raw: bytes, count: int) -> ExecutionFacts:
    """Read the JSON of ``count`` lines: the last line of the SDK, and one of a step that is tried again."""
    if _NEEDLE not in raw:
        return ExecutionFacts()
    events = [event for event in split_events(raw, count) if _NEEDLE in event]
    last = next(filter(None, map(_facts_of, reversed(events))), ExecutionFacts())
    retries = (_facts_of(event) for event in events if _RETRY.search(event))
    return last._replace(is_retry=any(one is not None and one.is_retry for one in retries))


def _facts_of(event: bytes) -> ExecutionFacts | None:
    """Read one line; return None if the SDK's logger did not write it, and for a wide one."""
    if is_wide(event):
        return None
    try:
        parsed = json.loads(event)
    except (ValueError, RecursionError):
        return None
    line = object_of(parsed.get("record")) if isinstance(parsed, dict) else None
    for place in _places(line or {}):
        arn = next((place[name] for name in EXECUTION_FIELDS if name in place), None)
        if isinstance(arn, str) and arn:
            name, attempt = place.get("operationName"), place.get("attempt")
            return ExecutionFacts(
                arn[:MAX_CHARS],
                name[:MAX_CHARS] if isinstance(name, str) else "",
                _is_over_one(attempt),
            )
    return None


def _places(line: dict[str, object]) -> list[dict[str, object]]:
    """Return the line, and the objects in it, because loggers nest their context under names of their own."""
    return [line, *(value for value in line.values() if isinstance(value, dict))]


def _is_over_one(attempt: object) -> bool:
    """Read a number, or text as Java's context has it. The first attempt at a step is 1."""
    if isinstance(attempt, str) and attempt.isascii() and attempt.isdigit():
        attempt = int(attempt[:9])
    return isinstance(attempt, int) and attempt > 1
