"""Define a segment: consecutive events of one invocation, as their JSON arrived."""

import json
import re
from enum import Enum

BATCH_BEGIN = b'[{"time":"'
BETWEEN = b'},{"time":"'
"""How a batch in compact form begins, and what stands between two of its events."""

Events = list[tuple[int, int, object]]


def split_events(raw: bytes, count: int) -> list[bytes]:
    """Gives the single events' JSON of what :class:`Lines` holds."""
    if count == 1:
        return [raw]
    pieces = raw[len(BATCH_BEGIN) - 1 : -1].split(BETWEEN)
    if len(pieces) == count and raw.startswith(BATCH_BEGIN[1:]):
        return [BATCH_BEGIN[1:] + piece + b"}" for piece in pieces]
    text = raw.decode("utf-8", "replace")
    return [text[start:end].encode() for start, end, _ in scan(text)]


_DECODER = json.JSONDecoder()

UNREADABLE = object()

_FILLER = re.compile(r"[\s,\[\]]*")


def _skip_filler(text: str, at: int) -> int:
    match = _FILLER.match(text, at)
    return match.end() if match else at


def scan(text: str) -> Events:
    """Finds the JSON values of an array, or of lines of JSON, with where each begins and ends.

    What follows the first place that is no JSON comes back as one value that is ``UNREADABLE``.
    """
    found: Events = []
    at = _skip_filler(text, 0)
    while at < len(text):
        try:
            event, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            found.append((at, len(text), UNREADABLE))
            break
        found.append((at, end, event))
        at = _skip_filler(text, end)
    return found


SEGMENT_COST_BYTES = 160
"""What a segment costs beside its bytes: the object, the ``bytes`` header and its place in the list (measured)."""


class Kind(Enum):
    """What a segment holds."""

    LINES = "lines"
    EVENT = "event"
    GAP = "gap"


class Segment:
    """A run of events as they came, or the place where some were.

    Attributes:
        raw: JSON of ``count`` events, comma-separated; empty for a gap.
        count: events held, or for a gap, lines given up.
        first_number: the number of the first one; the others follow. Numbers are unique in an environment.
        vital: an error line or metrics: given up later than others.
        is_emf: one line in the embedded metric format.
        gone_bytes: for a gap, the bytes given up.
    """

    __slots__ = ("count", "first_number", "gone_bytes", "is_emf", "kind", "raw", "vital")

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
        self.first_number = first_number
        self.kind = kind
        self.vital = vital
        self.is_emf = is_emf
        self.gone_bytes = gone_bytes

    @property
    def cost_bytes(self) -> int:
        """What the segment is charged against the memory bound."""
        return len(self.raw) + SEGMENT_COST_BYTES

    @property
    def lines(self) -> int:
        """How many ``function`` lines it holds."""
        return self.count if self.kind is Kind.LINES else 0
