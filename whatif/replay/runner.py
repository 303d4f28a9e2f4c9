"""Run the replays of all environments, in this process or in several others.

Promises: several processes count the same as one. At most :data:`WAITING_BATCHES` wait for each of them.
"""

import multiprocessing
import os
import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, NamedTuple, Protocol

from extension.config.settings import Settings, read_settings
from extension.model.chunk import RewriteLines
from extension.redaction.redactor import Redactor
from whatif.model.log import Environment
from whatif.replay.batches import Batch
from whatif.replay.functions import Figures, figures_of
from whatif.replay.missed import Comparison, Detector, Missed
from whatif.replay.replay import Replay
from whatif.replay.suggestion import Suggestion
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


class Plan(NamedTuple):
    """What is counted.

    Attributes:
        variables: Those of each of the settings.
        own: The place of the user's own settings among them; None if they are not among them.
        suggestion: The settings to compare them with; None for no comparison.
    """

    variables: Sequence[Mapping[str, str]]
    own: int | None = None
    suggestion: Suggestion | None = None

    def slice_of(self, number: int, processes: int) -> "Plan":
        """Return the part of one of several processes. The comparison stays with the user's own settings."""
        variables = self.variables[number::processes]
        if self.own is None or self.own % processes != number:
            return Plan(variables)
        return Plan(variables, self.own // processes, self.suggestion)


class Counted(NamedTuple):
    """The counts.

    Attributes:
        tallies: Those of each of the settings, in order.
        functions: Those of the user's own settings, by function.
        missed: What the user's own settings take for healthy; None without a comparison.
    """

    tallies: list[Tally]
    functions: dict[str, Figures]
    missed: Missed | None = None


class Runner(Protocol):
    """Takes the batches of many environments."""

    def take(self, environment: Environment, batch: Batch) -> None:
        """Take an environment's next batch; the first one creates the environment."""

    def close(self, environment: Environment) -> None:
        """End an environment."""

    def finish(self) -> Counted:
        """End all environments; return the counts."""

    def abort(self) -> None:
        """Give up all counts."""


class _Open(NamedTuple):
    """The replays of one environment."""

    replays: list[Replay]
    suggested: Replay | None


class LocalRunner:
    """Count in this process."""

    def __init__(self, plan: Plan) -> None:
        """Take the settings."""
        self._own = plan.own
        self._settings = [read_settings(one)[0] for one in plan.variables]
        self._redacts = [_redact_of(one) for one in self._settings]
        self._tallies = [Tally() for _ in plan.variables]
        self._functions: dict[str, Figures] = {}
        self._open: dict[Environment, _Open] = {}
        self._missed: Missed | None = None
        if plan.suggestion is not None:
            self._missed = Missed()
            self._suggested, _ = read_settings(plan.suggestion.variables)
            self._detector = Detector(plan.suggestion.signs)

    def _begin(self, environment: Environment) -> _Open:
        name = environment.stream.encode("utf-8", "replace")
        environment_id = blake2b(name, digest_size=8).hexdigest()
        replays = [
            Replay(settings, tally, environment_id=environment_id, redact=redact)
            for settings, tally, redact in zip(
                self._settings, self._tallies, self._redacts, strict=True
            )
        ]
        if self._missed is None or self._own is None:
            return _Open(replays, None)
        redact = self._redacts[self._own]
        suggested = Replay(
            self._suggested,
            self._missed.tally,
            environment_id=environment_id,
            redact=redact,
            observer=Comparison(replays[self._own], self._missed, self._detector, redact=redact),
        )
        return _Open(replays, suggested)

    def take(self, environment: Environment, batch: Batch) -> None:
        """Take an environment's next batch."""
        opened = self._open.get(environment)
        if opened is None:
            opened = self._open[environment] = self._begin(environment)
        with self._counting(environment.function):
            for replay in opened.replays:
                replay.take(batch)
            if opened.suggested is not None:
                # Settled before the others, since the comparison asks for what the own replay still follows.
                opened.suggested.take(batch)
                opened.suggested.trim()
            for replay in opened.replays:
                replay.trim()

    def close(self, environment: Environment) -> None:
        """End an environment."""
        opened = self._open.pop(environment, None)
        if opened is None:
            return
        with self._counting(environment.function):
            for replay in opened.replays:
                replay.end()
            if opened.suggested is not None:
                opened.suggested.end()
                opened.suggested.close()
            for replay in opened.replays:
                replay.close()

    @contextmanager
    def _counting(self, function: str) -> Iterator[None]:
        """Count what the user's own settings do in the meantime to a function."""
        if self._own is None:
            yield
            return
        tally = self._tallies[self._own]
        before = figures_of(tally)
        yield
        figures = self._functions.get(function, Figures())
        self._functions[function] = figures.plus(before, figures_of(tally))

    def finish(self) -> Counted:
        """End all environments, and return the counts."""
        for environment in list(self._open):
            self.close(environment)
        return Counted(self._tallies, self._functions, self._missed)

    def abort(self) -> None:
        """Forget all counts."""
        self._open = {}


def _redact_of(settings: Settings) -> RewriteLines | None:
    # The value of a reference is unknown here; the extension delivers nothing until it has fetched it.
    if settings.redact is None or "REDACT" in settings.unresolved:
        return None
    return Redactor(settings.redact).redact_all


_Message = tuple[Environment | None, Batch | None]
"""An environment and its batch. No batch ends the environment; no environment ends all."""


def _work(
    plan: Plan,
    messages: "Queue[_Message]",
    results: "Queue[tuple[int, Counted]]",
    number: int,
) -> None:
    """Count in a process of its own, until the end of all environments."""
    runner = LocalRunner(plan)
    while True:
        environment, batch = messages.get()
        if environment is not None and batch is not None:
            runner.take(environment, batch)
        elif environment is not None:
            runner.close(environment)
        else:
            results.put((number, runner.finish()))
            return


class ParallelRunner:
    """Count in several processes, each for some of the settings."""

    def __init__(self, plan: Plan, processes: int) -> None:
        """Start the processes."""
        context = multiprocessing.get_context("spawn")
        self._count = len(plan.variables)
        self._results: Queue[tuple[int, Counted]] = context.Queue()
        self._queues: list[Queue[_Message]] = []
        self._processes: list[SpawnProcess] = []
        for number in range(processes):
            messages: Queue[_Message] = context.Queue(WAITING_BATCHES)
            arguments = (plan.slice_of(number, processes), messages, self._results, number)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            self._queues.append(messages)
            self._processes.append(process)

    def take(self, environment: Environment, batch: Batch) -> None:
        """Take an environment's next batch."""
        self._send((environment, batch))

    def close(self, environment: Environment) -> None:
        """End an environment."""
        self._send((environment, None))

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

    def finish(self) -> Counted:
        """Wait for all processes, and return their counts.

        Raises:
            RunnerError: A process has ended early.
        """
        self._send((None, None))
        tallies: dict[int, Tally] = {}
        functions: dict[str, Figures] = {}
        missed: Missed | None = None
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
            places = range(number, self._count, len(self._processes))
            tallies.update(zip(places, counted.tallies, strict=True))
            functions.update(counted.functions)
            missed = missed or counted.missed
        for process in self._processes:
            process.join()
        return Counted([tallies[place] for place in range(self._count)], functions, missed)

    def abort(self) -> None:
        """Terminate the processes."""
        for process, messages in zip(self._processes, self._queues, strict=True):
            process.terminate()
            messages.cancel_join_thread()
            process.join()


def runner_for(plan: Plan, *, size_bytes: int) -> Runner:
    """Return a runner; it uses other processes for large logs on a machine with several cores."""
    processes = min(os.cpu_count() or 1, len(plan.variables), MAX_PROCESSES)
    if size_bytes < PARALLEL_BYTES or processes == 1:
        return LocalRunner(plan)
    return ParallelRunner(plan, processes)
