"""Eviction: give up lines that wait for a sink, to hold the memory bound. Loaded when memory is short.

Promises: the oldest chunks lose lines first, and a failed invocation loses its middle first. A gap stays at the place
of the lines, and the summary stays, so that the delivery tells of the loss.
"""

from collections import deque

from extension.diagnostics.account import Tally
from extension.model.chunk import CHUNK_COST_BYTES, Chunk
from extension.model.recording import Recording
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment


def make_room(
    tried: list[Chunk],
    waiting: deque[Chunk],
    tally: Tally,
    *,
    need_bytes: int,
    failed_too: bool,
) -> int:
    """Give up lines in place, oldest first, and then merge the oldest gaps of what waits; return the bytes freed.

    What is left of healthy invocations without their lines makes way for lines of failed ones.
    """
    freed = 0
    if failed_too:
        freed = merge_gaps(waiting, need_bytes=need_bytes, failed_too=False)
    if freed < need_bytes:
        chunks = [*tried, *waiting]
        freed += evict(chunks, tally, need_bytes=need_bytes - freed, failed_too=failed_too)
    if failed_too and freed < need_bytes:
        freed += merge_gaps(waiting, need_bytes=need_bytes - freed)
    return freed


def evict(chunks: list[Chunk], tally: Tally, *, need_bytes: int, failed_too: bool) -> int:
    """Give up lines of healthy invocations, or of failed ones too, in place; return the bytes freed."""
    freed = 0
    for middle_only in (True, False) if failed_too else (False,):
        for chunk in chunks:
            if freed >= need_bytes:
                break
            metadata = chunk.metadata
            if not chunk.lines or (metadata.failed and not failed_too):
                continue
            before_bytes = chunk.held_bytes
            recording = Recording(list(chunk.segments))
            lines = recording.give_up(
                need_bytes=need_bytes - freed, middle_only=middle_only, events_too=failed_too
            )
            tally.evict(lines, request_id=metadata.request_id, failed=metadata.failed)
            chunk.hold(recording.segments)
            freed += before_bytes - chunk.held_bytes
    return freed


def merge_gaps(chunks: deque[Chunk], *, need_bytes: int, failed_too: bool = True) -> int:
    """Merge the oldest chunks without lines into one gap, in the place of the first; return the bytes freed.

    No invocation has that gap.
    """
    oldest: list[Chunk] = []
    left: list[Chunk] = []
    freed = place = 0
    gap_bytes = CHUNK_COST_BYTES + SEGMENT_COST_BYTES
    for chunk in chunks:
        if (
            chunk.lines
            or freed >= need_bytes + gap_bytes
            or (chunk.metadata.failed and not failed_too)
        ):
            left.append(chunk)
        else:
            place = place if oldest else len(left)
            oldest.append(chunk)
            freed += chunk.held_bytes
    if freed <= gap_bytes or (not failed_too and len(oldest) == 1):
        return 0
    segments = [segment for chunk in oldest for segment in chunk.segments]
    gaps = [segment for segment in segments if segment.kind is Kind.GAP]
    gap = Segment(
        b"",
        count=sum(segment.count for segment in gaps),
        first_number=segments[0].first_number,
        kind=Kind.GAP,
        gone_bytes=sum(segment.gone_bytes or len(segment.raw) for segment in segments),
    )
    merged = Chunk(oldest[-1].metadata._replace(request_id="", trace_id="", span_id=""), [gap])
    chunks.clear()
    chunks.extend([*left[:place], merged, *left[place:]])
    return freed - merged.held_bytes
