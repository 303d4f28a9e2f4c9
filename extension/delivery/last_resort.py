"""The last resort: write lines of a failed invocation to standard output. Loaded when no sink takes them.

Promises: no line leaves before it is rewritten. The clock is looked at before each slice, and while a pipe is full. Lines
that were written count as written, also where the slice that they belong to was cut off.
"""

from collections.abc import Callable
from itertools import islice

from extension.delivery.standard_output import write_out
from extension.delivery.worker import Rewrite
from extension.model.chunk import Chunk, sliced
from extension.model.ndjson import lines_of, lines_unread
from extension.model.record import records_in

SLICE_BYTES = 16 * 1024
"""Of events that are rewritten and written at once: up to 4 ms of a processor, 60 ms in a function of 128 MB."""


def write_chunk(
    chunk: Chunk,
    descriptor: int,
    until_s: float,
    *,
    rewrite: Rewrite | None,
    with_levels: bool,
    monotonic_s: Callable[[], float],
) -> int:
    """Write the records of a chunk, in order, until then; return how many lines of the function were written."""
    written = 0
    for part in sliced(chunk, SLICE_BYTES):
        if monotonic_s() >= until_s:
            break
        chunk = part if rewrite is None else rewrite([part])[0]
        data = b"".join(lines_of(records_in([chunk])) if with_levels else lines_unread(chunk))
        size = write_out(descriptor, data, until_s, monotonic_s)
        if size < len(data):
            whole = islice(records_in([chunk]), data.count(b"\n", 0, size))
            return written + sum(record.is_line for record in whole)
        written += part.lines
    return written
