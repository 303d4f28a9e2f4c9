"""Define the ways in which an invocation ends, and the lines that it is told to write. Pure.

Each line has the run's id, the function and the invocation's number in it, so that no two lines of a run are the same.
"""

from typing import NamedTuple

LINES = 40
"""Written by each invocation before it fails: more than Lambda delivers in one piece, as a rule."""


class Way(NamedTuple):
    """One way for an invocation to end.

    Attributes:
        key: As the function is told.
        text: As the report has it.
        fails: Whether Flight Recorder must keep it, whatever the rates.
        errs: Whether Lambda tells the caller of an error.
        breaks: Whether Lambda starts the process anew after it.
    """

    key: str
    text: str
    fails: bool = True
    errs: bool = True
    breaks: bool = False


WAYS = {
    way.key: way
    for way in (
        Way("healthy", "goes well", fails=False, errs=False),
        Way("error-line", "logs an ERROR, succeeds", errs=False),
        Way("exception", "handler reports an error"),
        Way("timeout", "hangs until the timeout", breaks=True),
        Way("exit", "exits in the handler", breaks=True),
        Way("memory", "runs out of memory", breaks=True),
    )
}
FAILING = tuple(way.key for way in WAYS.values() if way.fails)

HEALTHY_ALONE = ("healthy", "healthy")
"""What a function does whose SAMPLE_RATE is 1."""


def ways_of(rate: str, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ways of a function's invocations in order: a healthy one stands before, between and behind the others.

    Args:
        rate: The function's SAMPLE_RATE.
        chosen: The failing ways to try.
    """
    if rate != "0":
        return HEALTHY_ALONE
    return ("healthy", *(way for one in chosen for way in (one, "healthy")))


class Told(NamedTuple):
    """What one invocation is told.

    Attributes:
        function: The function's name.
        number: The invocation's, from 1 on within the function.
        way: The way in which it ends.
        lines_to_write: How many ordinary lines it writes.
    """

    function: str
    number: int
    way: Way
    lines_to_write: int = LINES

    @property
    def label(self) -> str:
        """The invocation's name for people."""
        return f"{self.function} #{self.number}"

    @property
    def stem(self) -> str:
        """What each of its lines begins with, behind what a runtime puts in front. It has letters of several bytes."""
        return f"prove {self.function} {self.number} größer €5"

    @property
    def event(self) -> dict[str, object]:
        """The event that the function gets."""
        return {
            "stem": self.stem,
            "count": self.lines_to_write,
            "way": self.way.key,
            "label": self.label,
        }

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that it writes, each without what a runtime puts in front."""
        ordinary = [
            f"{self.stem} line {number} of {self.lines_to_write}"
            for number in range(1, self.lines_to_write + 1)
        ]
        return (*ordinary, *([f"{self.stem} error line"] if self.way.key == "error-line" else []))


def told_to(function: str, ways: tuple[str, ...]) -> list[Told]:
    """Return what a function's invocations are told."""
    return [Told(function, number, WAYS[key]) for number, key in enumerate(ways, 1)]
