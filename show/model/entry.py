"""Define an entry: one thing that a sink wrote, be it a line, a platform event, a gap or an invocation's summary.

Pure values.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from extension.levels.metrics import holds_metrics
from extension.levels.reading import level_of
from extension.model.record import GAP_TYPE, WARNING_TYPE, dumps
from extension.sinks.cloudwatch_events import REPEAT_TYPE, SUMMARY_TYPE

LINE_TYPE = "function"
REPORT_TYPE = "platform.report"
HISTORY = "history"
"""The reason of lines that were let go of, and delivered with a later failure (README, Sampling)."""

OWN_TYPES = frozenset({SUMMARY_TYPE, GAP_TYPE, REPEAT_TYPE, WARNING_TYPE})


class Entry:
    """One thing that a sink wrote.

    Attributes:
        place: The log group, the bucket or the file that it was read from.
        stream: Its log stream; empty where it has none.
        at_ms: Its time, in milliseconds since 1970.
        order: Its place in what was read.
        type: As records have it; a line as written is a ``function``.
        record: The line as text or as an object, or what the event tells.
        fields: The other members of a record; empty for a line as written.
        key: The same for two that are the same entry, read twice.
    """

    def __init__(  # noqa: PLR0913 - a plain value
        self,
        *,
        place: str,
        stream: str,
        at_ms: int,
        order: int,
        type: str,  # noqa: A002 - the member's name
        record: object,
        fields: Mapping[str, Any],
        key: object,
    ) -> None:
        self.place = place
        self.stream = stream
        self.at_ms = at_ms
        self.order = order
        self.type = type
        self.record = record
        self.fields = fields
        self.key = key

    def text_of(self, name: str) -> str:
        """Return a member of the record, as text; empty where it has none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    @property
    def told(self) -> Mapping[str, Any]:
        """What the event tells; empty for text."""
        return self.record if isinstance(self.record, dict) else {}

    @property
    def id(self) -> str:
        """The record's id; empty for a line as written."""
        return self.text_of("id")

    @property
    def environment(self) -> str:
        """The id of its environment; empty for a line as written, which names none."""
        return self.id.rpartition("-")[0]

    @cached_property
    def number(self) -> int:
        """The record's number in its environment; -1 for a line as written."""
        number = self.id.rpartition("-")[2]
        return int(number) if number.isascii() and number.isdigit() else -1

    @cached_property
    def request_id(self) -> str:
        """The invocation; empty where the entry does not name it."""
        told = self.told.get("requestId") if self.type.startswith("platform.") else ""
        return self.text_of("requestId") or (told if isinstance(told, str) else "")

    @property
    def is_summary(self) -> bool:
        """Whether it tells how an invocation ended."""
        return self.type == SUMMARY_TYPE

    @property
    def is_history(self) -> bool:
        """Whether it is a record that was delivered as history."""
        return self.text_of("reason") == HISTORY

    @property
    def is_bare(self) -> bool:
        """Whether it is a line as written, which has no room for an id."""
        return self.type == LINE_TYPE and not self.id

    @property
    def is_metrics(self) -> bool:
        """Whether it is a line in the embedded metric format, which is kept of every invocation."""
        return self.type == LINE_TYPE and holds_metrics(self.record)

    @cached_property
    def level(self) -> str:
        """The level's name; empty where it has none."""
        given = self.text_of("level")
        if given or self.type != LINE_TYPE:
            return given
        level = level_of(self.record)
        return "" if level is None else level.name

    @property
    def text(self) -> str:
        """The line, or what the event tells as JSON, without a newline at its end."""
        return (self.record if isinstance(self.record, str) else dumps(self.record)).rstrip("\n")


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Sort entries of one environment: records by their numbers, or else all by time, and then as they were read.

    The numbers are the order in which Lambda delivered. Times may go back: a runtime's logger tells the time of a line
    itself, and Lambda that of a print.
    """
    found = list(entries)
    if all(entry.number >= 0 for entry in found):
        return sorted(found, key=lambda entry: entry.number)
    return sorted(found, key=lambda entry: (entry.at_ms, entry.order))
