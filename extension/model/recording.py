"""The buffered lines of one invocation, bounded in bytes.

Lines are appended all the time, and taken once, all in order. Rarely the metrics alone are taken, or a part is given up
because memory is short. So a recording is a list of segments, each with the bytes of many lines as they arrived. Giving
up rebuilds the list once for many lines. The middle goes first, then its error lines, then the rest: the beginning
shows how the invocation started, the end shows how it died. Platform events go last. A gap stays at each hole and is delivered.
"""

from extension.model.chunk import Segments
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment

HEAD_SHARE = 4
"""The first quarter of a recording's bytes is its head, and is given up last."""

SPLIT_ABOVE_BYTES = 4 * 1024
"""A larger segment is given up line by line. A smaller one goes whole, which costs at most this many bytes more."""

_LINES_ALONE = frozenset({Kind.LINES})
_LEVELS = (
    (False, False, _LINES_ALONE),
    (True, False, _LINES_ALONE),
    (True, True, _LINES_ALONE),
    (True, True, frozenset({Kind.LINES, Kind.EVENT})),
)
"""Whether error lines and metrics go, whether the head goes, and which kinds: the middle, its error lines, the head, events."""


class Recording(Segments):
    """Hold the segments of one invocation."""

    __slots__ = ()

    def append(self, segment: Segment) -> None:
        """Add a segment at the end."""
        self.segments.append(segment)
        self.held_bytes += len(segment.raw) + SEGMENT_COST_BYTES
        self.lines += segment.lines

    def take(self) -> list[Segment]:
        """Return all segments and forget them."""
        taken = self.segments
        self.hold([])
        return taken

    def take_emf(self) -> list[Segment]:
        """Return the metrics and forget them; keep everything else."""
        taken = [segment for segment in self.segments if segment.is_emf]
        if taken:
            self.hold([segment for segment in self.segments if not segment.is_emf])
        return taken

    def give_up(
        self, *, need_bytes: int, middle_only: bool = False, events_too: bool = False
    ) -> int:
        """Give up at least ``need_bytes`` of lines, or all if they are less, and return how many lines are gone.

        ``middle_only`` spares error lines, metrics and the head; ``events_too`` gives up platform events after all lines.
        """
        before = self.lines
        levels = _LEVELS if events_too else _LEVELS[:-1]
        for vital_too, head_too, kinds in levels[:1] if middle_only else levels:
            while need_bytes > 0:
                held_bytes = self.held_bytes
                # The gap that stays behind has a cost too.
                self._sweep(
                    need_bytes + SEGMENT_COST_BYTES,
                    vital_too=vital_too,
                    head_too=head_too,
                    kinds=kinds,
                )
                if self.held_bytes >= held_bytes:
                    break
                need_bytes -= held_bytes - self.held_bytes
        return before - self.lines

    def _sweep(
        self, need_bytes: int, *, vital_too: bool, head_too: bool, kinds: frozenset[Kind]
    ) -> None:
        head_until = 0 if head_too else self.held_bytes // HEAD_SHARE
        passed = freed = 0
        left: list[Segment] = []
        for segment in self.segments:
            in_head = head_until - passed
            passed += segment.cost_bytes
            spared = segment.kind not in kinds or (segment.vital and not vital_too)
            if spared or passed <= head_until or freed >= need_bytes:
                _add(left, segment)
                continue
            for part, goes in _cut(segment, keep_bytes=in_head, drop_bytes=need_bytes - freed):
                freed += part.cost_bytes if goes else 0
                _add(left, _gap(part) if goes else part)
        self.hold(left)


def _gap(segment: Segment) -> Segment:
    number, gone_bytes = segment.first_number, len(segment.raw)
    return Segment(
        b"", count=segment.lines, first_number=number, kind=Kind.GAP, gone_bytes=gone_bytes
    )


def _add(segments: list[Segment], segment: Segment) -> None:
    """Append a segment; merge a gap into the gap before it."""
    last = segments[-1] if segments else None
    if segment.kind is Kind.GAP and last is not None and last.kind is Kind.GAP:
        last.count += segment.count
        last.gone_bytes += segment.gone_bytes
    else:
        segments.append(segment)


def _cut(segment: Segment, *, keep_bytes: int, drop_bytes: int) -> list[tuple[Segment, bool]]:
    """Cut a segment into the head's share, the lines to give up, and the rest, each with whether it is given up.

    A small segment is given up whole.
    """
    if segment.count == 1 or len(segment.raw) <= SPLIT_ABOVE_BYTES:
        return [(segment, True)]
    events = segment.events()
    kept = _count_within(events, keep_bytes)
    dropped = kept + _count_taking(events[kept:], drop_bytes)
    return segment.runs([kept <= n < dropped for n in range(len(events))], events)


def _count_within(events: list[bytes], max_bytes: int) -> int:
    """Count the first events that fit into ``max_bytes`` together."""
    size = 0
    for count, event in enumerate(events):
        size += len(event)
        if size > max_bytes:
            return count
    return len(events)


def _count_taking(events: list[bytes], least_bytes: int) -> int:
    """Count the first events that take at least ``least_bytes`` together, or all.

    With one event less, each of many segments would give up a short line before a long one, and be copied for it.
    """
    size = 0
    for count, event in enumerate(events, 1):
        size += len(event)
        if size >= least_bytes:
            return count
    return len(events)
