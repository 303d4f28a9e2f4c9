"""Write the lines that the event asks for, and end in the way that it names."""
# ruff: noqa: INP001
# What becomes /var/task is no package.

import os
import sys
import time
from pathlib import Path
from typing import Any

MARK = Path("/tmp/flight-recorder-prove")  # noqa: S108 - Lambda's folder for the function's files


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Write the lines, and fail or answer with what an earlier invocation left in /tmp."""
    stem, count, way = event["stem"], event["count"], event["way"]
    stream = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
    before = MARK.read_text("utf-8") if MARK.exists() else ""
    MARK.write_text(f"{event['label']} {stream}", "utf-8")
    for number in range(1, count + 1):
        print(f"{stem} line {number} of {count}", flush=True)
    if way == "error-line":
        print(f"[ERROR] {stem} error line", flush=True)
    elif way == "exception":
        raise LookupError(f"made to fail: {event['label']}")
    elif way == "timeout":
        time.sleep(900)
    elif way == "exit":
        sys.exit(3)
    elif way == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(8_000_000))
    return {"before": before, "stream": stream, "requestId": context.aws_request_id}
