"""Text in which each event of CloudWatch Logs begins with its time: exports to S3, ``aws logs tail``, ``sam logs``.

Assumes of AWS: an export has ``time message`` lines in objects named ``.../<stream>/000000.gz``, with the slashes of the
stream's name as dashes (AWS: Exporting log data to Amazon S3); ``aws logs tail`` writes ``time stream message``, or
``time message`` with ``--format short``, and pretty-prints messages that are JSON with ``--format json`` (aws-cli,
awscli/customizations/logs/tail.py). An event of several lines goes on where the next line does not begin with a time.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from whatif.model.events import Logged, Reading, iso_of_ms

MAX_EVENT_CHARS = 2 * 1024 * 1024
"""Twice what CloudWatch takes as one event (AWS: CloudWatch Logs quotas): lines beyond it are no part of one."""

SAMPLED_LINES = 200
"""Of the beginning of a file, to tell its form by."""

_SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_STREAM = r"(?P<stream>\d{4}/\d\d/\d\d/\S+)"
_REST = r"(?: (?P<message>.*))?$"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class TextForm(NamedTuple):
    """How events begin in one kind of file."""

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


def form_of(head: str) -> TextForm | None:
    """Tell by its first lines what kind of text a file is; None if it is none that is known."""
    coloured = "\x1b[" in head
    lines = _COLOUR.sub("", head).split("\n")[:SAMPLED_LINES]
    for form in _FORMS:
        if any(form.begin.match(line.rstrip("\r")) for line in lines):
            return form._replace(coloured=coloured)
    return None


def stream_of_path(name: str) -> str:
    """Give the log stream that an exported file is of; empty where the folder's name does not look like one."""
    folder = PurePath(name).parent.name
    return folder if "[" in folder and "]" in folder else ""


def read_text(
    lines: Iterable[str], form: TextForm, reading: Reading, *, stream: str = ""
) -> Iterator[Logged]:
    """Give the events of a text file.

    Args:
        lines: With or without their newlines.
        form: As :func:`form_of` gives it.
        reading: Counts lines before the first event, which belong to none.
        stream: The log stream, where lines do not name it.
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
    """Put an event's lines together; JSON that was written over several lines is written on one again."""
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
    """What the columns of a table of events are called in it."""

    time: str
    message: str
    stream: str


_CSV_COLUMNS = (
    _Columns("@timestamp", "@message", "@logStream"),
    _Columns("timestamp", "message", "logStreamName"),
)


def csv_columns(head: str) -> _Columns | None:
    """Tell whether a file is CSV as CloudWatch's console lets one download it, by its first line."""
    titles = next(csv.reader([head.partition("\n")[0].rstrip("\r")]), [])
    return next((one for one in _CSV_COLUMNS if one.time in titles and one.message in titles), None)


def read_csv(lines: Iterable[str], columns: _Columns, reading: Reading) -> Iterator[Logged]:
    """Give the events of a CSV file, in its order."""
    # A message may have more than csv's own limit of 128 KiB; CloudWatch's events have 1 MB at most.
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
        yield Logged(row.get(columns.stream) or "", time, message.rstrip("\n"))


_ANY_TIME = re.compile(rf"({_SECOND.replace('T', '[T ]')}(?:\.\d+)?)(?:Z|\+00:00)?$")


def time_of(value: object) -> str:
    """Read a time: milliseconds since 1970, or a date and time in UTC; empty if it is none."""
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
