"""Write down what a run makes, in a file, so that what a killed run left can be taken down.

Promises: a thing is in the file before it is asked for, and until AWS says that it is gone. The file is written anew as a
whole, so that none is half written.
"""

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

KINDS = ("function", "bucket", "group", "role", "layer")
"""In the order in which they are taken down: what uses another thing goes first."""


class Thing(NamedTuple):
    """One thing in the account: its kind, of :data:`KINDS`, and its name."""

    kind: str
    name: str


class Journal:
    """The things of one run.

    Attributes:
        file: Where they are written down.
        region: Where they are.
        profile: Of the aws command.
    """

    def __init__(self, file: Path, *, region: str, profile: str) -> None:
        self.file = file
        self.region = region
        self.profile = profile
        self._things: list[Thing] = []
        self._lock = threading.Lock()

    @classmethod
    def read(cls, file: Path) -> "Journal":
        """Read what an earlier run wrote.

        Raises:
            ValueError: The file is no journal.
        """
        try:
            content = json.loads(file.read_text("utf-8"))
            journal = cls(file, region=content["region"], profile=content["profile"])
            journal._things = [Thing(str(kind), str(name)) for kind, name in content["things"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} is no journal of a run: {error}") from None
        return journal

    @property
    def things(self) -> list[Thing]:
        """What may be there, in the order of their removal."""
        with self._lock:
            return sorted(self._things, key=lambda thing: KINDS.index(thing.kind))

    def add(self, things: Iterable[Thing]) -> None:
        """Write down what is about to be asked for."""
        with self._lock:
            self._things += [one for one in things if one not in self._things]
            self._write()

    def remove(self, thing: Thing) -> None:
        """Write down that a thing is gone; the file goes with the last."""
        with self._lock:
            self._things.remove(thing)
            if self._things:
                self._write()
            else:
                self.file.unlink(missing_ok=True)

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        content = {"region": self.region, "profile": self.profile, "things": self._things}
        new = self.file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.file)


def journals(folder: Path) -> list[Path]:
    """Return the journals of runs that left something, oldest first."""
    return sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
