"""The buffered lines of one invocation, bounded in bytes.

Wanted: append at the end all the time; take everything, in order; take the metrics only; rarely, give up a part when
memory is short. So it is a list of :class:`Segment`, each holding the bytes of many lines as they came, and giving up
rebuilds the list once for many lines. What is given up is first the middle, then the error lines in it, then the rest:
the beginning tells how the invocation started, the end how it died. Each hole is remembered, and told in the delivery.
"""

from collections.abc import Iterator

from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment, split_events

HEAD_SHARE = 4
"""A quarter of a recording's bytes is kept from its beginning; what is given up comes from behind that."""

SPLIT_ABOVE_BYTES = 4 * 1024
"""A segment larger than this is given up line by line; a smaller one at once, which costs no more than that."""

_LEVELS = ((False, False), (True, False), (True, True))
"""What is given up, in turn: the middle; error lines and metrics in it too; the beginning too."""


class Recording:
    """The segments of one invocation, in the order received."""

    __slots__ = ("held_bytes", "lines", "segments")

    def __init__(self, segments: list[Segment] | None = None) -> None:
        self.segments: list[Segment] = segments or []
        self.held_bytes = sum(segment.cost_bytes for segment in self.segments)
        self.lines = sum(segment.lines for segment in self.segments)

    def append(self, segment: Segment) -> None:
        """Adds what came last."""
        self.segments.append(segment)
        self.held_bytes += segment.cost_bytes
        self.lines += segment.lines

    def take(self) -> list[Segment]:
        """Gives everything, and is empty then."""
        taken = self.segments
        self.segments = []
        self.held_bytes = self.lines = 0
        return taken

    def take_emf(self) -> list[Segment]:
        """Gives the metrics, and keeps the rest."""
        taken = [segment for segment in self.segments if segment.is_emf]
        if taken:
            self._replace([segment for segment in self.segments if not segment.is_emf])
        return taken

    def give_up(self, *, need_bytes: int, middle_only: bool = False) -> int:
        """Gives up at least ``need_bytes`` of lines, if it holds as much.

        Args:
            need_bytes: what is to be freed.
            middle_only: whether to stop short of error lines, metrics and the beginning.

        Returns:
            How many lines were given up.
        """
        before = self.lines
        for vital_too, head_too in _LEVELS[:1] if middle_only else _LEVELS:
            while need_bytes > 0:
                held_bytes = self.held_bytes
                # The gap that is left behind costs something as well.
                self._sweep(need_bytes + SEGMENT_COST_BYTES, vital_too=vital_too, head_too=head_too)
                if self.held_bytes >= held_bytes:
                    break
                need_bytes -= held_bytes - self.held_bytes
        return before - self.lines

    def _sweep(self, need_bytes: int, *, vital_too: bool, head_too: bool) -> None:
        head_until = 0 if head_too else self.held_bytes // HEAD_SHARE
        passed = freed = 0
        left: list[Segment] = []
        for segment in self.segments:
            in_head = head_until - passed
            passed += segment.cost_bytes
            spared = segment.kind is not Kind.LINES or (segment.vital and not vital_too)
            if spared or passed <= head_until or freed >= need_bytes:
                _add(left, segment)
                continue
            for part, goes in _cut(segment, keep_bytes=in_head, drop_bytes=need_bytes - freed):
                freed += part.cost_bytes if goes else 0
                _add(left, _gap(part) if goes else part)
        self._replace(left)

    def _replace(self, segments: list[Segment]) -> None:
        self.segments = segments
        self.held_bytes = sum(segment.cost_bytes for segment in segments)
        self.lines = sum(segment.lines for segment in segments)


def _gap(segment: Segment) -> Segment:
    return Segment(
        b"",
        count=segment.count,
        first_number=segment.first_number,
        kind=Kind.GAP,
        gone_bytes=len(segment.raw),
    )


def _add(segments: list[Segment], segment: Segment) -> None:
    """Appends; neighbouring gaps become one."""
    last = segments[-1] if segments else None
    if segment.kind is Kind.GAP and last is not None and last.kind is Kind.GAP:
        last.count += segment.count
        last.gone_bytes += segment.gone_bytes
    else:
        segments.append(segment)


def _cut(segment: Segment, *, keep_bytes: int, drop_bytes: int) -> Iterator[tuple[Segment, bool]]:
    """Cuts a segment into what belongs to the head, what is given up, and what need not be.

    Yields:
        The parts, in order, with whether they are to go. A small segment goes at once.
    """
    if segment.count == 1 or len(segment.raw) <= SPLIT_ABOVE_BYTES:
        yield segment, True
        return
    events = split_events(segment.raw, segment.count)
    kept = _count_within(events, keep_bytes)
    dropped = kept + max(1, _count_within(events[kept:], drop_bytes + SPLIT_ABOVE_BYTES))
    for first, last, goes in (
        (0, kept, False),
        (kept, dropped, True),
        (dropped, len(events), False),
    ):
        part = events[first:last]
        if part:
            number = segment.first_number + first
            yield (
                Segment(b",".join(part), count=len(part), first_number=number, vital=segment.vital),
                goes,
            )


def _count_within(events: list[bytes], max_bytes: int) -> int:
    """Counts the first events that together have at most ``max_bytes``."""
    size = 0
    for count, event in enumerate(events):
        size += len(event)
        if size > max_bytes:
            return count
    return len(events)
