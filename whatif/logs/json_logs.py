"""Read events from JSON: from arrays, values by line, documents or concatenated values.

Promises: values are decoded one by one, so a document of gigabytes needs no more memory than its largest event. Text
that is not JSON is counted, and reading continues at the next line.

Assumes of AWS: ``filter-log-events`` and ``get-log-events`` answer ``{"events": [{"timestamp", "message", ...}]}``;
``get-query-results`` answers ``{"results": [[{"field", "value"}, ...]]}`` (AWS: CloudWatch Logs API reference);
subscription filters deliver ``{"messageType", "logGroup", "logStream", "logEvents": [...]}``, which Firehose concatenates,
and check their destination with a ``CONTROL_MESSAGE``; batches of the Logs and the Telemetry API are arrays of ``{"time",
"type", "record"}``.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from whatif.logs.envelopes import data_of, unpacked
from whatif.logs.text_logs import time_of
from whatif.model.events import Logged, Reading, Received

CHUNK_CHARS = 1024 * 1024
"""One read takes this much: some thousand events."""

MAX_VALUE_CHARS = 8 * 1024 * 1024
"""The largest value. No AWS API sends more, so garbage that begins like JSON is not collected."""

MAX_ROWS = 200_000
"""Rows of Logs Insights that are sorted in memory. A query returns at most 10,000 (AWS: CloudWatch Logs quotas)."""

_LOOK_AHEAD_CHARS = 4096
_DECODER = json.JSONDecoder()
_FILLER = re.compile(r"[\s,:\]}]*")
_WRAPPER = re.compile(
    r'\{(?:\s*"\w+"\s*:\s*"[^"\\]{0,200}"\s*,){0,4}\s*"(?:events|results|[Rr]ecords)"\s*:\s*\['
)
_INSIGHTS_ROW = re.compile(r'\[\s*\{\s*"field"')


class _Buffer:
    """The part of a text under the decoder."""

    __slots__ = ("_read", "at", "ended", "text")

    def __init__(self, head: str, read: Callable[[int], str]) -> None:
        self.text = head
        self.at = 0
        self.ended = False
        self._read = read

    def more(self) -> None:
        """Read on, and forget the text before ``at``."""
        left = len(self.text) - self.at
        chunk = self._read(max(CHUNK_CHARS, left))
        self.ended = not chunk
        self.text = self.text[self.at :] + chunk
        self.at = 0

    def skip_filler(self) -> bool:
        """Go to the next value; return whether there is one."""
        while True:
            match = _FILLER.match(self.text, self.at)
            self.at = match.end() if match is not None else self.at
            if len(self.text) - self.at >= _LOOK_AHEAD_CHARS or self.ended:
                return self.at < len(self.text)
            self.more()

    def skip_line(self) -> None:
        """Go to the next line, or to the end."""
        while True:
            newline = self.text.find("\n", self.at)
            if newline >= 0:
                self.at = newline + 1
                return
            self.at = len(self.text)
            if self.ended:
                return
            self.more()


def values_in(head: str, read: Callable[[int], str], reading: Reading) -> Iterator[object]:
    """Yield the JSON values of a text: the elements of its outermost arrays, and of ``events``, ``results`` and ``Records``.

    Args:
        head: The text's beginning, as far as it has been read.
        read: Reads at most so many characters of the rest; returns an empty string at the end.
        reading: Counts the text that is not JSON.
    """
    buffer = _Buffer(head, read)
    wrapped = False
    while buffer.skip_filler():
        text, at = buffer.text, buffer.at
        wrapper = _WRAPPER.match(text, at) if text[at] == "{" else None
        if wrapper is not None:
            wrapped = True
            buffer.at = wrapper.end()
            continue
        if text[at] == "[" and not _INSIGHTS_ROW.match(text, at):
            buffer.at += 1
            continue
        try:
            value, buffer.at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            cut = error.msg.startswith("Unterminated") or error.pos >= len(text) - 16
            if cut and not buffer.ended and len(text) - at < MAX_VALUE_CHARS:
                buffer.more()
                continue
        except RecursionError:
            pass
        else:
            # A document holds other values beside its events, such as a token for the next page.
            if isinstance(value, (dict, list)) and not (wrapped and _is_aside(value)):
                yield value
            elif not wrapped:
                reading.unreadable += 1
            continue
        reading.unreadable += 1
        buffer.skip_line()


def _is_aside(value: dict[str, Any] | list[Any]) -> bool:
    return isinstance(value, dict) and "message" not in value and data_of(value) is None


def read_json(
    head: str, read: Callable[[int], str], reading: Reading
) -> Iterator[Logged | Received]:
    """Yield the events of a JSON text."""
    found = read_values(values_in(head, read, reading), reading)
    first = next(found, None)
    if first is None:
        return
    everything = chain((first,), found)
    if reading.form == _INSIGHTS:
        yield from in_order((one for one in everything if isinstance(one, Logged)), reading)
    else:
        yield from everything


def in_order(events: Iterable[Logged], reading: Reading) -> Iterator[Logged]:
    """Yield events in the order of their times; equal times keep their order."""
    rows: list[Logged] = []
    for event in events:
        rows.append(event)
        if len(rows) >= MAX_ROWS:
            reading.note(f"Its rows were sorted in groups of {MAX_ROWS:,} only.")
            yield from _sorted(rows)
            rows = []
    yield from _sorted(rows)


def _sorted(rows: list[Logged]) -> list[Logged]:
    if rows and rows[0].time > rows[-1].time:
        # Logs Insights returns the newest first, unless the query asks for another order.
        rows.reverse()
    return sorted(rows, key=lambda row: row.time)


_INSIGHTS = "Logs Insights results"
_EVENTS = "CloudWatch Logs events as JSON"
_SUBSCRIPTION = "subscription deliveries"
_RECORDS = "records of Flight Recorder"
_TELEMETRY = "Logs or Telemetry API events"


def _is_control(value: object) -> bool:
    return isinstance(value, dict) and value.get("messageType") == "CONTROL_MESSAGE"


def _events_of(value: object, reading: Reading) -> Iterator[Logged | Received]:
    if isinstance(value, list):
        value = {
            cell["field"]: cell.get("value")
            for cell in value
            if isinstance(cell, dict) and isinstance(cell.get("field"), str)
        }
    if not isinstance(value, dict) or _is_control(value):
        return
    data = data_of(value)
    if isinstance(value.get("type"), str) and "record" in value:
        yield _received(value, reading)
    elif isinstance(value.get("logEvents"), list):
        reading.form = reading.form or _SUBSCRIPTION
        for event in value["logEvents"]:
            yield from _logged(event, value.get("logStream"), value.get("logGroup"))
    elif "@message" in value:
        reading.form = reading.form or _INSIGHTS
        event = {"timestamp": value.get("@timestamp"), "message": value["@message"]}
        yield from _logged(event, value.get("@logStream"), value.get("@log"))
    elif "message" in value and "timestamp" in value:
        reading.form = reading.form or _EVENTS
        yield from _logged(value, value.get("logStreamName"), value.get("logGroupName"))
    elif data is not None:
        yield from _unpacked(data, reading)


def _received(value: dict[str, Any], reading: Reading) -> Received:
    record_id, function = value.get("id"), value.get("function")
    ours = isinstance(record_id, str) and "weight" in value
    reading.form = reading.form or (_RECORDS if ours else _TELEMETRY)
    name = function if ours and isinstance(function, str) else ""
    return Received(str(record_id).rpartition("-")[0] if ours else "", value, name)


def _unpacked(data: str, reading: Reading) -> Iterator[Logged | Received]:
    """Yield the events of data that an event of Lambda, Kinesis or Firehose carries."""
    try:
        value = unpacked(data)
    except ValueError:
        return
    yield from _events_of(value, reading)


def read_values(values: Iterable[object], reading: Reading) -> Iterator[Logged | Received]:
    """Yield the events of decoded JSON values; count values of another shape."""
    for value in values:
        any_found = False
        for event in _events_of(value, reading):
            any_found = True
            yield event
        if not any_found and not _is_control(value) and not _carries_control(value):
            reading.unreadable += 1


def _carries_control(value: object) -> bool:
    data = data_of(value) if isinstance(value, dict) else None
    try:
        return data is not None and _is_control(unpacked(data))
    except ValueError:
        return False


def _logged(event: object, stream: object, group: object) -> Iterator[Logged]:
    if not isinstance(event, dict):
        return
    time, message = time_of(event.get("timestamp")), event.get("message")
    if isinstance(message, (dict, list)):
        # The console's download has messages that are JSON as values.
        message = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    if time and isinstance(message, str):
        yield Logged(_text(stream), time, message.rstrip("\n"), _text(group))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
