"""Read the events of a log file; its content, not its name, tells its kind.

Promises: no content makes reading fail. Unreadable lines are counted in :class:`Reading`.
"""

import io
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import IO

from whatif.logs.files import open_text
from whatif.logs.json_logs import in_order, read_json
from whatif.logs.text_logs import csv_columns, form_of, read_csv, read_text, stream_of_path
from whatif.model.events import Logged, Reading, Received

HEAD_CHARS = 64 * 1024
MAX_LINE_CHARS = 4 * 1024 * 1024
"""The most to read of the line in which the head ends. JSON may be one line of gigabytes."""

FORMS = (
    "CloudWatch Logs exports, `aws logs tail`, `sam logs`, filter-log-events, get-log-events, subscription filter"
    " deliveries, Logs Insights results (CSV or JSON), Logs and Telemetry API captures, Flight Recorder's own NDJSON"
)


def read_events(reading: Reading) -> Iterator[Logged | Received]:
    """Yield the events of the file that ``reading`` names, and count them there.

    Raises:
        SourceError: The file cannot be opened.
    """
    with open_text(reading.name) as text:
        try:
            for event in _events(text, reading):
                reading.events += 1
                yield event
        except (EOFError, OSError, zlib.error) as error:
            reading.note(f"Reading ended before the file did: {error}.")


def _events(text: IO[str], reading: Reading) -> Iterator[Logged | Received]:
    head = text.read(HEAD_CHARS)
    if head and not head.endswith("\n"):
        head += text.readline(MAX_LINE_CHARS)
    begin = head.lstrip()[:1]
    if begin in ("{", "["):
        yield from read_json(head, text.read, reading)
        return
    # StringIO splits at newlines only; ``splitlines`` would split at carriage returns and form feeds as well.
    lines = chain(io.StringIO(head, newline="\n"), text)
    columns = csv_columns(head)
    form = form_of(head)
    if columns is not None:
        reading.form = "CSV from CloudWatch's console"
        yield from in_order(read_csv(lines, columns, reading), reading)
    elif form is not None:
        reading.form = form.name
        yield from read_text(lines, form, reading, stream=stream_of_path(reading.name))
    elif begin:
        reading.unreadable += sum(1 for line in lines if line.strip())
        reading.note(f"This is none of the known kinds of logs: {FORMS}.")
