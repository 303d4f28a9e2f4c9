"""The parser of batches: the quick and the exact way agree, every line is found, nothing raises."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING

from extension.levels.level import OFF, Level
from extension.levels.reading import object_of
from extension.model.segment import split_events
from extension.parsing import batch as parser
from extension.parsing.batch import FLOOD_BYTES, Item, Line, Lines, Unreadable, read_batch
from extension.parsing.line import LineRules
from tests.doubles.lambda_events import FIRST, SECOND, compact, done, event, report, start
from tests.extension.parsing.lines import read_all, read_exactly
from tests.extension.parsing.logger_lines import REQUEST_ID
from tests.fuzz import corpus
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

BatchCase = tuple[list[bytes], list[bytes], list[tuple[int, int, bytes]], int, str, int]
"""Events of the function, platform events that stand before some of them, edits, the level, the open id, the flood's size."""

PLATFORM = tuple(map(compact, (start(REQUEST_ID), start(SECOND), done(), report())))
OTHERS = (
    *(
        compact(event(f"platform.{kind}", {"requestId": FIRST}))
        for kind in ("end", "fault", "extension", "new", "logsDropped")
    ),
    compact(event("platform.report", {"requestId": FIRST, "metrics": {"durationMs": 10**400}})),
    compact(event("platform.runtimeDone", [corpus.NESTED_EVENT])),
    b'{"time":"2026","type":"platform.start","record":"',
    b'{"time":"","type":"function","record":"',
    b'{"type":"function","record":1}',
    b"17",
)
"""Events with which a line may not be found: Lambda writes none of these, or the line stands in them."""

LEVELS = (Level.ERROR, Level.ERROR, Level.WARN, Level.INFO, Level.FATAL, OFF)


class Batches(Fuzzer):
    """Put lines of all loggers, as they are and mutated, into batches."""

    def draw(self, random: Random) -> BatchCase:
        # A batch of the JSON format holds objects alone.
        objects = random.random() < 0.3
        events = [self._event(random, objects=objects) for _ in range(1 + int(random.random() * 5))]
        platform = [b""] * len(events)
        if random.random() < 0.3:
            platform[int(random.random() * len(events))] = pick(
                random, PLATFORM if random.random() < 0.8 else OTHERS
            )
        changes = corpus.edits(random) if random.random() < 0.2 else []
        flood = FLOOD_BYTES if random.random() < 0.7 else 100
        open_id = pick(random, (REQUEST_ID, REQUEST_ID, FIRST, SECOND, ""))
        return events, platform, changes, int(pick(random, LEVELS)), open_id, flood

    def _event(self, random: Random, *, objects: bool) -> bytes:
        kind = random.random()
        if objects:
            record = (
                {"level": "INFO", "items": [corpus.value(random), corpus.NESTED_EVENT]}
                if kind < 0.2
                else corpus.value(random)
            )
            return corpus.event_of(
                record if isinstance(record, dict) else {"level": "INFO", "message": record}
            )
        if kind < 0.3:
            return pick(random, corpus.events())
        if kind < 0.9:
            return corpus.event_of(corpus.mutated(random, pick(random, corpus.records())))
        return corpus.event_of(corpus.text(random))

    def check(self, case: BatchCase) -> int:
        events, platform, changes, level, open_id, flood = case
        parts = [part for pair in zip_longest(platform, events) for part in pair if part]
        body = b"[" + b",".join(parts) + b"]"
        rules = LineRules(error_level=level)
        parser.FLOOD_BYTES, before = flood, parser.FLOOD_BYTES
        try:
            if changes or any(one in OTHERS for one in platform):
                read_any(corpus.edited(body, changes), rules, open_id)
                return 1
            quick = read_all(body, rules=rules, open_id=open_id.encode())
            exact = read_exactly(body, rules=rules, open_id=open_id.encode())
        finally:
            parser.FLOOD_BYTES = before
        if not all(map(is_event, events)):
            return 0  # of a case that was made smaller
        assert comparable(quick) == comparable(exact)
        assert lines_in(quick) == events
        for item in quick:
            if isinstance(item, Lines) and item.is_text:
                assert not any(
                    object_of(json.loads(one)["record"])
                    for one in split_events(item.raw, item.count)
                )
        return 1


@lru_cache(maxsize=100_000)
def is_event(event: bytes) -> bool:
    """Tell whether these are the bytes of an event of a function, as Lambda writes them."""
    try:
        read = json.loads(event)
    except ValueError:
        return False
    return (
        isinstance(read, dict)
        and list(read) == ["time", "type", "record"]
        and read["type"] == "function"
        and compact(read) == event
    )


def read_any(body: bytes, rules: LineRules, open_id: str) -> None:
    """Read what Lambda would not write; all of it is of some kind, and counted."""
    for item in read_batch(body, rules=rules, open_id=open_id.encode()):
        if isinstance(item, Lines):
            assert item.count > 0
            assert item.raw
        elif isinstance(item, Unreadable):
            assert item.raw


def comparable(items: list[Item]) -> list[object]:
    """Return items as values; unremarkable lines are told by their bytes and their number."""
    return [(one.raw, one.count) if isinstance(one, Lines) else one for one in items]


def lines_in(items: list[Item]) -> list[bytes]:
    """Return the events of the function's lines, in order."""
    found: list[bytes] = []
    for item in items:
        if isinstance(item, Lines):
            found += split_events(item.raw, item.count)
        elif isinstance(item, Line):
            found.append(item.raw)
    return found
