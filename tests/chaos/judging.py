"""Look at a life: what was promised, and what came of it. Nothing here waits or runs anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.chaos.lived import NAME, Lived, missing, named_in

if TYPE_CHECKING:
    from collections.abc import Sequence


def breaches_of(lived: Lived, *, secret: str) -> list[str]:
    """Return which promises a life broke."""
    there = [*lived.taken, *lived.fallback, *lived.printed]
    found = list(lived.trouble)
    if lost := missing(lived):
        found.append(f"{len(lost)} lines of failed invocations are nowhere")
    ids: dict[str, set[str]] = {}
    for name, record in named_in(there):
        ids.setdefault(name, set()).add(str(record.get("id")))
    if twice := [name for name, several in ids.items() if len(several) > 1]:
        found.append(f"{len(twice)} lines came twice with different ids")
    if odd := [name for name in ids if lived.written.get(name) not in lived.failed]:
        found.append(f"{len(odd)} lines of healthy invocations were delivered")
    if lived.plan.redacts and secret in json.dumps(there):
        found.append("a secret left unmasked")
    if NAME.search(lived.own_output) or secret in lived.own_output:
        found.append("the own log holds a line of the function's")
    if lived.exit_code not in (0, None):
        found.append(f"the extension ended with status {lived.exit_code}")
    return found + _account(lived)


def _account(lived: Lived) -> list[str]:
    accounts = [one for one in lived.said if one.get("event") == "account"]
    if len(accounts) != 1:
        return [f"{len(accounts)} accounts were said"]
    told = accounts[0]
    settled = sum(
        sum(told[name].values()) for name in ("kept_lines", "dropped_lines", "lost_lines")
    )
    settled += (
        told["evicted_lines"] + told["buffered_lines"] + told.get("handed_to_stdout_lines", 0)
    )
    found = []
    if told["received_lines"] != settled:
        found.append(
            f"the account does not add up: {told['received_lines']} received, {settled} told of"
        )
    if told["received_lines"] != len(lived.written):
        found.append(f"{told['received_lines']} lines received of {len(lived.written)}")
    return found


def repeated(lived: Lived) -> int:
    """Return how many lines came again, with the same id."""
    names = [name for name, _ in named_in([*lived.taken, *lived.fallback, *lived.printed])]
    return len(names) - len(set(names))


def table(lives: Sequence[Lived]) -> str:
    """Return a table of lives in Markdown, by the sink's state at SHUTDOWN and the share of the processor."""
    head = (
        "sink at SHUTDOWN",
        "processor",
        "lives",
        "freezes",
        "failed",
        "lines",
        "lost",
        "again",
        "printed",
        "slowest Next",
        "SHUTDOWN",
    )
    groups: dict[tuple[str, str], list[Lived]] = {}
    for one in lives:
        share = ("small" if one.plan.small else "full") + (", REDACT" if one.plan.redacts else "")
        groups.setdefault((one.plan.sink_end, share), []).append(one)
    rows: list[tuple[str, ...]] = []
    for (end, share), group in sorted(groups.items()):
        rows.append((end, share, *_sums(group)))
    rows.append(("all", "all", *_sums(lives)))
    rule = ("---",) * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _sums(lives: Sequence[Lived]) -> tuple[str, ...]:
    failed_lines = sum(
        request_id in one.failed for one in lives for request_id in one.written.values()
    )
    return (
        str(len(lives)),
        str(sum(one.freezes for one in lives)),
        str(sum(len(one.failed) for one in lives)),
        str(failed_lines),
        str(sum(len(missing(one)) for one in lives)),
        str(sum(map(repeated, lives))),
        str(sum(len(list(named_in(one.printed))) for one in lives)),
        f"{max(one.slowest_next_s for one in lives):.2f} s",
        f"{max(one.shutdown_s for one in lives):.2f} s",
    )
