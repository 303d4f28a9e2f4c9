"""Look for failures, or for one invocation, in several places at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from show.model.invocation import Invocation
from show.reading.finding import found_by, transaction_ids, transaction_of
from show.reading.invocations import invocations_of
from show.sources.base import Source

if TYPE_CHECKING:
    from show.model.entry import Entry


class Whole(NamedTuple):
    """One invocation, with what belongs to it.

    Attributes:
        ids: Those that begin with what was asked for.
        attempts: At the same request; empty if nothing was found, or several ids.
        others: Of the same transaction.
    """

    ids: Sequence[str]
    attempts: Sequence[Invocation]
    others: Sequence[Invocation]


def kept_in(sources: Sequence[Source]) -> list[Invocation]:
    """Return all invocations whose summaries are in the places, in the order of their ends."""
    return invocations_of([entry for source in sources for entry in source.summaries()])


def whole_of(wanted: str, sources: Sequence[Source]) -> Whole:
    """Return one invocation whole, by an id or the beginning of one."""
    entries: list[Entry] = [entry for source in sources for entry in source.naming(wanted)]
    found = found_by(wanted, invocations_of(entries))
    if not found.attempts:
        return Whole(found.ids, [], [])
    first = found.attempts[0]
    for source in sources:
        for one in found.attempts:
            entries += source.around(one)
        for name in transaction_ids(first):
            entries += source.naming(name) if name != wanted else ()
    everything = invocations_of(entries)
    attempts = [one for one in everything if one.request_id == first.request_id]
    return Whole(found.ids, attempts, transaction_of(first, everything))
