"""What the extension sent to CloudWatch Logs in a golden scenario, with ids and times that look real.

``tests/golden/expected`` has requests as they left the process; ids in them are numbered.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

EXPECTED = Path(__file__).resolve().parents[1] / "golden" / "expected"

FIRST_MS = 1_795_521_600_000
"""Of the scenarios: 2026-11-24T12:00:00Z."""


class Written(NamedTuple):
    """Log events of one stream."""

    group: str
    stream: str
    events: list[dict[str, Any]]


def request_id(number: int) -> str:
    """Give the id of a request of the scenario."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def trace_id(number: int, digits: str = "00000000000000") -> str:
    """Give the id of a trace of the scenario."""
    return f"1-{number:08x}-{number:010x}{digits}"


def _real(text: str) -> str:
    text = re.sub(r"<request (\d+)>", lambda found: request_id(int(found[1])), text)
    return re.sub(r"<trace (\d+) (\w+)>", lambda found: trace_id(int(found[1]), found[2]), text)


@cache
def _expected(scenario: str) -> str:
    return _real((EXPECTED / f"{scenario}.txt").read_text("utf-8"))


def written_to_cloudwatch(scenario: str, *, shift_ms: int = 0) -> Written:
    """Give the events that a scenario's sink put, moved in time."""
    events: list[dict[str, Any]] = []
    group = stream = ""
    for block in re.split(r"^POST / ", _expected(scenario), flags=re.MULTILINE):
        # The expectation breaks a body into lines between its events.
        body = "".join(block.partition("\n\n")[2].partition("\n(no newline")[0].split("\n"))
        if '"logEvents"' in body:
            request = json.loads(body)
            group, stream = request["logGroupName"], request["logStreamName"]
            events += request["logEvents"]
    assert events
    return Written(group, stream, [_moved(event, shift_ms) for event in events])


def _moved(event: dict[str, Any], shift_ms: int) -> dict[str, Any]:
    message = re.sub(
        r'("(?:first|last)Timestamp":)(\d+)',
        lambda found: f"{found[1]}{int(found[2]) + shift_ms}",
        event["message"],
    )
    return {"timestamp": event["timestamp"] + shift_ms, "message": message}


def written_to_file(scenario: str) -> str:
    """Give the NDJSON that a scenario's file sink wrote."""
    lines = [line for line in _expected(scenario).split("\n") if line.startswith('{"time":')]
    return "\n".join(lines) + "\n"
