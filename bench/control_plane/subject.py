"""Start, stop, continue and kill the process that is measured."""

import os
import signal
import time
from collections.abc import Collection
from typing import final

from bench.control_plane.process import CORES, OURS, THEIRS


@final
class SubjectProcess:
    """One process, from its start to its exit.

    Attributes:
        pid: of the process; 0 before it has started and after it has exited.
        started_ns: just before its start, on the monotonic clock.
    """

    def __init__(self) -> None:
        self._is_frozen = False
        self.pid = 0
        self.started_ns = 0

    def start(
        self,
        command: tuple[str, ...],
        environ: dict[str, str],
        *,
        cores: Collection[int] = frozenset(THEIRS),
    ) -> None:
        """Start it. posix_spawn uses vfork, so our own size does not slow the start.

        Args:
            command: the program and its arguments.
            environ: all of its environment.
            cores: those that it may run on.
        """
        quiet = [
            (os.POSIX_SPAWN_OPEN, descriptor, "/dev/null", os.O_RDWR, 0) for descriptor in (0, 1, 2)
        ]
        os.sched_setaffinity(0, cores)  # The subject inherits it.
        self.started_ns = time.monotonic_ns()
        self.pid = os.posix_spawn(command[0], command, environ, file_actions=quiet, setpgroup=0)
        os.sched_setaffinity(0, OURS)

    def freeze(self) -> None:
        """Stop it, as Lambda does between invocations."""
        if not self._is_frozen:
            self._is_frozen = True
            os.kill(self.pid, signal.SIGSTOP)
            os.waitpid(self.pid, os.WUNTRACED)  # All of its threads have stopped then.

    def thaw(self) -> None:
        """Continue it after a freeze."""
        if self._is_frozen:
            self._is_frozen = False
            os.kill(self.pid, signal.SIGCONT)

    def has_exited(self) -> bool:
        """Return whether it has exited."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
        return not self.pid

    def kill(self) -> None:
        """Kill it with all its children; the measurement is over."""
        os.sched_setaffinity(0, CORES)
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
