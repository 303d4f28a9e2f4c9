"""Batches as Lambda writes them, for the tests of what reads them."""

import json
from collections.abc import Iterable

FIRST = "459921b5-681c-4a96-beb0-81e0aa586026"
SECOND = "6f7f0961-f834-4211-8a7a-f6fe80b88d56"
THIRD = "11111111-2222-4333-8444-555555555555"
TIME = "2026-10-12T00:01:15.123Z"
TRACE = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"


def event(kind: str, record: object, *, time: str = TIME) -> dict[str, object]:
    """One element of a batch."""
    return {"time": time, "type": kind, "record": record}


def line(record: object, *, time: str = TIME) -> dict[str, object]:
    """A ``function`` record."""
    return event("function", record, time=time)


def start(request_id: str = FIRST, *, time: str = TIME) -> dict[str, object]:
    """``platform.start`` as the Logs API has it."""
    return event("platform.start", {"requestId": request_id, "version": "$LATEST"}, time=time)


def done(request_id: str = FIRST, *, status: str = "success", **more: object) -> dict[str, object]:
    """``platform.runtimeDone``."""
    return event("platform.runtimeDone", {"requestId": request_id, "status": status, **more})


def report(request_id: str = FIRST, **more: object) -> dict[str, object]:
    """``platform.report``."""
    metrics = {"durationMs": 2.5, "billedDurationMs": 3, "memorySizeMB": 128, "maxMemoryUsedMB": 40}
    return event("platform.report", {"requestId": request_id, "metrics": metrics, **more})


def batch(events: Iterable[object]) -> bytes:
    """A batch in the compact form of Go's encoder."""
    return json.dumps(list(events), separators=(",", ":"), ensure_ascii=False).encode()


def python_line(message: str, *, level: str = "INFO", request_id: str = FIRST) -> str:
    """What Python's runtime client writes for a logging call in text format."""
    return f"[{level}]\t{TIME}\t{request_id}\t{message}\n"


def node_line(message: str, *, level: str = "INFO", request_id: str = FIRST) -> str:
    """What Node.js's runtime client writes for a console call in text format."""
    return f"{TIME}\t{request_id}\t{level}\t{message}\n"
