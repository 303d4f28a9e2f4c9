"""Make batches as Lambda posts them: compact JSON, keys in Go's order, within the subscribed size.

Pure. The lines have the forms that Lambda's runtimes write (seen from awslambdaric 4 and the Node.js runtime client), and two that
loggers write: Python's with a formatter of one's own, and logfmt as Go's slog has it.
"""

import json
from collections.abc import Callable
from typing import Any

MAX_RECORDS = 1000
MAX_BYTES = 262_144
"""The layer subscribes with these; they are the smallest that Lambda accepts (AWS: Logs API)."""

TIME = "2026-11-24T12:00:00.000Z"
ENVELOPE_BYTES = len(f'{{"time":"{TIME}","type":"function","record":""}},')

_FILLER = "the quick brown fox jumps over the lazy dog, order accepted and on its way; " * 40


def request_id(number: int) -> str:
    """Return the request id of an invocation by its number."""
    return f"{number:08x}-5717-4562-b3fc-2c963f66afa6"


def event(kind: str, record: object) -> str:
    """Return one event as compact JSON."""
    return f'{{"time":"{TIME}","type":"{kind}","record":{_compact(record)}}}'


def init_done() -> list[str]:
    """Return the events of an init: Lambda sends them when the runtime and all extensions have asked for an event."""
    record = {"initializationType": "on-demand", "phase": "init", "status": "success"}
    return [
        event("platform.initRuntimeDone", record),
        event("platform.initReport", {**record, "metrics": {"durationMs": 12.5}}),
    ]


def start(identifier: str) -> str:
    """Return a ``platform.start`` event."""
    return event("platform.start", {"requestId": identifier, "version": "$LATEST"})


def runtime_done(identifier: str) -> str:
    """Return a ``platform.runtimeDone`` event. Lambda reports success whether the handler returned or raised."""
    return event("platform.runtimeDone", {"requestId": identifier, "status": "success"})


def report(identifier: str) -> str:
    """Return a ``platform.report`` event."""
    metrics = {
        "durationMs": 12.5,
        "billedDurationMs": 13,
        "memorySizeMB": 128,
        "maxMemoryUsedMB": 64,
    }
    return event("platform.report", {"requestId": identifier, "metrics": metrics})


def error_line(identifier: str) -> str:
    """Return the line that Python's runtime writes for an uncaught exception."""
    return event(
        "function",
        f"[ERROR]\t{TIME}\t{identifier}\tValueError: no such order\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/app.py", line 12, in handler\n',
    )


def _python(number: int, size: int, identifier: str) -> str:
    return _filled(f"[INFO]\t{TIME}\t{identifier}\t{number:07d} ", size)


def _print(number: int, size: int, identifier: str) -> str:  # noqa: ARG001 - a print has no id
    return _filled(f"{number:07d} ".translate(_LETTERS), size)


def _node(number: int, size: int, identifier: str) -> str:
    return _filled(f"{TIME}\t{identifier}\tINFO\t{number:07d} ", size)


def _formatter(number: int, size: int, identifier: str) -> str:  # noqa: ARG001 - it has no id
    return _filled(
        f"2026-11-24 {_clock(number)},{number % 1000:03d} - orders - INFO - {number:07d} ", size
    )


def _logfmt(number: int, size: int, identifier: str) -> str:  # noqa: ARG001 - it has no id
    return _filled(f'time=2026-11-24T{_clock(number)}.000Z level=INFO msg="{number:07d} ', size)


def _clock(number: int) -> str:
    return f"12:{number // 60 % 60:02d}:{number % 60:02d}"


def _json_text(number: int, size: int, identifier: str) -> str:
    return _compact(_json_object(number, size, identifier))


def _json_object(number: int, size: int, identifier: str) -> dict[str, str]:
    record = {
        "timestamp": TIME,
        "level": "INFO",
        "message": f"{number:07d} ",
        "logger": "orders",
        "requestId": identifier,
    }
    missing = max(size - len(_compact(record)), 0)
    record["message"] += _FILLER[:missing]
    return record


_LETTERS = str.maketrans("0123456789", "abcdefghij")
"""A line that begins with a digit could be Node's; a print seldom does."""


def _filled(text: str, size: int) -> str:
    return text + _FILLER[: max(size - len(text) - 1, 0)] + "\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


FORMS: dict[str, Callable[[int, int, str], Any]] = {
    "python": _python,
    "print": _print,
    "node": _node,
    "formatter": _formatter,
    "logfmt": _logfmt,
    "json text": _json_text,
    "json object": _json_object,
}


def lines(form: str, *, count: int, line_bytes: int, identifier: str, first: int = 0) -> list[str]:
    """Return ``function`` events.

    Args:
        form: a key of ``FORMS``.
        count: how many.
        line_bytes: of each record; a form that is longer by itself stays so.
        identifier: the request id that lines of some forms carry.
        first: the number of the first line, so that no two are alike.
    """
    make = FORMS[form]
    return [
        event("function", make(number, line_bytes, identifier))
        for number in range(first, first + count)
    ]


def bodies(events: list[str]) -> list[bytes]:
    """Cut events into bodies as Lambda does: at the subscribed number of records or bytes."""
    cut: list[bytes] = []
    held: list[str] = []
    size = 0
    for each in events:
        if held and (len(held) == MAX_RECORDS or size + len(each) + 1 > MAX_BYTES):
            cut.append(body(held))
            held, size = [], 0
        held.append(each)
        size += len(each) + 1
    if held:
        cut.append(body(held))
    return cut


def body(events: list[str]) -> bytes:
    """Return one body of these events."""
    return f"[{','.join(events)}]".encode()


def invocation(number: int, *, line_count: int, failed: bool = False) -> bytes:
    """Return a whole short invocation as one body, as a busy function's arrive.

    The report of the invocation before it comes first.
    """
    identifier = request_id(number)
    events = [report(request_id(number - 1))] if number else []
    events.append(start(identifier))
    events += lines("python", count=line_count - failed, line_bytes=120, identifier=identifier)
    if failed:
        events.append(error_line(identifier))
    events.append(runtime_done(identifier))
    return body(events)
