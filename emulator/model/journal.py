"""Record, with times, all that passes between the emulator and the processes.

Times are ``time.monotonic_ns()``. On Linux that is one clock for the whole machine, so a process can compare its own times.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.model.errors import EmulatorError

# Entries, events and lines kept for inspection, each. Older ones are forgotten, for a long-running `serve`.
KEPT = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the journal.

    Attributes:
        at_ns: Monotonic nanoseconds.
        kind: ``spawn, register, subscribe, next, event, batch, init_error, exit_error, runtime_next,
            runtime_event, response, error, exit, kill, freeze, thaw, runtime_done, end, lost, shutdown``.
        who: Extension name, ``runtime``, or ``environment``.
        detail: Its particulars: body, headers, status, sizes, durations (``…_ms``).
    """

    at_ns: int
    kind: str
    who: str
    detail: dict[str, Any]


class Journal:
    """The entries in their order; safe to read while the environment runs."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def note(self, kind: str, who: str, *, at_ns: int | None = None, **detail: Any) -> Entry:
        """Add an entry, of this moment unless ``at_ns`` is set."""
        entry = Entry(time.monotonic_ns() if at_ns is None else at_ns, kind, who, detail)
        with self._lock:
            self._entries.append(entry)
        return entry

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(list(self._entries))

    def of(self, kind: str, who: str | None = None) -> list[Entry]:
        """Return all entries of one kind, or those of one party."""
        return [e for e in self if e.kind == kind and who in (None, e.who)]

    def first(self, kind: str, who: str | None = None) -> Entry:
        """Return the first entry of a kind.

        Raises:
            EmulatorError: The journal has none.
        """
        return self._one(kind, who, 0)

    def last(self, kind: str, who: str | None = None) -> Entry:
        """Return the last entry of a kind.

        Raises:
            EmulatorError: The journal has none.
        """
        return self._one(kind, who, -1)

    def _one(self, kind: str, who: str | None, index: int) -> Entry:
        found = self.of(kind, who)
        if not found:
            raise EmulatorError(
                f"the journal has no {kind!r} entry" + (f" of {who}" if who else "")
            )
        return found[index]
