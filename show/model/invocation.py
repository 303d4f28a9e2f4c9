"""Define an invocation: what is known of it, and all of it that was kept."""

from collections.abc import Iterable, Sequence
from typing import Any

from show.model.entry import LINE_TYPE, Entry, in_order

SUCCESS = "success"
UNTOLD = "not told"
"""In place of the outcome, if the summary is missing: the invocation may still run."""


class Invocation:
    """One attempt at one request.

    Attributes:
        entries: Its own: lines, platform events and gaps, in order.
        history: What was delivered with it of invocations before, in order.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = in_order(entries)
        self.history: list[Entry] = []

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries of its own."""
        self.entries = in_order([*self.entries, *entries])

    @property
    def summary(self) -> Entry | None:
        """The record that tells how it ended; None if it is missing."""
        return next((entry for entry in self.entries if entry.is_summary), None)

    @property
    def told(self) -> dict[str, Any]:
        """What the summary tells; empty without one."""
        return {} if self.summary is None else dict(self.summary.told)

    @property
    def _speaker(self) -> Entry:
        """The entry that tells most of it."""
        known = (entry for entry in self.entries if entry.id)
        return self.summary or next(known, self.entries[0])

    def text_of(self, name: str) -> str:
        """Return a field that all of its records share, such as ``function``; empty where unknown."""
        return self._speaker.text_of(name)

    @property
    def request_id(self) -> str:
        """The invocation's id."""
        return self._speaker.request_id

    @property
    def ids(self) -> dict[str, str]:
        """The ids by which it can be found, by the name of the field; without those that are unknown."""
        known = {name: self.text_of(name) for name in ("requestId", "traceId", "correlationId")}
        known["requestId"] = self.request_id
        return {name: value for name, value in known.items() if value}

    @property
    def environment(self) -> str:
        """The id of its environment; empty if unknown."""
        return self._speaker.environment

    @property
    def place(self) -> str:
        """Where it was read from."""
        return self._speaker.place

    @property
    def stream(self) -> str:
        """The log stream in which it was read; empty where there are none."""
        return self._speaker.stream

    @property
    def outcome(self) -> str:
        """How it ended, as the summary tells it."""
        outcome = self.told.get("outcome")
        return outcome if isinstance(outcome, str) else UNTOLD

    @property
    def is_failed(self) -> bool:
        """Whether it ended otherwise than well."""
        return self.outcome not in (SUCCESS, UNTOLD)

    @property
    def has_metrics_alone(self) -> bool:
        """Whether nothing but its metrics was kept."""
        return all(entry.is_metrics for entry in self.entries)

    @property
    def weight(self) -> float:
        """How many invocations it stands for."""
        weight = self._speaker.fields.get("weight")
        return weight if isinstance(weight, (int, float)) else 1

    def number(self, name: str) -> float | None:
        """Return a number that the summary tells; None where it does not."""
        value = self.told.get(name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    @property
    def first_ms(self) -> int:
        """The time of its first line or event."""
        told = self.number("firstTimestamp")
        return self.entries[0].at_ms if told is None else int(told)

    @property
    def last_ms(self) -> int:
        """The time of its last line or event, without the report."""
        told = self.number("lastTimestamp")
        return self.entries[-1].at_ms if told is None else int(told)

    @property
    def duration_ms(self) -> float | None:
        """How long it took; None if nothing tells."""
        told = self.number("durationMs")
        if told is None and self.summary is not None:
            told = self.last_ms - self.first_ms
        return told

    @property
    def lines(self) -> Sequence[Entry]:
        """The lines that were kept of it, in order."""
        return [entry for entry in self.entries if entry.type == LINE_TYPE]
