"""What is handed to a sink, and what the sink says became of it.

Pure values. A *record* is one event, or one gap, and has a number that no other record of its environment has: by it a
sink can say of each record by itself what became of it, and whoever reads a record twice can tell.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from enum import Enum

from .recording import Kind, Segment
from .records import split_events

OWN_METRICS = "metrics"
"""The reason of what holds no lines but the extension's own metrics; see :mod:`extension.reporting`."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every record of a parcel carries beside its own line.

    Attributes:
        request_id: empty for what was written outside of any invocation.
        trace_id: X-Ray's, such as ``1-5f35ae12-0c0fec141ab77a00bc047aa2``; empty where unknown.
        function: the function's name.
        version: the function's version.
        environment_id: 16 hex digits.
        reason: the rule that kept it.
        weight: how many invocations it stands for.
        failed: whether the invocation failed.
        correlation_id: by which the function names the transaction; empty if it does not.
        span_id: 16 hex digits, of the X-Ray segment that the invocation belongs to; empty where unknown.
        arn: as the function was invoked; empty where unknown.
    """

    request_id: str
    trace_id: str
    function: str
    version: str
    environment_id: str
    reason: str
    weight: float
    failed: bool
    correlation_id: str = ""
    span_id: str = ""
    arn: str = ""


class Parcel:
    """Segments of one invocation that are kept for one reason."""

    __slots__ = ("held_bytes", "lines", "segments", "stamp")

    def __init__(self, stamp: Stamp, segments: list[Segment]) -> None:
        self.stamp = stamp
        self.hold(segments)

    @property
    def is_metrics(self) -> bool:
        """Whether it holds the extension's own metrics, which are no lines, and nothing that anybody waits for."""
        return self.stamp.reason == OWN_METRICS

    def hold(self, segments: list[Segment]) -> None:
        """Holds these segments, and no others."""
        self.segments = segments
        self.held_bytes = sum(segment.cost_bytes for segment in segments)
        self.lines = sum(segment.lines for segment in segments)

    def split_off(self, max_bytes: int) -> "Parcel":
        """Takes the first segments off, at least one, as a parcel of about ``max_bytes`` at most."""
        size = count = 0
        for segment in self.segments:
            if count and size + segment.cost_bytes > max_bytes:
                break
            size += segment.cost_bytes
            count += 1
        first = Parcel(self.stamp, self.segments[:count])
        del self.segments[:count]
        self.held_bytes -= first.held_bytes
        self.lines -= first.lines
        return first


class Answer(Enum):
    """How a sink answered a batch: what is to be done with whatever of it has not been taken.

    ``TAKEN``: nothing is left. ``UNAVAILABLE``: not now, so try again. ``DENIED``: not until somebody changes something
    (a permission, a name, a token), so try again, rarely. ``TOO_LARGE``: in smaller batches. ``UNREADABLE``: something
    in it will never be taken, so look for it. ``REFUSED``: none of it, ever.
    """

    TAKEN = "taken"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A sink's answer.

    Attributes:
        answer: what is to be done with the records that are in neither of the two below.
        detail: for people, such as ``status 503``; never of what was sent.
        sent_bytes: of request bodies that were answered with success, after compression.
        retry_after_s: how long the sink asks to be left alone, if it does.
        taken: numbers of records that were taken although the answer to the whole is another.
        refused: numbers of records that will never be taken, each with a reason such as ``too-old``.
        rejected_lines: how many lines were refused without being named (OTLP's partial success).
        uncertain: whether what was not answered may have arrived all the same.
    """

    answer: Answer
    detail: str = ""
    sent_bytes: int = 0
    retry_after_s: float | None = None
    taken: frozenset[int] = frozenset()
    refused: Mapping[int, str] = field(default_factory=dict)
    rejected_lines: int = 0
    uncertain: bool = False


def numbers_in(segment: Segment) -> range:
    """Gives the numbers of a segment's records: one for a gap, else one for each event."""
    count = 1 if segment.kind is Kind.GAP else segment.count
    return range(segment.first_number, segment.first_number + count)


def without(parcels: list[Parcel], gone: Container[int]) -> list[Parcel]:
    """Gives what is left of parcels without the records whose numbers are ``gone``."""
    left = []
    for parcel in parcels:
        segments: list[Segment] = []
        for segment in parcel.segments:
            segments += _pieces(segment, [n not in gone for n in numbers_in(segment)])
        if segments:
            left.append(Parcel(parcel.stamp, segments))
    return left


def halves(parcels: list[Parcel]) -> tuple[list[Parcel], list[Parcel]] | None:
    """Cuts parcels into two of about as many records each; None if there is only one record."""
    numbers = [n for parcel in parcels for segment in parcel.segments for n in numbers_in(segment)]
    if len(numbers) < 2:  # noqa: PLR2004 - one cannot be halved
        return None
    first = without(parcels, set(numbers[len(numbers) // 2 :]))
    second = without(parcels, set(numbers[: len(numbers) // 2]))
    return (first, second) if first and second else None


def rewritten(parcels: list[Parcel], rewrite: Callable[[bytes], bytes]) -> list[Parcel]:
    """Gives parcels whose lines have been rewritten, one by one; what is no line stays as it is.

    Args:
        parcels: stay as they are.
        rewrite: takes and gives the JSON of one event.
    """
    return [
        Parcel(parcel.stamp, [_rewritten(segment, rewrite) for segment in parcel.segments])
        for parcel in parcels
    ]


def _rewritten(segment: Segment, rewrite: Callable[[bytes], bytes]) -> Segment:
    if segment.kind is not Kind.LINES:
        return segment
    events = split_events(segment.raw, segment.count)
    new = [rewrite(event) for event in events]
    if new == events:
        return segment
    return Segment(
        b",".join(new),
        count=segment.count,
        first_number=segment.first_number,
        vital=segment.vital,
        is_emf=segment.is_emf,
    )


def sifted(segment: Segment, goes: Callable[[bytes], bool]) -> tuple[list[Segment], int]:
    """Takes lines out of a segment.

    Args:
        segment: of lines.
        goes: tells of the JSON of one event whether it goes.

    Returns:
        What stays, and how many went.
    """
    events = split_events(segment.raw, segment.count)
    stays = [not goes(event) for event in events]
    if len(stays) != segment.count:
        stays = [all(stays)] * segment.count
    return _pieces(segment, stays), stays.count(False)


def _pieces(segment: Segment, stays: list[bool]) -> list[Segment]:
    """Gives the runs of a segment's records that stay."""
    if all(stays):
        return [segment]
    if not any(stays):
        return []
    events = split_events(segment.raw, segment.count)
    if len(events) != len(stays):
        # What cannot be taken apart goes the way of its first record.
        return [segment] if stays[0] else []
    pieces = []
    start = 0
    while start < len(stays):
        end = start
        while end < len(stays) and stays[end] == stays[start]:
            end += 1
        if stays[start]:
            pieces.append(
                Segment(
                    b",".join(events[start:end]),
                    count=end - start,
                    first_number=segment.first_number + start,
                    kind=segment.kind,
                    vital=segment.vital,
                    is_emf=segment.is_emf,
                )
            )
        start = end
    return pieces
