"""What a person reads: progress on standard output, warnings and errors on standard error."""

from __future__ import annotations

import sys


class CommandError(Exception):
    """A command cannot go on; `build.sh: MESSAGE` is printed, and nothing else.

    Attributes:
        message: one line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def say(text: str) -> None:
    """Print progress. It is flushed, so that it stands before the output of a process started next.

    Threads and processes say something at the same time, so text and line end are written at once.
    """
    print(f"{text}\n", end="", flush=True)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    print(text, file=sys.stderr, flush=True)
