"""Records as NDJSON, a few at a time, for sinks that need not hold a whole batch in that form.

Pure.
"""

from collections.abc import Iterator
from itertools import islice

from extension.kept import kept_in
from extension.ndjson import lines_of
from extension.parcels import Parcel

RECORDS_AT_ONCE = 256
"""Enough that a call costs nothing beside them, and a small part of a batch: what a batch of short lines is as NDJSON,
with all that is known of each, is four times its size (measured)."""


def numbered_lines(parcels: list[Parcel]) -> Iterator[tuple[int, bytes]]:
    """Gives the number and the line, with its newline, of each record, in order."""
    records = kept_in(parcels)
    while some := list(islice(records, RECORDS_AT_ONCE)):
        yield from zip((kept.number for kept in some), lines_of(some), strict=True)
