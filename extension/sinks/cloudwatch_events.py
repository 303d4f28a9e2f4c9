"""Convert records to CloudWatch's log events: their messages, their order, and their requests.

Promises: the lines of a function as it wrote them, or as records where that is asked for. Events are in the order of
their times, and those of one time in the order received. Every request is within every limit of PutLogEvents, and
nothing is left out. Assumes those limits as AWS's API reference gives them (CloudWatch Logs: PutLogEvents,
InputLogEvent, RejectedLogEventsInfo).

Pure.
"""

import re
from collections.abc import Iterable, Iterator, Set as AbstractSet
from enum import Enum
from typing import NamedTuple

from extension.model.ndjson import lines_of
from extension.model.receipt import cut, read_answer
from extension.model.record import GAP_TYPE, Record, dumps, timed

MAX_EVENTS = 10_000
MAX_REQUEST_BYTES = 1_048_576
"""Of the messages in UTF-8, and :data:`EVENT_BYTES` for each."""
EVENT_BYTES = 26
MAX_SPAN_MS = 24 * 60 * 60 * 1000
MAX_MESSAGE_BYTES = MAX_REQUEST_BYTES - EVENT_BYTES
"""An event may have 1 MB (1,048,576 bytes), but one that large would not fit into a request with its 26 bytes."""

MIN_LEARNED_BYTES = 16 * 1024
"""Below the smallest limit that CloudWatch Logs ever had: an answer that names less would cut lines into splinters."""

NO_RECORD = -1
"""In place of a record's number, for an event that belongs to no record."""

MAX_METRIC = 1e10
"""Above any duration in milliseconds or size in megabytes, and the most that ``.10g`` writes without an exponent."""

REPEAT_TYPE = "flightRecorder.repeat"
SUMMARY_TYPE = "flightRecorder.invocation"
_WHOLE_RECORDS = frozenset({SUMMARY_TYPE, GAP_TYPE})
"""Types that are written with all that is known. A line has no room for it."""
_CONTINUATION_MASK, _CONTINUATION = 0xC0, 0x80
"""Of the second and later bytes of a character in UTF-8 (RFC 3629, section 3)."""


class Form(Enum):
    """Choose how a record is written.

    ``TEXT``: the line as the function wrote it, and reports as Lambda writes them with the Text log format. ``JSON``: the
    same, with reports as JSON, as Lambda writes them with the JSON log format. ``RECORDS``: one JSON object with all that
    is known, except for lines in the embedded metric format: CloudWatch takes metrics only from the lines themselves.
    """

    TEXT = "text"
    JSON = "json"
    RECORDS = "records"


class LogEvent(NamedTuple):
    """One log event, by its record's number and its time since 1970. Its message is never empty.

    ``size_bytes`` is its part of a request's limit. ``ends`` is false for all but the last piece of a record that had
    to be cut.
    """

    number: int
    at_ms: int
    message: str
    size_bytes: int
    ends: bool = True


class Limits(NamedTuple):
    """The most bytes of an event's message and of a request, as AWS documents them or as an answer has named them."""

    message_bytes: int = MAX_MESSAGE_BYTES
    request_bytes: int = MAX_REQUEST_BYTES

    def learned(self, answer: bytes) -> "Limits | None":
        """Return lower limits, if that is what an answer names.

        Partitions and emulators may have those of earlier years, such as 262,144 bytes for an event.
        """
        found = re.search(
            rb"(event|upload|batch) too large: \d+ bytes exceeds limit of (\d{1,9})",
            answer,
            re.IGNORECASE,
        )
        if found is None or int(found[2]) < MIN_LEARNED_BYTES:
            return None
        most_bytes = min(int(found[2]), self.request_bytes)
        message_bytes = min(most_bytes - EVENT_BYTES, self.message_bytes)
        is_event = found[1].lower() == b"event"
        lower = Limits(message_bytes, self.request_bytes if is_event else most_bytes)
        return lower if lower < self else None


def log_events(
    records: Iterable[Record],
    *,
    form: Form,
    now_ms: int,
    stream: str = "",
    message_bytes: int = MAX_MESSAGE_BYTES,
) -> list[LogEvent]:
    """Write records as log events, sorted by time.

    Args:
        records: in order.
        form: how to write them.
        now_ms: their time if none of them has a readable one.
        stream: the log stream that they go to.
        message_bytes: the most that an event's message may have; longer ones are cut.
    """
    events: list[LogEvent] = []
    for record, at_ns in timed(records, now_ms * 1_000_000):
        # The smallest time that InputLogEvent may have is 0.
        at_ms = max(at_ns // 1_000_000, 0)
        message = message_of(record, form=form, stream=stream)
        events += _events_of(record.number, at_ms, message, message_bytes)
    events.sort(key=lambda event: event.at_ms)
    return events


def message_of(record: Record, *, form: Form, stream: str = "") -> str:
    """Return a line as it was written, an invocation's or a gap's whole record, or a platform event's JSON.

    An invocation's record names the log stream, too. A line has no room for an id, so the stream and the times in the
    record show which lines are the invocation's.
    """
    is_line, content = record.type == "function", record.record
    if record.type in _WHOLE_RECORDS or (form is Form.RECORDS and not record.is_emf):
        told = next(lines_of([record])).decode("utf-8", "replace").removesuffix("\n")
        if stream and record.type == SUMMARY_TYPE:
            return f'{told[:-1]},"logStream":{dumps(stream)}}}'
        return told
    if is_line:
        return (content if isinstance(content, str) else record.text) or "\n"
    report = ""
    if record.type == "platform.report" and form is Form.TEXT:
        report = report_text(content)
    return report or record.raw.decode("utf-8", "replace")


_METRICS = (
    ("durationMs", "Duration: {:.2f} ms"),
    ("billedDurationMs", "Billed Duration: {:.10g} ms"),
    ("memorySizeMB", "Memory Size: {:.10g} MB"),
    ("maxMemoryUsedMB", "Max Memory Used: {:.10g} MB"),
    ("initDurationMs", "Init Duration: {:.2f} ms"),
    ("restoreDurationMs", "Restore Duration: {:.2f} ms"),
    ("billedRestoreDurationMs", "Billed Restore Duration: {:.10g} ms"),
)
"""In the order of Lambda's own line (AWS: "Configure Lambda function memory", "Monitoring for Lambda SnapStart")."""


def report_text(record: object) -> str:
    """Write ``platform.report`` as Lambda writes it with the Text log format, for the queries that read it.

    ``REPORT RequestId: ...`` has fields that end in tabs, ``Status`` unless it is success, and the X-Ray line below
    (AWS: Lambda developer guide, "Viewing CloudWatch logs", "Visualize Lambda function invocations using AWS X-Ray").
    The text is empty if the record lacks a request id or metrics.
    """
    if not isinstance(record, dict):
        return ""
    metrics, request_id = record.get("metrics"), record.get("requestId")
    if not isinstance(metrics, dict) or not isinstance(request_id, str):
        return ""
    fields = [f"REPORT RequestId: {request_id}"]
    for name, form in _METRICS:
        value = metrics.get(name)
        if isinstance(value, (int, float)) and abs(value) < MAX_METRIC:
            fields.append(form.format(value))
    if len(fields) == 1:
        return ""
    status, error_type = record.get("status"), record.get("errorType")
    if isinstance(status, str) and status != "success":
        fields.append(f"Status: {status}")
        if isinstance(error_type, str):
            fields.append(f"Error Type: {error_type}")
    return "\t".join(fields) + "\t\n" + _trace_text(record.get("tracing"))


def _trace_text(tracing: object) -> str:
    if not isinstance(tracing, dict) or not isinstance(tracing.get("value"), str):
        return ""
    parts = dict(part.partition("=")[::2] for part in tracing["value"].split(";"))
    segment = tracing.get("spanId")
    if "Root" not in parts or not isinstance(segment, str):
        return ""
    sampled = "true" if parts.get("Sampled") == "1" else "false"
    return f"XRAY TraceId: {parts['Root']}\tSegmentId: {segment}\tSampled: {sampled}\t\n"


def _events_of(
    number: int, at_ms: int, message: str, most_bytes: int, *, is_end: bool = True
) -> Iterator[LogEvent]:
    if message.isascii() and len(message) <= most_bytes:
        yield LogEvent(number, at_ms, message, len(message) + EVENT_BYTES, is_end)
        return
    # Half a surrogate pair, which JSON can escape and UTF-8 cannot write, becomes a question mark.
    data = message.encode("utf-8", "replace")
    start = 0
    while start < len(data):
        end = start + most_bytes
        while end < len(data) and data[end] & _CONTINUATION_MASK == _CONTINUATION:
            end -= 1
        piece = data[start:end]
        start = end
        ends = is_end and end >= len(data)
        yield LogEvent(number, at_ms, piece.decode(), len(piece) + EVENT_BYTES, ends=ends)


def mark_repetition(
    events: list[LogEvent], perhaps_there: AbstractSet[int], *, environment_id: str
) -> list[LogEvent]:
    """Insert a mark before the events whose records may have been written before, for whoever reads them.

    A line as written has no room for an id. The mark tells how many of the sorted events may be there twice, and from
    which record to which.
    """
    repeated = [event for event in events if event.number in perhaps_there]
    if not repeated:
        return events
    first, last = repeated[0], repeated[-1]
    told = {
        "events": len(repeated),
        "first": f"{environment_id}-{first.number}",
        "last": f"{environment_id}-{last.number}",
    }
    message = dumps({"type": REPEAT_TYPE, "record": told})
    mark = LogEvent(NO_RECORD, first.at_ms, message, len(message.encode()) + EVENT_BYTES)
    place = events.index(first)
    return [*events[:place], mark, *events[place:]]


def cut_anew(events: Iterable[LogEvent], limits: Limits) -> Iterator[list[LogEvent]]:
    """Cut a request's events, and the request, to lower limits."""
    shorter = (
        piece
        for event in events
        for piece in _events_of(
            event.number, event.at_ms, event.message, limits.message_bytes, is_end=event.ends
        )
    )
    return requests_of(shorter, limits.request_bytes)


def requests_of(
    events: Iterable[LogEvent], request_bytes: int = MAX_REQUEST_BYTES
) -> Iterator[list[LogEvent]]:
    """Cut sorted events into requests, each within every limit."""
    return cut(
        events,
        lambda event: (1, event.size_bytes),
        MAX_EVENTS,
        request_bytes,
        apart=lambda first, event: event.at_ms - first.at_ms > MAX_SPAN_MS,
    )


def refused_by(answer: bytes, request: list[LogEvent]) -> dict[int, str]:
    """Read which records of a request CloudWatch took but did not keep: ``too-new``, ``too-old`` or ``expired``.

    ``tooNewLogEventStartIndex`` is the first that is too new, ``tooOldLogEventEndIndex`` the first that is not too old.
    AWS does not define ``expiredLogEventEndIndex``; it is read like the latter, whose name it shares.
    """
    nothing: dict[str, object] = {}
    info = read_answer(answer, lambda read: {**read["rejectedLogEventsInfo"]}, nothing)
    expired_end = _index(info.get("expiredLogEventEndIndex"), 0)
    old_end = _index(info.get("tooOldLogEventEndIndex"), 0)
    new_start = _index(info.get("tooNewLogEventStartIndex"), len(request))
    refused = {event.number: "expired" for event in request[:expired_end]}
    refused.update((event.number, "too-old") for event in request[:old_end])
    refused.update((event.number, "too-new") for event in request[new_start:])
    refused.pop(NO_RECORD, None)
    return refused


def _index(value: object, default: int) -> int:
    return max(value, 0) if isinstance(value, int) else default
