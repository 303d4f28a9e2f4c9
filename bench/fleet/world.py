"""A world in simulated time: many lives, each a generator that yields how many seconds it waits."""

import heapq
from collections.abc import Generator
from typing import final

Life = Generator[float, None, None]


@final
class World:
    """Lives, in the order of their next steps.

    Attributes:
        now_s: the time, from the world's beginning.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self._lives: list[tuple[float, int, Life]] = []
        self._number = 0

    def begin(self, life: Life, at_s: float) -> None:
        """Let a life begin at a time."""
        self._number += 1
        heapq.heappush(self._lives, (at_s, self._number, life))

    def run(self, until_s: float) -> None:
        """Let all lives go on until a time, or until the last has ended."""
        while self._lives and self._lives[0][0] <= until_s:
            self.now_s, _, life = heapq.heappop(self._lives)
            for wait_s in life:
                self.begin(life, self.now_s + max(0.0, wait_s))
                break
        self.now_s = max(self.now_s, until_s)
