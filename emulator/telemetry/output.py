"""Collect the lines of the function, the extensions and the platform, and CloudWatch's copy of them.

CloudWatch gets every line, with or without subscribers (AWS "Lambda Logs API"). With the JSON format and a level, the
platform drops raw stdout lines below that level from the copy (AWS "Configuring advanced logging controls"). Here
subscribers get them all the same; AWS documents it neither way.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from emulator.machine.frames import Line, RawRecord
from emulator.machine.processes import Child
from emulator.model.events import encode, function_event, iso_time
from emulator.model.function import Function
from emulator.model.journal import KEPT
from emulator.telemetry.hub import Telemetry

EVENT_OVERHEAD_BYTES = 26  # AWS "PutLogEvents": counted for each event
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


class Output:
    """Collect lines, and emit their events."""

    def __init__(
        self,
        function: Function,
        telemetry: Telemetry,
        *,
        on_line: Callable[[Line], None] | None = None,
        attribute_by_line: bool = False,
    ) -> None:
        self.written: deque[Line] = deque(maxlen=KEPT)
        self.extension_lines: deque[Line] = deque(maxlen=KEPT)
        self.cloudwatch: deque[Line] = deque(maxlen=KEPT)
        self.current_request: str | None = None
        self._lock = threading.Lock()
        self._function = function
        self._on_line = on_line
        # On Managed Instances several invocations run at once, so only the line itself can tell.
        self._attribute_by_line = attribute_by_line
        self._telemetry = telemetry

    def snapshot(self, lines: deque[Line]) -> list[Line]:
        """Return a copy of one of the collections, safe against the emulator's thread."""
        with self._lock:
            return list(lines)

    @property
    def _json(self) -> bool:
        return self._function.log_format == "JSON"

    def record(self, child: Child, channel: str, raw: RawRecord) -> None:
        """Collect one record off a pipe."""
        text = raw.data.decode("utf-8", "replace")
        child.tail.append(text)
        time_ns = raw.time_ns or time.time_ns()
        of_function = child.name == "runtime"
        source = "function" if of_function else child.name
        request_id = self.current_request if of_function else None
        if of_function and self._attribute_by_line:
            request_id = _request_id_in(text)
        line = Line(request_id, text, channel, time_ns, raw.level, source)
        event = function_event(
            text,
            kind="function" if of_function else "extension",
            time_ns=time_ns,
            json_format=self._json,
            microseconds=self._telemetry.microseconds,
        )
        with self._lock:
            if of_function:
                self.written.append(line)
            else:
                self.extension_lines.append(line)
            if channel == "frame" or self._passes(text):
                self.cloudwatch.append(line)
        self._telemetry.emit(event)
        if self._on_line is not None:
            self._on_line(line)

    def _passes(self, text: str) -> bool:
        floor = self._function.log_level
        if floor is None or floor.upper() not in LEVELS:
            return True
        level = "INFO"
        try:
            value = json.loads(text)
            if isinstance(value, dict) and "timestamp" in value:
                level = str(value.get("level", "INFO")).upper()
        except ValueError:
            pass
        if level not in LEVELS:
            level = "INFO"
        return LEVELS.index(level) >= LEVELS.index(floor.upper())

    def platform(self, request_id: str | None, text: str, kind: str, record: Any) -> None:
        """Write a line of the platform to CloudWatch: the text, or with the JSON format the event."""
        now_ns = time.time_ns()
        if self._json:
            if record is None:
                return
            value = {"time": iso_time(now_ns), "type": f"platform.{kind}", "record": record}
            text = encode(value).decode()
        line = Line(request_id, text, "platform", now_ns, None, "platform")
        with self._lock:
            self.cloudwatch.append(line)
        if self._on_line is not None:
            self._on_line(line)


def _request_id_in(text: str) -> str | None:
    """Return the request id in a JSON line of a managed runtime, or None."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    found = value.get("requestId") or value.get("AWSRequestId")
    return found if isinstance(found, str) else None
