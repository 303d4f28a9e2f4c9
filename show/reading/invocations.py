"""Join entries to invocations.

A record names its invocation and its environment. A line as written names neither: the summary of its invocation tells the
log stream, and the times of the first and the last line. An environment runs one invocation after the other.

Assumes of AWS: Lambda repeats an asynchronous invocation with the same request id ("Error handling for asynchronous
invocation"), so one environment may have several attempts at one request.

Pure.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from extension.model.record import WARNING_TYPE
from show.model.entry import REPORT_TYPE, Entry, in_order
from show.model.invocation import Invocation


def invocations_of(entries: Iterable[Entry]) -> list[Invocation]:
    """Return the invocations that the entries make up, in the order of their ends.

    An entry that came twice counts once.
    """
    unique = list({entry.key: entry for entry in reversed(list(entries))}.values())
    own: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    history, bare, reports = [], [], []
    for entry in unique:
        if entry.type == WARNING_TYPE:
            # Of the extension itself: no invocation's, whenever it was told.
            continue
        if entry.is_history:
            history.append(entry)
        elif entry.request_id and entry.environment:
            own[entry.environment, entry.request_id].append(entry)
        elif entry.request_id:
            reports.append(entry)
        else:
            bare.append(entry)
    found = [attempt for part in own.values() for attempt in _attempts(part)]
    found.sort(key=lambda one: one.last_ms)
    unreported = _reported(found, reports)
    shared = _shared_streams(unique)
    alone = [entry for entry in bare if (entry.place, entry.stream) not in shared]
    left = [*_claimed(found, alone), *unreported]
    _give_history(found, history, key=lambda entry: entry.environment)
    _give_history(found, left, key=lambda entry: (entry.place, entry.stream))
    return found


def _shared_streams(entries: Iterable[Entry]) -> set[tuple[str, str]]:
    """Return the streams that several environments write to. In these a line without ids may be anybody's."""
    environments: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if entry.stream and entry.environment:
            environments[entry.place, entry.stream].add(entry.environment)
    return {place for place, known in environments.items() if len(known) > 1}


def _attempts(entries: list[Entry]) -> list[Invocation]:
    """Split the entries of one request: behind a summary, all but a report begins another attempt."""
    parts: list[list[Entry]] = [[]]
    for entry in in_order(entries):
        if any(one.is_summary for one in parts[-1]) and entry.type != REPORT_TYPE:
            parts.append([])
        parts[-1].append(entry)
    return [Invocation(part) for part in parts]


def _claimed(found: Sequence[Invocation], bare: list[Entry]) -> list[Entry]:
    """Give each invocation the lines that its summary tells of; return those that are nobody's."""
    lanes: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in in_order(bare):
        lanes[entry.place, entry.stream].append(entry)
    times = {place: [entry.at_ms for entry in lane] for place, lane in lanes.items()}
    taken: set[int] = set()
    for one in found:
        place = (one.place, one.stream)
        if one.summary is None or place not in lanes:
            continue
        end_ms, order = _end_of(one, one.summary)
        begin = bisect_left(times[place], one.first_ms)
        end = bisect_right(times[place], end_ms)
        mine = [
            entry
            for entry in lanes[place][begin:end]
            if id(entry) not in taken
            and (entry.at_ms < one.last_ms or (entry.at_ms, entry.order) < (end_ms, order))
        ]
        taken.update(map(id, mine))
        one.add(mine)
    return [entry for lane in lanes.values() for entry in lane if id(entry) not in taken]


def _end_of(one: Invocation, summary: Entry) -> tuple[int, int]:
    """Return the time and the place behind which no line is the invocation's.

    Two invocations may share a millisecond: a line behind the summary is the next one's, unless it is before the report.
    Lambda may tell a line's time late, so one may be behind the summary's last time.
    """
    ends = [(one.last_ms, summary.order)]
    ends += [(entry.at_ms, entry.order) for entry in one.entries if entry.type == REPORT_TYPE]
    return max(ends)


def _reported(found: Sequence[Invocation], reports: list[Entry]) -> list[Entry]:
    """Give each report to the attempt before it; return those whose invocation was not kept."""
    by_request: dict[tuple[str, str, str], list[Invocation]] = defaultdict(list)
    for one in found:
        by_request[one.place, one.stream, one.request_id].append(one)
    left = []
    for report in reports:
        attempts = by_request.get((report.place, report.stream, report.request_id), [])
        before = [one for one in attempts if one.first_ms <= report.at_ms]
        if before:
            before[-1].add([report])
        else:
            left.append(report)
    return left


def _give_history(
    found: Sequence[Invocation],
    left: list[Entry],
    *,
    key: Callable[[Entry | Invocation], object],
) -> None:
    """Give what is left to the first failed invocation behind it in the same environment."""
    failed: dict[object, list[Invocation]] = defaultdict(list)
    for one in sorted(found, key=lambda one: one.first_ms):
        if one.is_failed:
            failed[key(one)].append(one)
    times = {place: [one.first_ms for one in line] for place, line in failed.items()}
    for entry in in_order(left):
        place = key(entry)
        at = bisect_left(times.get(place, ()), entry.at_ms)
        if at < len(failed.get(place, ())) and not entry.is_metrics:
            failed[place][at].history.append(entry)
