"""Find invocations by an id or the beginning of one, and those of the same transaction.

Pure.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from show.model.invocation import Invocation

REQUEST = "requestId"


class Found(NamedTuple):
    """What an id leads to.

    Attributes:
        ids: The ids that begin with it; one of them if it is an id itself. Several are ambiguous.
        attempts: The invocation, with all attempts at it; empty if there is none, or several ids.
    """

    ids: Sequence[str]
    attempts: Sequence[Invocation]


def found_by(wanted: str, invocations: Iterable[Invocation]) -> Found:
    """Find one invocation by its request, trace or correlation id, or the beginning of one.

    Of several in a transaction the first failed one is shown, or else the first.
    """
    by_id: dict[str, list[Invocation]] = {}
    for one in invocations:
        for value in one.ids.values():
            if value.startswith(wanted):
                by_id.setdefault(value, []).append(one)
    if wanted in by_id:
        by_id = {wanted: by_id[wanted]}
    if len(by_id) > 1:
        # Each id of one and the same invocation may begin so.
        together = {one.request_id for some in by_id.values() for one in some}
        if len(together) > 1:
            return Found(sorted(by_id), [])
    everyone = [one for some in by_id.values() for one in some]
    if not everyone:
        return Found([], [])
    first = min(everyone, key=lambda one: (not one.is_failed, one.first_ms))
    attempts = {id(one): one for one in everyone if one.request_id == first.request_id}
    return Found(sorted(by_id), sorted(attempts.values(), key=lambda one: one.first_ms))


def transaction_of(one: Invocation, invocations: Iterable[Invocation]) -> list[Invocation]:
    """Return the other invocations with the same trace or correlation id, in the order of their beginnings."""
    wanted = transaction_ids(one)
    others = [
        other
        for other in invocations
        if other.request_id != one.request_id and set(transaction_ids(other)) & set(wanted)
    ]
    return sorted(others, key=lambda other: other.first_ms)


def transaction_ids(one: Invocation) -> list[str]:
    """Return the trace and the correlation id of an invocation, as far as they are known."""
    return [value for name, value in one.ids.items() if name != REQUEST]


class Kind(NamedTuple):
    """One kind of failure.

    Attributes:
        fingerprint: Empty for failures that have none.
        failures: In the order of their beginnings.
    """

    fingerprint: str
    failures: Sequence[Invocation]


def kinds_of(failures: Iterable[Invocation]) -> list[Kind]:
    """Count failures by fingerprint, the most frequent first. Those without one are counted by reason."""
    kinds: dict[tuple[str, str], list[Invocation]] = {}
    for one in failures:
        fingerprint = one.told.get("fingerprint")
        known = fingerprint if isinstance(fingerprint, str) else ""
        kinds.setdefault((known, "" if known else one.text_of("reason")), []).append(one)
    ordered = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Kind(fingerprint, sorted(found, key=lambda one: one.first_ms))
        for (fingerprint, _), found in ordered
    ]
