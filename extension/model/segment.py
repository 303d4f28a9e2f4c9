"""Define a segment: consecutive events of one invocation, as their JSON arrived.

Pure. The other rooms cut segments with :meth:`Segment.runs` alone.
"""

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import groupby
from typing import TypeVar

BATCH_BEGIN = b'[{"time":"'
BETWEEN = b'},{"time":"'
"""How a batch in compact form begins, and what stands between two of its events."""

Label = TypeVar("Label")


def split_events(raw: bytes, count: int) -> list[bytes]:
    """Split comma-separated events into the JSON of each one: not ``count`` of them if they cannot be told apart."""
    if count == 1:
        return [raw]
    events: list[bytes] = []
    begin = 0
    # Not by split, which would hold each event twice for a moment.
    while (end := raw.find(BETWEEN, begin)) >= 0:
        events.append(raw[begin : end + 1])
        begin = end + 2
    events.append(raw[begin:])
    if len(events) == count and raw.startswith(BATCH_BEGIN[1:]):
        return events
    text = raw.decode("utf-8", "replace")
    return [text[start:end].encode() for start, end, _ in scan(text)]


UNREADABLE = object()
"""Stands in for the event where a text is not JSON."""


def scan(text: str) -> Iterator[tuple[int, int, object]]:
    """Yield the JSON values of an array, or of lines of JSON: where each begins and ends in the text, and the value.

    Everything behind the first place that is not JSON becomes one value, ``UNREADABLE``.
    """
    # Compiled here: Lambda's own batches are split without a scan.
    import re

    decode = json.JSONDecoder().raw_decode
    value = re.compile(r"[^\s,\[\]]")
    end = 0
    while match := value.search(text, end):
        at = match.start()
        try:
            event, end = decode(text, at)
        except (ValueError, RecursionError):
            yield at, len(text), UNREADABLE
            return
        yield at, end, event


SEGMENT_COST_BYTES = 160
"""A segment's cost beside its bytes: the object, the ``bytes`` header and its place in the list (measured)."""


class Kind(Enum):
    """Name the content of a segment."""

    LINES = "lines"
    EVENT = "event"
    SUMMARY = "summary"
    """Of a failed invocation; see :mod:`extension.model.summary`."""
    GAP = "gap"


class Segment:
    """Hold consecutive events as they arrived, or mark the place where lines were given up.

    Attributes:
        raw: JSON of ``count`` events, comma-separated; an unfinished summary; empty for a gap.
        count: events held, or for a gap, lines given up.
        lines: how many ``function`` lines it holds; 0 for a platform event and a gap.
        first_number: the number of the first event; the others follow. Numbers are unique in an environment.
        kind: lines, one platform event, a failed invocation's summary, or a gap.
        vital: whether it is an error line or metrics, which the memory limiter gives up later than other lines.
        is_emf: whether it is one line in the embedded metric format.
        gone_bytes: for a gap, the bytes given up.
    """

    __slots__ = ("count", "first_number", "gone_bytes", "is_emf", "kind", "lines", "raw", "vital")

    def __init__(  # noqa: PLR0913 - a plain value
        self,
        raw: bytes,
        *,
        count: int,
        first_number: int,
        kind: Kind = Kind.LINES,
        vital: bool = False,
        is_emf: bool = False,
        gone_bytes: int = 0,
    ) -> None:
        self.raw = raw
        self.count = count
        self.lines = count if kind is Kind.LINES else 0
        self.first_number = first_number
        self.kind = kind
        self.vital = vital
        self.is_emf = is_emf
        self.gone_bytes = gone_bytes

    @property
    def cost_bytes(self) -> int:
        """The bytes charged against the memory bound. The sums made for each batch write this out."""
        return len(self.raw) + SEGMENT_COST_BYTES

    def events(self) -> list[bytes]:
        """Split the segment into the JSON of each event."""
        return split_events(self.raw, self.count)

    def runs(
        self, labels: Sequence[Label], events: list[bytes] | None = None
    ) -> list[tuple["Segment", Label]]:
        """Cut the segment where the label of its records changes, and return the parts with their labels.

        A segment of one label comes back itself; so does one whose events cannot be told apart, with the label of its
        first record. A caller that has split the segment already passes its ``events``.
        """
        first = labels[0]
        if all(label == first for label in labels):
            return [(self, first)]
        events = self.events() if events is None else events
        if len(events) != len(labels):
            return [(self, first)]
        runs = []
        start = 0
        for label, run in groupby(labels):
            end = start + len(list(run))
            runs.append((self.rewritten(events[start:end], skipped=start), label))
            start = end
        return runs

    def rewritten(self, events: list[bytes], *, skipped: int = 0) -> "Segment":
        """Return a segment of other events that keeps everything else; ``skipped`` records stand before them."""
        return Segment(
            b",".join(events),
            count=len(events),
            first_number=self.first_number + skipped,
            kind=self.kind,
            vital=self.vital,
            is_emf=self.is_emf,
        )
