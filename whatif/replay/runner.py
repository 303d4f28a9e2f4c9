"""Run the replays of all environments, in this process or in several others.

Promises: several processes count the same as one. At most :data:`WAITING_BATCHES` wait for each of them.
"""

import multiprocessing
import os
import queue
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Protocol

from extension.config.settings import read_settings
from extension.redaction.redactor import Redactor
from whatif.replay.batches import Batch
from whatif.replay.replay import Replay
from whatif.replay.tally import Tally

if TYPE_CHECKING:
    # Not generic when it runs.
    from multiprocessing.queues import Queue

PARALLEL_BYTES = 16 * 1024 * 1024
"""Larger logs are worth the start of other processes, which takes half a second."""

MAX_PROCESSES = 8
WAITING_BATCHES = 32
"""Batches that wait for one process: 8 MiB at the most."""

_POLL_S = 1.0


class RunnerError(Exception):
    """A counting process has ended early."""


class Runner(Protocol):
    """Takes the batches of many environments."""

    def take(self, name: str, batch: Batch) -> None:
        """Take an environment's next batch; the first one creates the environment."""

    def close(self, name: str) -> None:
        """End an environment."""

    def finish(self) -> list[Tally]:
        """End all environments; return the counts of each set of settings, in order."""

    def abort(self) -> None:
        """Give up all counts."""


class LocalRunner:
    """Count in this process."""

    def __init__(self, variables: Sequence[Mapping[str, str]]) -> None:
        """Take the variables of each of the settings."""
        self._settings = [read_settings(one)[0] for one in variables]
        self._redacts = [
            Redactor(one.redact).redact
            # The value of a reference is unknown here; the extension delivers nothing until it has fetched it.
            if one.redact is not None and "REDACT" not in one.unresolved
            else None
            for one in self._settings
        ]
        self._tallies = [Tally() for _ in variables]
        self._replays: dict[str, list[Replay]] = {}

    def take(self, name: str, batch: Batch) -> None:
        """Take an environment's next batch."""
        replays = self._replays.get(name)
        if replays is None:
            environment_id = blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()
            replays = self._replays[name] = [
                Replay(settings, tally, environment_id=environment_id, redact=redact)
                for settings, tally, redact in zip(
                    self._settings, self._tallies, self._redacts, strict=True
                )
            ]
        for replay in replays:
            replay.take(batch)

    def close(self, name: str) -> None:
        """End an environment."""
        for replay in self._replays.pop(name, ()):
            replay.close()

    def finish(self) -> list[Tally]:
        """End all environments, and return the counts."""
        for name in list(self._replays):
            self.close(name)
        return self._tallies

    def abort(self) -> None:
        """Forget all counts."""
        self._replays = {}


_Message = tuple[str, Batch | None]
"""An environment and its batch. No batch ends the environment; no environment ends all."""


def _work(
    variables: Sequence[Mapping[str, str]],
    messages: "Queue[_Message]",
    results: "Queue[tuple[int, list[Tally]]]",
    number: int,
) -> None:
    """Count in a process of its own, until the end of all environments."""
    runner = LocalRunner(variables)
    while True:
        name, batch = messages.get()
        if batch is not None:
            runner.take(name, batch)
        elif name:
            runner.close(name)
        else:
            results.put((number, runner.finish()))
            return


class ParallelRunner:
    """Count in several processes, each for some of the settings."""

    def __init__(self, variables: Sequence[Mapping[str, str]], processes: int) -> None:
        """Start the processes."""
        context = multiprocessing.get_context("spawn")
        self._count = len(variables)
        self._results: Queue[tuple[int, list[Tally]]] = context.Queue()
        self._queues: list[Queue[_Message]] = []
        self._processes: list[SpawnProcess] = []
        for number in range(processes):
            messages: Queue[_Message] = context.Queue(WAITING_BATCHES)
            arguments = (variables[number::processes], messages, self._results, number)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            self._queues.append(messages)
            self._processes.append(process)

    def take(self, name: str, batch: Batch) -> None:
        """Take an environment's next batch."""
        self._send((name, batch))

    def close(self, name: str) -> None:
        """End an environment."""
        self._send((name, None))

    def _send(self, message: _Message) -> None:
        for messages, process in zip(self._queues, self._processes, strict=True):
            while True:
                try:
                    messages.put(message, timeout=_POLL_S)
                    break
                except queue.Full:
                    self._check(process)

    def _check(self, process: SpawnProcess) -> None:
        if not process.is_alive():
            raise RunnerError(f"a process ended with code {process.exitcode}")

    def finish(self) -> list[Tally]:
        """Wait for all processes, and return their counts.

        Raises:
            RunnerError: A process has ended early.
        """
        self._send(("", None))
        tallies: dict[int, Tally] = {}
        waiting = set(range(len(self._processes)))
        while waiting:
            try:
                number, counted = self._results.get(timeout=_POLL_S)
            except queue.Empty:
                for number in waiting:
                    if self._results.empty():
                        self._check(self._processes[number])
                continue
            waiting.discard(number)
            tallies.update(
                zip(range(number, self._count, len(self._processes)), counted, strict=True)
            )
        for process in self._processes:
            process.join()
        return [tallies[place] for place in range(self._count)]

    def abort(self) -> None:
        """Terminate the processes."""
        for process, messages in zip(self._processes, self._queues, strict=True):
            process.terminate()
            messages.cancel_join_thread()
            process.join()


def runner_for(variables: Sequence[Mapping[str, str]], *, size_bytes: int) -> Runner:
    """Return a runner; it uses other processes for large logs on a machine with several cores."""
    processes = min(os.cpu_count() or 1, len(variables), MAX_PROCESSES)
    if size_bytes < PARALLEL_BYTES or processes == 1:
        return LocalRunner(variables)
    return ParallelRunner(variables, processes)
