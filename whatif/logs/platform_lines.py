"""Parse the lines that Lambda writes into a function's log, back into platform events.

Pure. Assumes of AWS: ``START``, ``END`` and ``REPORT RequestId: ...`` frame an invocation; ``REPORT`` has ``Status`` and
``Error Type`` where it failed, and ``XRAY TraceId`` on a second line where it was traced; ``INIT_START``,
``INIT_REPORT``, ``RESTORE_...``, ``EXTENSION``, ``LOGS`` and ``TELEMETRY`` belong to the environment (AWS: Lambda
programming model, "Sending Lambda function logs to CloudWatch Logs"); with the JSON log format each is the event of the
Telemetry API. ``RequestId: ... Error: Runtime exited`` reports the death of a process. Before REPORT had a ``Status``,
``... Task timed out after`` behind it reported a timeout.
"""

import json
import re
from typing import Any, NamedTuple


class Told(NamedTuple):
    """The content of one of Lambda's own lines.

    Attributes:
        kind: ``start``, ``end``, ``report``, ``fault``, ``timeout``, ``event`` (the record is a whole event) or
            ``other``.
        request_id: Its invocation; empty without one.
        record: The record of the platform event.
    """

    kind: str
    request_id: str
    record: dict[str, Any]


_STARTS = (
    *("START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "RequestId: "),
    *("INIT_START ", "INIT_REPORT ", "RESTORE_START ", "RESTORE_REPORT "),
    *("EXTENSION\t", "LOGS\t", "TELEMETRY\t", "EXTENSION Name", "LOGS Name", "TELEMETRY Name"),
)
_KIND = {"START": "start", "END": "end", "REPORT": "report"}
_FIELD = re.compile(
    r"(Billed Restore Duration|Billed Duration|Init Duration|Restore Duration|Duration|Memory Size|Max Memory Used"
    r"|Status|Error Type|XRAY TraceId|SegmentId|Sampled|Phase|Version): (\S+)"
)
_METRICS = (
    ("Duration", "durationMs"),
    ("Billed Duration", "billedDurationMs"),
    ("Memory Size", "memorySizeMB"),
    ("Max Memory Used", "maxMemoryUsedMB"),
    ("Init Duration", "initDurationMs"),
    ("Restore Duration", "restoreDurationMs"),
)
_TIMEOUT = re.compile(r"\S+ (\S+) Task timed out after [\d.]+ seconds\s*$")
_FAULT = re.compile(r"RequestId: (\S+)\s+(?:Error: |Process exited|Status: )")
_MAX_TYPE_AT = 120
"""The type of a platform event stands within these characters of a JSON line, behind its time."""


def read_platform_line(message: str) -> Told | None:
    """Parse an event's message; return None for a line of the function."""
    if message.startswith(_STARTS):
        return _read_text(message)
    if message.startswith("{") and '"platform.' in message[:_MAX_TYPE_AT]:
        return _read_json(message)
    if "Task timed out" in message:
        match = _TIMEOUT.match(message)
        return Told("timeout", match.group(1), {}) if match is not None else None
    return None


def _read_text(message: str) -> Told | None:
    word, _, rest = message.partition(" ")
    kind = _KIND.get(word)
    fields = dict(_FIELD.findall(rest))
    if kind is not None:
        request_id = rest.split(None, 2)[1] if len(rest.split(None, 2)) > 1 else ""
        if kind == "start":
            record = {"requestId": request_id, "version": fields.get("Version", "$LATEST")}
            return Told(kind, request_id, record)
        return Told(kind, request_id, report_record(request_id, fields) if kind == "report" else {})
    if word == "RequestId:":
        match = _FAULT.match(message)
        return Told("fault", match.group(1), {}) if match is not None else None
    if word == "INIT_REPORT":
        return _environment("platform.initReport", _init_record(fields))
    if word == "INIT_START":
        told = {"initializationType": "on-demand", "runtimeVersion": fields.get("Version", "")}
        return _environment("platform.initStart", told)
    return Told("other", "", {})


def _environment(kind: str, record: dict[str, Any]) -> Told:
    return Told("event", "", {"type": kind, "record": record})


def _init_record(fields: dict[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "initializationType": "on-demand",
        "phase": fields.get("Phase", "init"),
        "status": fields.get("Status", "success"),
        "metrics": {"durationMs": _number(fields.get("Init Duration", "0"))},
    }
    if "Error Type" in fields:
        record["errorType"] = fields["Error Type"]
    return record


def report_record(request_id: str, fields: dict[str, str]) -> dict[str, Any]:
    """Return the record of ``platform.report`` for the fields of a REPORT line."""
    metrics = {name: _number(fields[title]) for title, name in _METRICS if title in fields}
    record: dict[str, Any] = {"requestId": request_id, "metrics": metrics}
    if "Status" in fields:
        record["status"] = fields["Status"]
    if "Error Type" in fields:
        record["errorType"] = fields["Error Type"]
    if "XRAY TraceId" in fields:
        segment = fields.get("SegmentId", "")
        sampled = int(fields.get("Sampled", "") == "true")
        value = f"Root={fields['XRAY TraceId']};Parent={segment};Sampled={sampled}"
        record["tracing"] = {"spanId": segment, "type": "X-Amzn-Trace-Id", "value": value}
    return record


def header_of(record: dict[str, Any]) -> str:
    """Return the ``X-Amzn-Trace-Id`` header in a platform event's record; empty without one."""
    tracing = record.get("tracing")
    value = tracing.get("value") if isinstance(tracing, dict) else None
    return value if isinstance(value, str) else ""


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return int(number) if number.is_integer() else number


def _read_json(message: str) -> Told | None:
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return None
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str) or not kind.startswith("platform.") or "record" not in event:
        return None
    return Told("event", "", event)
