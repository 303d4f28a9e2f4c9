"""Read text and CSV with events of CloudWatch Logs: exports to S3, ``aws logs tail``, ``sam logs``.

Assumes of AWS: an export has ``time message`` lines in objects named ``.../<stream>/000000.gz``, with the slashes of the
stream's name as dashes (AWS: Exporting log data to Amazon S3); ``aws logs tail`` writes ``time stream message``, or
``time message`` with ``--format short``, and pretty-prints messages that are JSON with ``--format json`` (aws-cli,
awscli/customizations/logs/tail.py). A line that does not begin with a time continues the event before it.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from whatif.model.events import Logged, Reading, iso_of_ms

MAX_EVENT_CHARS = 2 * 1024 * 1024
"""Twice the largest event of CloudWatch (AWS: CloudWatch Logs quotas); lines beyond it do not belong to it."""

SAMPLED_LINES = 200
"""The first lines of a file, which tell its form."""

_SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_STREAM = r"(?P<stream>\d{4}/\d\d/\d\d/\S+)"
_REST = r"(?: (?P<message>.*))?$"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class TextForm(NamedTuple):
    """The beginning of events in one kind of file."""

    name: str
    begin: re.Pattern[str]
    coloured: bool = False


_FORMS = (
    TextForm(
        "aws logs tail", re.compile(rf"(?P<time>{_SECOND}(?:\.\d+)?)(?:\+00:00|Z) {_STREAM}{_REST}")
    ),
    TextForm("sam logs", re.compile(rf"{_STREAM} (?P<time>{_SECOND}(?:\.\d+)?){_REST}")),
    TextForm("CloudWatch Logs export", re.compile(rf"(?P<time>{_SECOND}\.\d+)Z{_REST}")),
    TextForm("aws logs tail --format short", re.compile(rf"(?P<time>{_SECOND}){_REST}")),
)


def first_lines(head: str) -> list[str]:
    """Return the first lines of a file, which tell its form, without colours."""
    lines = _COLOUR.sub("", head).split("\n")[:SAMPLED_LINES]
    return [line.rstrip("\r") for line in lines]


def form_of(head: str) -> TextForm | None:
    """Return the form of a text by its first lines; None for an unknown form."""
    coloured = "\x1b[" in head
    lines = first_lines(head)
    for form in _FORMS:
        if any(form.begin.match(line) for line in lines):
            return form._replace(coloured=coloured)
    return None


def stream_of_path(name: str) -> str:
    """Return the log stream of an exported file; empty where its folder's name does not look like one."""
    folder = PurePath(name).parent.name
    return folder if "[" in folder and "]" in folder else ""


def read_text(
    lines: Iterable[str], form: TextForm, reading: Reading, *, stream: str = ""
) -> Iterator[Logged]:
    """Yield the events of a text file.

    Args:
        lines: With or without their newlines.
        form: As :func:`form_of` returns it.
        reading: Counts the lines before the first event.
        stream: The log stream, for lines that do not name it.
    """
    begin = form.begin.match
    open_stream, time, parts, size = "", "", [""], 0
    pretty = False
    for raw in lines:
        line = _COLOUR.sub("", raw) if form.coloured else raw
        line = line.rstrip("\r\n")
        match = begin(line)
        if match is not None:
            if time:
                yield Logged(open_stream, time, _joined(parts, pretty=pretty))
            found = match.groupdict()
            open_stream = found.get("stream") or stream
            time, message = f"{found['time']}Z", found["message"] or ""
            parts, size, pretty = [message], len(message), not message
        elif not time or size > MAX_EVENT_CHARS:
            reading.unreadable += 1 if line.strip() else 0
        else:
            parts.append(line)
            size += len(line)
    if time:
        yield Logged(open_stream, time, _joined(parts, pretty=pretty))


def _joined(parts: list[str], *, pretty: bool) -> str:
    """Join an event's lines; write pretty-printed JSON on one line again."""
    if len(parts) == 1:
        return parts[0]
    text = "\n".join(parts).rstrip("\n")
    if pretty and text.lstrip().startswith("{"):
        try:
            return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return text


class _Columns(NamedTuple):
    """The titles of the columns in a table of events."""

    time: str
    message: str
    stream: str
    group: str


_CSV_COLUMNS = (
    _Columns("@timestamp", "@message", "@logStream", "@log"),
    _Columns("timestamp", "message", "logStreamName", "logGroupName"),
)


def csv_columns(head: str) -> _Columns | None:
    """Return the columns of CloudWatch's CSV download by its first line; None for another file."""
    try:
        titles = next(csv.reader([head.partition("\n")[0].rstrip("\r")]), [])
    except csv.Error:
        return None  # A carriage return within the line, or a zero byte: it is no table's.
    return next((one for one in _CSV_COLUMNS if one.time in titles and one.message in titles), None)


def read_csv(lines: Iterable[str], columns: _Columns, reading: Reading) -> Iterator[Logged]:
    """Yield the events of a CSV file, in its order."""
    # A message may exceed csv's own limit of 128 KiB; CloudWatch's events have 1 MB at most.
    csv.field_size_limit(MAX_EVENT_CHARS)
    rows = csv.DictReader(lines)
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            reading.unreadable += 1
            continue
        if row is None:
            return
        time = time_of(row.get(columns.time))
        message = row.get(columns.message)
        if not time or message is None:
            reading.unreadable += 1
            continue
        group = row.get(columns.group) or ""
        yield Logged(row.get(columns.stream) or "", time, message.rstrip("\n"), group)


_ANY_TIME = re.compile(rf"({_SECOND.replace('T', '[T ]')}(?:\.\d+)?)(?:Z|\+00:00)?$")


def time_of(value: object) -> str:
    """Read a time: milliseconds since 1970, or a date and time in UTC; return an empty text for anything else."""
    if isinstance(value, str):
        match = _ANY_TIME.match(value)
        if match is not None:
            return match.group(1).replace(" ", "T") + "Z"
        if not value.isascii() or not value.isdigit():
            return ""
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    try:
        return iso_of_ms(int(value))
    except (ValueError, OverflowError):
        return ""
