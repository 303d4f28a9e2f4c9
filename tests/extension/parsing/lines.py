"""Lines that must be read, in the forms of the managed runtimes."""

import json
from typing import Any

from extension.parsing import batch as parser
from extension.parsing.batch import Item
from extension.parsing.line import LineRules
from tests.doubles.lambda_events import FIRST, SECOND, TIME, node_line, python_line


def as_json(level: str, request_id: str | None = None, **more: object) -> dict[str, object]:
    """A line of the JSON log format, its time first as all managed runtimes write it."""
    record: dict[str, object] = {"timestamp": TIME, "level": level, "message": "asked", **more}
    if request_id:
        record["requestId"] = request_id
    return record


REMARKABLE: list[Any] = [
    python_line("x", level="ERROR"),
    python_line("x", level="CRITICAL"),
    python_line("x", request_id=SECOND),
    node_line("x", level="ERROR"),
    node_line("x", level="fail"),
    node_line("x", level="crit"),
    node_line("x", request_id=SECOND),
    f"2026-10-12T00:01:15.123456Z\t{FIRST}\tERROR\tmicroseconds",
    f"2026-10-12T00:01:15Z\t{FIRST}\tERROR\tseconds",
    "[error] from Java",
    f"{TIME} {FIRST} Task timed out after 3.00 seconds",
    "boom: a.B\na.B: boom\n\tat c.D.e(D.java:1)\n\n",
    f"E, [2026-10-12T00:01:15 #8] ERROR {FIRST} -- : Ruby",
    "Error raised from handler method",
    f"RequestId: {FIRST} Error: Runtime exited with error: exit status 1",
    "[ERROR] E: x\nTraceback (most recent call last):",
    "LAMBDA_WARNING: Unhandled exception.\r[ERROR] E: x\rTraceback (most recent call last):",
    json.dumps(as_json("ERROR", FIRST)),
    json.dumps(as_json("INFO", SECOND)),
    json.dumps({"context": {"level": "INFO"}, "level": "ERROR"}),
    json.dumps({"timestamp": TIME, "nested": {"level": "INFO"}, "level": "ERROR"}),
    json.dumps({"errorMessage": "x", "errorType": "E"}),
    json.dumps({"_aws": {"CloudWatchMetrics": []}, "level": "INFO"}),
    as_json("ERROR", FIRST),
    as_json("INFO", SECOND),
    as_json("INFO", None, AWSRequestId=SECOND),
    {"timestamp": TIME, "nested": {"level": "INFO"}, "level": "ERROR"},
    {"errorMessage": "x", "errorType": "E"},
    {"level": "INFO", "_aws": {"CloudWatchMetrics": []}},
    {"timestamp": "short", "level": "ERROR"},
]


def read_all(body: bytes, *, rules: LineRules, open_id: bytes) -> list[Item]:
    """Read a batch to its end, the quick way as far as it goes."""
    return list(parser.read_batch(body, rules=rules, open_id=open_id))


def read_exactly(body: bytes, *, rules: LineRules, open_id: bytes) -> list[Item]:
    """Read a batch by decoding each of its events."""
    return list(parser._Batch(body, rules, open_id)._exactly())
