"""Read files: what ``file:`` sinks wrote, objects copied from S3, and what ``aws logs`` commands print.

The readers are those of ``./build.sh whatif``, so a file's content tells its kind.
"""

from collections.abc import Iterator, Sequence

from show.model.entry import Entry
from show.model.errors import ShowError
from show.model.invocation import Invocation
from show.reading.entries import entry_of
from show.sources.progress import Progress
from show.sources.span import Span
from whatif.logs.files import SourceError, files_of
from whatif.logs.readers import read_events
from whatif.model.events import Logged, Reading
from whatif.model.words import counted

MAX_ENTRIES = 500_000
"""Held in memory: a gigabyte, as one of 400 bytes takes 2 KB (measured)."""

TOLD_EVERY = 10_000
"""Entries between two looks at the clock."""

NO_STREAM = "names no log streams, so lines of other invocations at the same time may stand among those shown"


class Files:
    """A file, or a folder of them; all of their times unless a span is given."""

    def __init__(self, name: str, span: Span | None, *, progress: Progress) -> None:
        self.name = name
        self.notes: list[str] = []
        self._span = span
        self._progress = progress
        self._entries: list[Entry] | None = None

    def summaries(self) -> Sequence[Entry]:
        """Return all entries.

        Raises:
            ShowError: A file cannot be opened.
        """
        if self._entries is None:
            try:
                self._entries = list(self._all())
            except SourceError as error:
                raise ShowError(str(error)) from error
        return self._entries

    def naming(self, _text: str) -> Sequence[Entry]:
        """Return all entries."""
        return self.summaries()

    def around(self, _one: Invocation) -> Sequence[Entry]:
        """Return nothing more."""
        return ()

    def _all(self) -> Iterator[Entry]:
        order = 0
        for name in files_of([self.name]):
            reading = Reading(name)
            without_stream = False
            for event in read_events(reading):
                order += 1
                if order % TOLD_EVERY == 0:
                    self._progress.tell(f"{name}: {order:,} entries")
                if order > MAX_ENTRIES:
                    self.notes.append(
                        f"Reading {self.name} stopped after {MAX_ENTRIES:,} entries: name fewer files."
                    )
                    return
                entry = entry_of(event, place=self.name, order=order)
                if entry is None or not (self._span is None or self._span.holds(entry.at_ms)):
                    continue
                without_stream |= isinstance(event, Logged) and not event.stream
                yield entry
            self._note(reading, without_stream=without_stream)

    def _note(self, reading: Reading, *, without_stream: bool) -> None:
        self.notes += [f"{reading.name}: {note}" for note in reading.notes]
        if reading.unreadable:
            lines = counted(reading.unreadable, "line")
            self.notes.append(f"{reading.name}: {lines} could not be read.")
        if without_stream:
            self.notes.append(f"{reading.name} {NO_STREAM}.")
