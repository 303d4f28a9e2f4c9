"""What came of one environment's life: lines that were written, and records that arrived."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.chaos.plan import Plan

NAME = re.compile(r"L\d+-N\d+\.")


def records_of(data: bytes) -> list[dict[str, Any]]:
    """Parse lines of JSON; the last one may be unfinished, if the process was killed."""
    found = []
    for text in data.split(b"\n"):
        try:
            read = json.loads(text)
        except ValueError:
            continue
        if isinstance(read, dict):
            found.append(read)
    return found


def named_in(records: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the function's lines in records, each with its name."""
    for record in records:
        if record.get("type") == "function" and (match := NAME.search(str(record["record"]))):
            yield match[0], record


@dataclass
class Lived:
    """What came of one life.

    Attributes:
        written: the lines by their names, each with the request id.
        failed: request ids of the invocations that failed.
        taken: the records that the sink answered with success; ``fallback`` and ``printed`` are records as well.
        said: the extension's own log, parsed.
        freezes: how many there were.
        frozen_s: their time in all.
        slowest_next_s: the longest time from an invocation's end to Next, without freezes in between.
        settled_s: how long it took until all was there when the sink was back; None where that was not waited for.
        shutdown_s: how long the process ran from SHUTDOWN on.
        trouble: what went wrong in the script itself, such as a Next that did not come.
    """

    plan: Plan
    written: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    taken: list[dict[str, Any]] = field(default_factory=list)
    fallback: list[dict[str, Any]] = field(default_factory=list)
    printed: list[dict[str, Any]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    own_output: str = ""
    freezes: int = 0
    frozen_s: float = 0.0
    slowest_next_s: float = 0.0
    settled_s: float | None = None
    shutdown_s: float = 0.0
    exit_code: int | None = None
    trouble: list[str] = field(default_factory=list)


def missing(lived: Lived) -> set[str]:
    """Return the names of failed invocations' lines that are nowhere."""
    there = {name for name, _ in named_in([*lived.taken, *lived.fallback, *lived.printed])}
    return {
        name for name, request_id in lived.written.items() if request_id in lived.failed
    } - there
