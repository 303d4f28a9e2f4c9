"""Turn one environment's log into the INVOKE events and batches that Lambda would have sent.

Promises: lines keep their order; a batch ends between invocations where it can; at most :data:`MAX_BATCH_CHARS` wait.
Lambda does not write everything into a log. The missing parts are restored from REPORT: ``platform.runtimeDone``, and the
trace id in ``platform.start``. An invocation that is open at the end of the log counts as successful.

Pure.
"""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from whatif.logs.platform_lines import Told, header_of, read_platform_line
from whatif.model.events import Logged, Received
from whatif.model.log import Log, Open
from whatif.model.prices import EVENT_BYTES
from whatif.replay.meter import Meter

MAX_BATCH_CHARS = 256 * 1024
"""Lambda posts this much at a time by default (AWS: Telemetry API reference, maxBytes)."""

START_BYTES, END_BYTES, REPORT_BYTES = 78, 52, 138
"""Sizes of Lambda's own lines as text, where a capture has events in their place."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Batch(NamedTuple):
    """One batch, with the INVOKE events before it.

    Attributes:
        invokes: The INVOKE events: request ids, each with its tracing header.
        body: The body as Lambda would have posted it.
    """

    invokes: list[tuple[str, str]]
    body: bytes


@dataclass
class Batcher:
    """Batch the events of one environment's log."""

    log: Log
    ripe_chars: int
    meter: Meter
    _waiting: list[str] = field(default_factory=list)
    _chars: int = 0
    _invokes: list[tuple[str, str]] = field(default_factory=list)
    _open: Open | None = None
    _json_format: bool = False
    _last_time: str = ""

    def take(self, event: Logged | Received) -> Batch | None:
        """Take the next event of the log; return a batch when one is due."""
        before = None
        if isinstance(event, Received):
            self._take_received(event.event)
        else:
            told = read_platform_line(event.message)
            if self._open is not None and self._open.report is not None:
                self._open.timed_out = self._open.timed_out or _is_about(
                    told, "timeout", self._open
                )
                self._finish(self._open)
                before = self._release() if self._chars >= self.ripe_chars else None
            self._take_logged(event, told)
        if before is not None:
            return before
        between = self._open is None or self._open.done
        due = self._chars >= (self.ripe_chars if between else MAX_BATCH_CHARS)
        return self._release() if due else None

    def close(self) -> Batch | None:
        """Finish the open invocation at the end of the log; return the last batch."""
        opened = self._open
        if opened is not None:
            self._finish(opened)
            if not opened.done:
                self.log.cut += 0 if opened.ended else 1
                self._add_done(opened, self._last_time, {})
            self._tell(opened)
        self._open = None
        self.meter.close(self.log)
        return self._release()

    def _release(self) -> Batch | None:
        if not self._waiting:
            return None
        body = f"[{','.join(self._waiting)}]".encode("utf-8", "replace")
        batch = Batch(self._invokes, body)
        self._waiting, self._invokes, self._chars = [], [], 0
        if self._open is not None:
            self._open.start_at = -1
        return batch

    def _see(self, time: str) -> None:
        self.log.see(time)
        if time < self._last_time:
            self.log.disordered += 1
        self._last_time = max(self._last_time, time)

    def _add(self, text: str) -> None:
        self._waiting.append(text)
        self._chars += len(text)

    # Events of CloudWatch Logs ----------------------------------------------------------------------------------

    def _take_logged(self, event: Logged, told: Told | None) -> None:
        time, message = event.time, event.message
        self._see(time)
        log = self.log
        log.is_cloudwatch = True
        log.cloudwatch_bytes += len(message.encode("utf-8", "replace")) + 1 + EVENT_BYTES
        opened = self._open
        if told is None:
            self._take_line(time, message)
            return
        log.platform_lines += 1
        kind = str(told.record.get("type")) if told.kind == "event" else told.kind
        log.starts += kind in _STARTS
        log.ends += kind in _ENDS
        if told.kind == "event":
            self._json_format = self._json_format or "time" in told.record
            self._take_platform({"time": time, **told.record})
        elif told.kind == "start":
            self._begin(time, told.record)
        elif opened is not None and told.request_id == opened.request_id:
            if told.kind == "end":
                opened.ended = time
            elif told.kind == "report":
                opened.report = time, told.record
            opened.fault = opened.fault or told.kind == "fault"
            opened.timed_out = opened.timed_out or told.kind == "timeout"
        elif told.kind == "report":
            self._add(_event_text(time, "platform.report", told.record))

    def _take_line(self, time: str, message: str) -> None:
        self.log.lines += 1
        self.log.outside += self._open is None
        if self._json_format and message.startswith("{"):
            try:
                record = json.loads(message)
            except (ValueError, RecursionError):
                pass
            else:
                # With the JSON log format Lambda delivers a JSON object as an object.
                message = message if "\n" not in message else _encode(record)
                self._add(f'{{"time":"{time}","type":"function","record":{message}}}')
                return
        text = _encode(message + "\n")
        self._add(f'{{"time":"{time}","type":"function","record":{text}}}')

    # Events of the Logs and Telemetry API -----------------------------------------------------------------------

    def _take_received(self, event: dict[str, Any]) -> None:
        kind, record = event["type"], event["record"]
        time = event.get("time")
        time = time if isinstance(time, str) else ""
        self._see(time)
        if "weight" in event:
            self._take_own(time, kind, event)
        if kind == "flightRecorder.invocation":
            self._take_own_summary(time, record)
        elif kind in ("function", "extension"):
            text = record if isinstance(record, str) else _encode(record)
            self.log.lines += kind == "function"
            self.log.outside += kind == "function" and self._open is None
            self.log.cloudwatch_bytes += len(text.encode("utf-8", "replace")) + EVENT_BYTES
            self._add(_event_text(time, kind, record))
        elif kind.startswith("platform."):
            self._take_platform({"time": time, "type": kind, "record": record})
            written = {"platform.start": (START_BYTES,), "platform.report": _REPORTED}.get(kind, ())
            self.log.platform_lines += len(written)
            self.log.cloudwatch_bytes += sum(size + EVENT_BYTES for size in written)

    def _take_platform(self, event: dict[str, Any]) -> None:
        time, kind, record = event["time"], event["type"], event["record"]
        request_id = record.get("requestId") if isinstance(record, dict) else None
        opened = self._open
        if kind == "platform.initStart" and isinstance(record, dict):
            self.meter.begin_init()
            name = record.get("functionName")
            self.log.function = name if isinstance(name, str) else self.log.function
        if kind == "platform.start" and isinstance(request_id, str):
            self._begin(time, record)
            return
        if opened is not None and request_id == opened.request_id:
            if kind == "platform.report":
                opened.report = time, record
                self._finish(opened)
                return
            opened.done = opened.done or kind == "platform.runtimeDone"
            opened.header = opened.header or header_of(record)
            if kind == "platform.runtimeDone":
                self._tell(opened)
        self._add(_event_text(time, kind, record))

    def _take_own(self, time: str, kind: str, event: dict[str, Any]) -> None:
        """Take a record of Flight Recorder, which names its invocation; most often its start is missing."""
        self.log.sampled += event.get("reason") != "archive"
        request_id, trace_id = event.get("requestId"), event.get("traceId")
        opened = self._open
        is_known = opened is not None and opened.request_id == request_id
        if isinstance(request_id, str) and not is_known and kind != "platform.start":
            record: dict[str, Any] = {"requestId": request_id, "version": event.get("version", "")}
            if isinstance(trace_id, str):
                record["tracing"] = {"type": "X-Amzn-Trace-Id", "value": f"Root={trace_id}"}
            self._begin(time, record)
            self.log.cloudwatch_bytes += START_BYTES + EVENT_BYTES

    def _take_own_summary(self, time: str, record: object) -> None:
        opened = self._open
        outcome = record.get("outcome") if isinstance(record, dict) else None
        if opened is None or opened.done or not isinstance(record, dict):
            return
        status, error_type = _STATUS_OF.get(str(outcome), ("success", ""))
        told: dict[str, Any] = {"metrics": {"durationMs": record.get("durationMs")}}
        told["status"] = status
        if error_type:
            told["errorType"] = error_type
        self._add_done(opened, time, told)

    # The invocation ---------------------------------------------------------------------------------------------

    def _begin(self, time: str, record: dict[str, Any]) -> None:
        before = self._open
        if before is not None:
            if before.ended and not before.done:
                self._add_done(before, before.ended, {})
            self._tell(before)
        self.meter.begin(time)
        start = {"time": time, "type": "platform.start", "record": record}
        self._open = Open(record["requestId"], start, len(self._waiting), header=header_of(record))
        self._add(_encode(start))

    def _tell(self, opened: Open) -> None:
        if not opened.told:
            opened.told = True
            self._invokes.append((opened.request_id, opened.header))

    def _add_done(self, opened: Open, time: str, report: dict[str, Any]) -> None:
        """Restore ``platform.runtimeDone`` from the end that REPORT describes."""
        record = {"requestId": opened.request_id, **_ending_of(opened, report)}
        metrics = report.get("metrics")
        duration_ms = metrics.get("durationMs") if isinstance(metrics, dict) else None
        if duration_ms is not None:
            record["metrics"] = {"durationMs": duration_ms}
        opened.done = True
        self._tell(opened)
        self._add(_event_text(time, "platform.runtimeDone", record))

    def _finish(self, opened: Open) -> None:
        """Add the report that was held back, behind the events that are restored from it."""
        if opened.report is None:
            return
        (time, record), opened.report = opened.report, None
        self.meter.report(record)
        opened.header = opened.header or header_of(record)
        if opened.start_at >= 0 and opened.header and not header_of(opened.start["record"]):
            tracing = record.get("tracing") or {"type": "X-Amzn-Trace-Id", "value": opened.header}
            opened.start["record"]["tracing"] = tracing
            self._waiting[opened.start_at] = _encode(opened.start)
        if not opened.done:
            self._add_done(opened, opened.ended or time, record)
        self._tell(opened)
        self._add(_event_text(time, "platform.report", {**record, **_ending_of(opened, record)}))


def _ending_of(opened: Open, report: dict[str, Any]) -> dict[str, Any]:
    """Return an invocation's status and error type, from REPORT or from older lines of Lambda."""
    status, error_type = report.get("status", "success"), report.get("errorType")
    if opened.timed_out:
        return {"status": "timeout"}
    if opened.fault and status == "success":
        status, error_type = "error", "Runtime.ExitError"
    return {"status": status, "errorType": error_type} if error_type else {"status": status}


_STARTS = frozenset({"start", "platform.start"})
_ENDS = frozenset({"end", "report", "platform.runtimeDone", "platform.report"})

_REPORTED = (END_BYTES, REPORT_BYTES)
_STATUS_OF = {
    "timeout": ("timeout", ""),
    "crash": ("error", "Runtime.ExitError"),
    "out-of-memory": ("error", "Runtime.OutOfMemory"),
}
"""An error has a line of its own, and a failed init an event of its own."""


def _is_about(told: Told | None, kind: str, opened: Open) -> bool:
    return told is not None and told.kind == kind and told.request_id == opened.request_id


def _event_text(time: str, kind: str, record: object) -> str:
    return _encode({"time": time, "type": kind, "record": record})
