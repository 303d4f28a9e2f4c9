"""Watch the runtime's memory, and kill it above the function's size, as the kernel of a microVM would."""

import asyncio
from collections.abc import Callable, Iterable

from emulator.machine.processes import Child

# Short next to how fast Python can allocate (about 1 GB/s, so 10 MB a look), and cheap: two small reads in /proc.
INTERVAL_S = 0.01
MIB = 1024 * 1024


class MemoryWatch:
    """Watch one child's resident memory while it runs."""

    def __init__(self, memory_mb: int, on_excess: Callable[[], None]) -> None:
        self.child: Child | None = None
        self._limit_bytes = memory_mb * MIB
        self._on_excess = on_excess
        self._peak_bytes = 0

    async def run(self) -> None:
        """Watch until cancelled, or until the bound is exceeded."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            child = self.child
            if child is None or not child.alive:
                continue
            used = child.memory_bytes()
            self._peak_bytes = max(self._peak_bytes, used)
            if used > self._limit_bytes:
                self._on_excess()
                return

    def used_mb(self, children: Iterable[Child], *, full: bool) -> int:
        """Return the peak of all processes in MB, at most the function's memory; ``full`` returns all of it."""
        limit_mb = self._limit_bytes // MIB
        if full:
            return limit_mb
        peak = 0
        for child in children:
            own = child.memory_bytes("VmHWM") if child.alive else 0
            peak += max(own, self._peak_bytes) if child is self.child else own
        return min(limit_mb, max(1, peak // MIB))
