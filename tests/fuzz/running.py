"""Run a fuzzer: draw cases from a seed, check each, and reduce the first that fails.

A fuzzer draws *cases*, plain values that ``ast.literal_eval`` reads back, and checks invariants on them. A case holds one
or several *inputs*, such as a stream and the places where it is cut. The seed, the fuzzer's name and the case's number make
the case, so any case can be made again.
"""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
from abc import ABC, abstractmethod
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from zlib import crc32

from tests.fuzz.shrinking import smaller_cases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import FrameType

Case = Any
"""Tuples and lists of text, bytes, numbers and None. A tuple has a fixed length; a list may be shortened."""

Choice = TypeVar("Choice")

CASE_LIMIT_S = 20.0
"""Of processor time, for one case: a thousand times what the slowest takes."""

SHRINKING_S = 20.0
"""For reducing one case."""


class Fuzzer(ABC):
    """Draw cases, and check them."""

    @abstractmethod
    def draw(self, random: Random) -> Case:
        """Make a case."""

    @abstractmethod
    def check(self, case: Case) -> int:
        """Check the invariants on a case; return how many inputs it holds. Any exception is a breach."""

    def close(self) -> None:  # noqa: B027 - few have anything open
        """Close what is open between cases."""


class TooSlow(BaseException):
    """A case took longer than its limit."""


class Breach(NamedTuple):
    """A case that breaks an invariant.

    Attributes:
        seed, number: what the case was drawn from.
        kind: the exception's class and the line that raised it; the same for cases that fail alike.
        text: the exception's text.
        case: the smallest case found that fails alike.
    """

    name: str
    seed: int
    number: int
    kind: str
    text: str
    case: Case


def pick(random: Random, choices: Sequence[Choice]) -> Choice:
    """Return one of the choices, four times as fast as ``random.choice``."""
    return choices[int(random.random() * len(choices))]


def some(random: Random, choices: Sequence[Choice], *, most: int) -> list[Choice]:
    """Return up to so many of the choices; short lists are as likely as long ones."""
    return [pick(random, choices) for _ in range(int(random.random() * (most + 1)))]


def random_for(name: str, seed: int, number: int) -> Random:
    """Return the source of randomness of one case."""
    return Random((seed << 64) | (crc32(name.encode()) << 32) | number)


def kind_of(error: BaseException) -> str:
    """Tell breaches apart: the exception's class, and the innermost line."""
    frames = traceback.extract_tb(error.__traceback__)
    # The innermost frame of the repository's own: a decoder of the standard library fails for many callers.
    own = [one for one in frames if "/extension/" in one.filename or "/tests/" in one.filename]
    last = (own or frames)[-1]
    path = last.filename.replace("\\", "/").split("/")
    return f"{type(error).__name__} at {'/'.join(path[-3:])}:{last.lineno}"


def failure_of(fuzzer: Fuzzer, case: Case) -> BaseException | None:
    """Return the exception with which a case fails; None if it holds."""
    try:
        with _limited(CASE_LIMIT_S):
            fuzzer.check(case)
    except (Exception, TooSlow) as error:  # noqa: BLE001 - any is a breach
        return error
    return None


def run_cases(
    name: str, fuzzer: Fuzzer, *, seed: int, numbers: Iterable[int], until_s: float = float("inf")
) -> tuple[int, int, tuple[int, BaseException] | None]:
    """Check cases until one fails, they run out, or the clock passes ``until_s``.

    Returns:
        The cases and the inputs that held, and the number and the exception of the case that failed.
    """
    cases = inputs = 0
    for number in numbers:
        case = fuzzer.draw(random_for(name, seed, number))
        try:
            with _limited(CASE_LIMIT_S):
                inputs += fuzzer.check(case)
        except (Exception, TooSlow) as error:  # noqa: BLE001 - any is a breach
            return cases, inputs, (number, error)
        cases += 1
        if time.monotonic() >= until_s:
            break
    return cases, inputs, None


def breach_of(name: str, fuzzer: Fuzzer, *, seed: int, number: int) -> Breach | None:
    """Make a case again and reduce it; return None if it holds."""
    case = fuzzer.draw(random_for(name, seed, number))
    error = failure_of(fuzzer, case)
    if error is None:
        return None
    smallest, error = shrink(fuzzer, case, error)
    return Breach(name, seed, number, kind_of(error), str(error)[:2000], smallest)


def shrink(
    fuzzer: Fuzzer, case: Case, error: BaseException, *, within_s: float = SHRINKING_S
) -> tuple[Case, BaseException]:
    """Reduce a case as long as it fails alike."""
    kind = kind_of(error)
    until_s = time.monotonic() + within_s
    improved = True
    while improved and time.monotonic() < until_s:
        improved = False
        for smaller in smaller_cases(case):
            found = failure_of(fuzzer, smaller)
            if found is not None and kind_of(found) == kind:
                case, error, improved = smaller, found, True
                break
            if time.monotonic() >= until_s:
                break
    return case, error


@contextlib.contextmanager
def _limited(limit_s: float) -> Iterator[None]:
    """End what takes too much processor time. The timer is not the one that ends tests."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
