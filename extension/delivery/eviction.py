"""Eviction: give up lines that wait for a sink, to hold the memory bound. Loaded when memory is short.

Promises: the oldest chunks lose lines first, and a failed invocation loses its middle first. A gap stays at the place
of the lines, and the summary stays, so that the delivery tells of the loss.
"""

from collections import deque

from extension.diagnostics.account import Tally
from extension.model.chunk import Chunk, Metadata
from extension.model.recording import Recording
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment


def evict(chunks: list[Chunk], tally: Tally, *, need_bytes: int, failed_too: bool) -> int:
    """Give up lines of healthy invocations, or of failed ones too, in place; return the bytes freed."""
    freed = 0
    for middle_only in (True, False) if failed_too else (False,):
        for chunk in chunks:
            if freed >= need_bytes:
                break
            if chunk.lines and (failed_too or not chunk.metadata.failed):
                freed += _evict_from(chunk, tally, need_bytes - freed, middle_only=middle_only)
    return freed


def _evict_from(chunk: Chunk, tally: Tally, need_bytes: int, *, middle_only: bool) -> int:
    before_bytes = chunk.held_bytes
    recording = Recording(list(chunk.segments))
    lines = recording.give_up(need_bytes=need_bytes, middle_only=middle_only)
    tally.evict(lines, request_id=chunk.metadata.request_id, failed=chunk.metadata.failed)
    chunk.hold(recording.segments)
    return before_bytes - chunk.held_bytes


def merge_gaps(chunks: deque[Chunk], *, need_bytes: int) -> int:
    """Merge the oldest chunks without lines into one gap, until enough is free; return the bytes freed."""
    freed = 0
    merged: Chunk | None = None
    while chunks and not chunks[0].lines and freed < need_bytes + SEGMENT_COST_BYTES:
        chunk = chunks.popleft()
        freed += chunk.held_bytes
        merged = _merged(merged, chunk)
    if merged is not None:
        chunks.appendleft(merged)
        freed -= merged.held_bytes
    return freed


def _merged(first: Chunk | None, second: Chunk) -> Chunk:
    """Merge two chunks without lines into one gap that belongs to no invocation."""
    segments = [*(first.segments if first is not None else ()), *second.segments]
    gaps = [segment for segment in segments if segment.kind is Kind.GAP]
    gap = Segment(
        b"",
        count=sum(segment.count for segment in gaps),
        first_number=segments[0].first_number,
        kind=Kind.GAP,
        gone_bytes=sum(segment.gone_bytes for segment in gaps),
    )
    told = second.metadata
    metadata = Metadata(
        request_id="",
        trace_id="",
        function=told.function,
        version=told.version,
        environment_id=told.environment_id,
        reason=told.reason,
        weight=told.weight,
        failed=told.failed,
        correlation_id=told.correlation_id,
        arn=told.arn,
    )
    return Chunk(metadata, [gap])
