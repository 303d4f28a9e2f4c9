"""Read the events of a log file; its content, not its name, tells its kind.

Promises: no content makes reading fail. Unreadable lines are counted in :class:`Reading`.
"""

import io
from collections.abc import Callable, Iterator
from itertools import chain
from typing import IO

from whatif.logs.bare_messages import REFUSAL, is_bare_json, is_bare_text
from whatif.logs.envelopes import GZIP_AS_BASE64, values_in_base64
from whatif.logs.files import OpenText, open_text
from whatif.logs.json_logs import in_order, read_json, read_values
from whatif.logs.text_logs import (
    csv_columns,
    first_lines,
    form_of,
    read_csv,
    read_text,
    stream_of_path,
)
from whatif.model.events import Logged, Reading, Received
from whatif.model.words import counted

HEAD_CHARS = 64 * 1024
MAX_LINE_CHARS = 4 * 1024 * 1024
"""The most to read of the line in which the head ends. JSON may be one line of gigabytes."""

FORMS = (
    "CloudWatch Logs exports, `aws logs tail`, `sam logs`, filter-log-events, get-log-events, subscription filter"
    " deliveries and the events of Lambda, Kinesis and Firehose that carry them, Logs Insights results (CSV or JSON),"
    " Logs and Telemetry API captures, Flight Recorder's own NDJSON"
)

_CHUNK_CHARS = 64 * 1024


def read_events(reading: Reading) -> Iterator[Logged | Received]:
    """Yield the events of the file that ``reading`` names, and count them there.

    Raises:
        SourceError: The file cannot be opened.
    """
    opened = open_text(reading.name)
    with opened.text as text:
        try:
            for event in _events(text, reading):
                reading.events += 1
                yield event
        except OSError as error:
            reading.note(f"Reading ended before the file did: {error}.")
    _note_fault(opened, reading)


def _note_fault(opened: OpenText, reading: Reading) -> None:
    if opened.fault:
        events = counted(reading.events, "event")
        reading.note(
            f"{opened.fault}: {events} before that could be read, and all figures lack the rest."
        )


def _events(text: IO[str], reading: Reading) -> Iterator[Logged | Received]:
    read: Callable[[int], str] = text.read
    head = read(HEAD_CHARS)
    if head and not head.endswith("\n"):
        head += text.readline(MAX_LINE_CHARS)
    # StringIO splits at newlines only; ``splitlines`` would split at carriage returns and form feeds as well.
    lines = chain(io.StringIO(head, newline="\n"), text)
    if "\r" in head and "\n" not in head:
        read, whole = _with_newlines(read), head
        head = whole.replace("\r", "\n")
        lines = chain(io.StringIO(head, newline="\n"), _lines_of(read))
    begin = head.lstrip()[:1]
    columns = csv_columns(head)
    form = form_of(head)
    if _is_bare(head):
        _refuse(lines, REFUSAL, reading)
    elif begin in ("{", "["):
        yield from read_json(head, read, reading)
    elif columns is not None:
        reading.form = "CSV from CloudWatch's console"
        yield from in_order(read_csv(lines, columns, reading), reading)
    elif form is not None:
        reading.form = form.name
        yield from read_text(lines, form, reading, stream=stream_of_path(reading.name))
    elif head.lstrip().startswith(GZIP_AS_BASE64):
        yield from read_values(values_in_base64(lines, reading), reading)
    elif begin:
        _refuse(lines, f"This is none of the known kinds of logs: {FORMS}.", reading)


def _is_bare(head: str) -> bool:
    if head.lstrip().startswith("{"):
        return is_bare_json(head)
    form = form_of(head)
    return is_bare_text(first_lines(head), form.begin if form is not None else None)


def _refuse(lines: Iterator[str], why: str, reading: Reading) -> None:
    reading.unreadable += sum(1 for line in lines if line.strip())
    reading.note(why)


def _with_newlines(read: Callable[[int], str]) -> Callable[[int], str]:
    """Read a text whose lines end with carriage returns alone."""
    return lambda count: read(count).replace("\r", "\n")


def _lines_of(read: Callable[[int], str]) -> Iterator[str]:
    rest = ""
    while chunk := read(_CHUNK_CHARS):
        *whole, rest = (rest + chunk).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest
