"""Do something to many functions: some at a time, and what fails at one stops no other."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from attach.cloud.command import SAYS_SO_EVERY_S, SLICE_S, Aws, Interrupted, Stop, say
from attach.plan.model import told

MAX_PARALLEL = 16
"""Lambda takes 15 requests a second of all its control-plane calls together; a function's requests are one a second."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What came of one function.

    Attributes:
        result: None if it failed or was not begun.
        failure: why; empty if it did not fail.
        begun: False if a signal came before.
    """

    function: str
    result: T | None
    failure: str
    begun: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The functions, and how the aws command is called for them."""

    names: Sequence[str]
    parallel: int
    profile: str
    region: str
    stop: Stop

    def each(self, work: Callable[[Aws, str], T]) -> list[Outcome[T]]:
        """Do the work at each function; return the outcomes in the functions' order."""
        done: dict[Future[Outcome[T]], str] = {}
        with ThreadPoolExecutor(self.parallel) as pool:
            for name in self.names:
                done[pool.submit(self._one, work, name)] = name
            left = set(done)
            told = time.monotonic()
            while left:
                # A signal is taken between two waits of this thread.
                ended, left = wait(left, timeout=SLICE_S, return_when=FIRST_COMPLETED)
                if len(self.names) > 1 and (ended or time.monotonic() - told > SAYS_SO_EVERY_S):
                    told = self._tell(len(self.names) - len(left))
        return [future.result() for future in done]

    def _tell(self, ended: int) -> float:
        say(f"{ended} of {len(self.names)} functions are done")
        return time.monotonic()

    def _one(self, work: Callable[[Aws, str], T], name: str) -> Outcome[T]:
        if self.stop.number:
            return Outcome(name, None, "", begun=False)
        aws = Aws(self.profile, self.region, self.stop, lambda text: say(f"{name}: {text}"))
        try:
            return Outcome(name, work(aws, name), "")
        except Interrupted as error:
            return Outcome(name, None, f"interrupted: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            return Outcome(name, None, told(error))


def summary(outcomes: Sequence[Outcome[str]]) -> list[str]:
    """Return a line for each function, and the numbers."""
    lines = []
    for one in outcomes:
        told = one.result if one.result is not None else f"FAILED: {one.failure}"
        lines.append(f"{one.function}: {told if one.begun else 'not begun'}")
    failed = sum(bool(one.failure) for one in outcomes)
    unbegun = sum(not one.begun for one in outcomes)
    numbers = f"{len(outcomes) - failed - unbegun} of {len(outcomes)} functions done"
    numbers += f", {failed} failed" if failed else ""
    return [*lines, numbers + (f", {unbegun} not begun" if unbegun else "")]
