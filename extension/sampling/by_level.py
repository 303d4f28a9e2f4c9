"""Per-level sampling: split a recording into the lines to deliver and the lines to drop.

Pure. This is for invocations of which some lines are kept and others are not, so it may parse.
"""

import json
from collections.abc import Callable

from extension.levels.level import Level, LevelReader
from extension.levels.reading import level_of
from extension.model.segment import Kind, Segment

Weighed = list[tuple[float, list[Segment]]]
"""Runs of segments, in order, each with the weight of its records."""


def draw(
    segments: list[Segment],
    *,
    weigh: Callable[[Level | None], float],
    weight: float,
    level_in: LevelReader | None = None,
) -> tuple[Weighed, list[Segment]]:
    """Split segments by the level of their lines, into those to deliver and those that are left.

    A line's weight is 0 if it is not kept. Records that are not lines have ``weight``. ``level_in`` is LEVEL_PATTERN's reading
    of a line whose level is not known otherwise.
    """
    taken: Weighed = []
    left: list[Segment] = []
    for segment in segments:
        for piece, worth in _weighed(
            segment, lambda event: weigh(_level_in(event, level_in)), weight
        ):
            if worth <= 0.0:
                left.append(piece)
            elif taken and taken[-1][0] == worth:
                taken[-1][1].append(piece)
            else:
                taken.append((worth, [piece]))
    return taken, left


def error_lines(segments: list[Segment]) -> tuple[list[Segment], int]:
    """Return all but healthy lines, and how many those are."""
    taken = [one for one in segments if one.kind is not Kind.LINES or one.vital]
    return taken, sum(one.lines for one in segments) - sum(one.lines for one in taken)


def _weighed(
    segment: Segment, weigh: Callable[[bytes], float], weight: float
) -> list[tuple[Segment, float]]:
    """Cut a segment where the weight of its lines changes."""
    if segment.kind is not Kind.LINES:
        return [(segment, weight)]
    if segment.is_emf:
        # Metrics are never sampled: they are released whatever the draw.
        return [(segment, 0.0)]
    events = segment.events()
    return segment.runs([weigh(event) for event in events], events)


def _level_in(event: bytes, level_in: LevelReader | None) -> Level | None:
    try:
        parsed = json.loads(event)
    except (ValueError, RecursionError):
        return None
    record = parsed.get("record") if isinstance(parsed, dict) else None
    level = level_of(record)
    if level is None and level_in is not None and isinstance(record, str):
        return level_in(record)
    return level
