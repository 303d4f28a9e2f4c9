"""Define a chunk: segments of one invocation with one metadata, as a queue holds them and a sink gets them.

Pure values. A *record* is one event, or one gap. Its number is unique in its environment: a receipt names records by
their numbers, and a reader recognises by it a record that arrives twice.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from extension.levels.level import LevelReader
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment

RewriteLines = Callable[[list[bytes]], list[bytes]]
"""Rewrites the JSON of lines, each to one."""


WARNING = "warning"
"""Reason of a chunk with one of the extension's own warnings. It is no line, and nothing waits for it."""


class Metadata(NamedTuple):
    """Describe where the records of a chunk come from, and why they are kept.

    Attributes:
        request_id: empty for what was written outside of any invocation.
        trace_id: X-Ray's, such as ``1-5f35ae12-0c0fec141ab77a00bc047aa2``; empty where unknown.
        function: the function's name.
        version: the function's version.
        environment_id: 16 hex digits, which no other process has. Records are numbered anew with each.
        reason: the rule that kept it.
        weight: how many invocations it stands for.
        failed: whether the invocation failed.
        correlation_id: by which the function names the transaction; empty if it does not.
        span_id: 16 hex digits, of the X-Ray segment that the invocation belongs to; empty where unknown.
        arn: as the function was invoked; empty where unknown.
        tenant_id: of the tenant that the invocation served; empty where there is none (AWS: tenant isolation).
        level_in: LEVEL_PATTERN, for lines whose level is not known otherwise; None without one.
        instance_id: Lambda's name for the environment, the same for each process in it; empty where unknown.
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
    tenant_id: str = ""
    level_in: LevelReader | None = None
    instance_id: str = ""


CHUNK_COST_BYTES = 400
"""A chunk's cost beside its segments: its metadata, which may be its own, the objects and its place in a queue (measured)."""


class Segments:
    """Hold segments in the order received, with the bytes and the lines of all of them."""

    __slots__ = ("held_bytes", "lines", "segments")

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self.hold([*segments])

    def hold(self, segments: list[Segment]) -> None:
        """Replace the segments."""
        self.segments = segments
        held_bytes = lines = 0
        # A loop, not generators: every invocation holds none at its beginning, and at its end.
        for one in segments:
            held_bytes += len(one.raw) + SEGMENT_COST_BYTES
            lines += one.lines
        self.held_bytes, self.lines = held_bytes, lines


class Chunk(Segments):
    """Hold segments of one invocation that are kept for one reason.

    Attributes:
        metadata: of all its records.
        rewritten_by: the rewriting that its lines have gone through already; None for none.
    """

    __slots__ = ("metadata", "rewritten_by")

    def __init__(
        self, metadata: Metadata, segments: list[Segment], *, rewritten_by: object = None
    ) -> None:
        self.metadata = metadata
        self.rewritten_by = rewritten_by
        self.hold(segments)

    def of(self, segments: list[Segment]) -> "Chunk":
        """Return a chunk of other segments that keeps everything else."""
        return Chunk(self.metadata, segments, rewritten_by=self.rewritten_by)

    def hold(self, segments: list[Segment]) -> None:
        """Replace the segments."""
        super().hold(segments)
        self.held_bytes += CHUNK_COST_BYTES

    def split_off(self, max_bytes: int) -> "Chunk":
        """Take the first segments, at least one, off as a chunk of at most about ``max_bytes``."""
        size = count = 0
        for segment in self.segments:
            if count and size + segment.cost_bytes > max_bytes:
                break
            size += segment.cost_bytes
            count += 1
        first = self.of(self.segments[:count])
        self.hold(self.segments[count:])
        return first


def numbers_in(segment: Segment) -> range:
    """Return the numbers of a segment's records: one for a gap, else one for each event."""
    count = 1 if segment.kind is Kind.GAP else segment.count
    return range(segment.first_number, segment.first_number + count)


def without(chunks: list[Chunk], gone: Container[int]) -> list[Chunk]:
    """Return chunks without the records whose numbers are ``gone``; a chunk without records is left out."""
    left = []
    for chunk in chunks:
        segments: list[Segment] = []
        for segment in chunk.segments:
            runs = segment.runs([n in gone for n in numbers_in(segment)])
            segments += [part for part, is_gone in runs if not is_gone]
        if segments:
            left.append(chunk.of(segments))
    return left


def halves(chunks: list[Chunk]) -> tuple[list[Chunk], list[Chunk]] | None:
    """Halve chunks by the number of their records; return None for a single record."""
    numbers = [n for chunk in chunks for segment in chunk.segments for n in numbers_in(segment)]
    first = without(chunks, set(numbers[len(numbers) // 2 :]))
    second = without(chunks, set(numbers[: len(numbers) // 2]))
    return (first, second) if first and second else None


def sliced(chunk: Chunk, max_bytes: int) -> Iterator[Chunk]:
    """Cut a chunk into chunks of at most about ``max_bytes``, of one record at least."""
    if chunk.held_bytes <= max_bytes:
        yield chunk
        return
    segments: list[Segment] = []
    size = 0
    for segment in chunk.segments:
        for part in _sliced(segment, max_bytes):
            if segments and size + part.cost_bytes > max_bytes:
                yield chunk.of(segments)
                segments, size = [], 0
            segments.append(part)
            size += part.cost_bytes
    if segments:
        yield chunk.of(segments)


def _sliced(segment: Segment, max_bytes: int) -> Iterator[Segment]:
    if segment.count == 1 or segment.cost_bytes <= max_bytes or segment.kind is not Kind.LINES:
        return iter([segment])
    events = segment.events()
    if len(events) != segment.count:
        # Its events cannot be told apart.
        return iter([segment])
    ends = accumulate(len(event) + 1 for event in events)
    return (part for part, _ in segment.runs([end // max_bytes for end in ends], events))


def rewritten(chunks: list[Chunk], rewrite: RewriteLines, *, by: object = None) -> list[Chunk]:
    """Return chunks with the JSON of each line rewritten, also where a summary quotes it; all else stays as it is.

    ``by`` identifies the rewriting: a chunk that has gone through it comes back itself.
    """
    return [
        chunk
        if by is not None and chunk.rewritten_by is by
        else Chunk(
            chunk.metadata,
            [_rewritten(segment, rewrite) for segment in chunk.segments],
            rewritten_by=by,
        )
        for chunk in chunks
    ]


def _rewritten(segment: Segment, rewrite: RewriteLines) -> Segment:
    if segment.kind is Kind.SUMMARY:
        # Imported here: most deliveries hold no failed invocation.
        from extension.model.summary import rewritten_errors

        return segment.rewritten([rewritten_errors(segment.raw, rewrite)])
    if segment.kind is not Kind.LINES:
        return segment
    events = segment.events()
    new = rewrite(events)
    return segment if new == events else segment.rewritten(new)


def sifted(segment: Segment, goes: Callable[[bytes], bool]) -> tuple[list[Segment], int]:
    """Take the lines whose JSON ``goes`` out of a segment; return the segments that stay, and how many lines went.

    A segment that cannot be split goes whole as soon as one line goes.
    """
    events = segment.events()
    gone = [goes(event) for event in events]
    if len(gone) != segment.count:
        gone = [any(gone)] * segment.count
    stays = [part for part, is_gone in segment.runs(gone, events) if not is_gone]
    return stays, gone.count(True)
