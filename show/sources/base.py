"""Define what a place is asked for."""

from collections.abc import Iterable
from typing import Protocol

from show.model.entry import Entry
from show.model.invocation import Invocation


class Source(Protocol):
    """A log group, a part of a bucket, or files.

    Attributes:
        name: What was looked at, in words.
        notes: What the answers lack, in sentences.
    """

    name: str
    notes: list[str]

    def summaries(self) -> Iterable[Entry]:
        """Return at least the summaries of the span."""
        ...

    def naming(self, text: str) -> Iterable[Entry]:
        """Return at least the entries of the span that name an id."""
        ...

    def around(self, one: Invocation) -> Iterable[Entry]:
        """Return at least what else belongs to an invocation that was read here."""
        ...
