"""One batch's way through the extension, cut out of a trace and counted.

Pure. The package's opening tells what counts.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from tools.hand_overs.call_trace import READS, Event

NO_STAGES = frozenset({"model", "diagnostics"})
"""Folders of values and counters, which every stage uses: a batch does not travel to them."""


Changes = Counter[tuple[str, str]]
"""How often each place hands over to each other."""


class Counts(NamedTuple):
    """One batch's way, counted."""

    calls: int
    modules: int
    classes: int
    hand_overs: int
    returns: int


class Journey(NamedTuple):
    """One batch's way: its calls in order.

    Attributes:
        calls: of functions in ``extension/``, from the listener's ``recv`` to the settled receipt.
    """

    calls: list[Event]

    @property
    def counts(self) -> Counts:
        """Count calls, modules, classes, hand-overs and returns."""
        modules = {call.module for call in self.calls}
        hand_overs = sum(self.between_modules.values())
        return Counts(
            calls=len(self.calls),
            modules=len(modules),
            classes=len({(call.module, call.owner) for call in self.calls if call.owner}),
            hand_overs=hand_overs,
            returns=hand_overs - (len(modules) - 1),
        )

    @property
    def between_modules(self) -> Changes:
        """Count the hand-overs from each module to each other."""
        return _changes([call.module for call in self.calls])

    @property
    def between_stages(self) -> Changes:
        """Count the hand-overs from each stage to each other.

        A stage is a folder, or a module that is in none. Folders of :data:`NO_STAGES` are left out.
        """
        stages = [call.module.partition("/")[0] for call in self.calls]
        return _changes([stage for stage in stages if stage not in NO_STAGES])


def _changes(places: Sequence[str]) -> Changes:
    visits = [place for place, _ in groupby(places)]
    return Counter(pairwise(visits))


def window(events: list[Event], *, main: int, port: int) -> list[Event]:
    """Return the batch's calls, in order. The module's opening tells where they begin and end."""
    opening = next(place for place, one in enumerate(events) if one.port == port)
    events = _in_turn(events[opening:], main)
    ending = len(events)
    depth = floor = 0
    has_read = False
    for place, event in enumerate(events):
        if event.thread != main:
            continue
        if event.kind == "c_return" and event.owner == "poll":
            depth = floor = 0
        elif event.kind == "call":
            depth += 1
        elif event.kind == "return":
            depth -= 1
            floor = min(floor, depth)
        elif event.kind == "c_return" and event.owner in READS:
            has_read = True
        if has_read and depth == floor:
            # The main loop's handler for the receipt has returned.
            ending, has_read = place, False
    return [event for event in events[:ending] if event.kind == "call"]


def _in_turn(events: list[Event], main: int) -> list[Event]:
    """Order events by the main loop's turns. In each turn its own events come first, then those of other threads."""
    turns = [
        event.at_ns
        for event in events
        if event.thread == main and event.kind == "c_return" and event.owner == "poll"
    ]
    taken: dict[int, int] = {}
    keyed = []
    for event in events:
        if event.thread == main or (event.kind == "c_return" and event.owner == "get"):
            taken[event.thread] = sum(turn <= event.at_ns for turn in turns)
        turn = taken.setdefault(event.thread, 0)
        keyed.append((turn, event.thread != main, event.at_ns, event))
    keyed.sort(key=lambda one: one[:3])
    return [event for *_, event in keyed]
