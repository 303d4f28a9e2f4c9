"""Replay the logs of many environments under many settings in one pass.

Promises: the number of settings and of open environments bounds the memory, not the size of the log.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whatif.logs.files import size_of
from whatif.logs.readers import read_events
from whatif.model.events import Logged, Reading, Received
from whatif.replay.batches import Batcher
from whatif.replay.grid import Point
from whatif.replay.log import Log
from whatif.replay.runner import Runner, runner_for
from whatif.replay.tally import Tally

MAX_ENVIRONMENTS = 256
"""Environments that are open at a time. Beyond it, the one that has been quiet for longest is ended."""

MAX_RIPE_CHARS = 64 * 1024
RIPE_SHARE = 16
"""Batches of whole invocations hold up to a sixteenth of the smallest BUFFER_SIZE. Several invocations at a time are
quicker, but must not fill the buffer by themselves."""

PROGRESS_EVENTS = 50_000
"""Events between two calls of ``progress``."""

_REQUEST_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NAMED_WITHIN_CHARS = 160


@dataclass
class Study:
    """The result of a replay.

    Attributes:
        points: The sets of settings.
        tallies: The counts of each, in the same order.
        readings: The files.
        log: The counts over all files.
        environments: The number of environments.
    """

    points: Sequence[Point]
    tallies: list[Tally]
    readings: list[Reading]
    log: Log
    environments: int = 0


class _Untangler:
    """Assign unnamed events to environments, so that none has two invocations at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._count = 0
        self._free: list[str] = []
        self._open: dict[str, str] = {}
        self._last = self._new()

    def _new(self) -> str:
        self._count += 1
        return f"{self._file}#{self._count}"

    def name_of(self, event: Logged | Received) -> str:
        if not isinstance(event, Logged):
            return self._last
        message = event.message
        if message.startswith("INIT_START ") and self._last in self._open.values():
            self._last = self._new()
            self._free.append(self._last)
            return self._last
        match = _REQUEST_ID.search(message, 0, _NAMED_WITHIN_CHARS)
        request_id = match.group() if match is not None else ""
        if message.startswith("START RequestId: ") or '"platform.start"' in message[:120]:
            busy = self._last in self._open.values()
            if busy:
                self._last = self._free.pop() if self._free else self._new()
            elif self._last in self._free:
                self._free.remove(self._last)
            self._open[request_id] = self._last
        elif request_id in self._open:
            name = self._open[request_id]
            if message.startswith("REPORT RequestId: ") or '"platform.report"' in message[:120]:
                del self._open[request_id]
                self._free.append(name)
            return name
        return self._last


def study_of(
    files: Sequence[str],
    points: Sequence[Point],
    *,
    progress: Callable[[int], None] = lambda _events: None,
) -> Study:
    """Read files, in their order, and replay them.

    Args:
        files: Names, ``-`` for standard input.
        points: The sets of settings.
        progress: Called now and then with the number of events read.

    Raises:
        SourceError: A file cannot be opened.
        RunnerError: A counting process has ended early.
    """
    runner = runner_for(
        [point.variables for point in points], size_bytes=sum(size_of(file) for file in files)
    )
    study = Study(points, [], [], Log())
    try:
        _read(files, study, runner, progress)
        study.tallies = runner.finish()
    except BaseException:
        runner.abort()
        raise
    return study


class _Environments:
    """The batchers of all open environments."""

    def __init__(self, study: Study, runner: Runner) -> None:
        smallest = min(point.settings.buffer_bytes for point in study.points)
        self._ripe_chars = min(MAX_RIPE_CHARS, smallest // RIPE_SHARE)
        self._study = study
        self._runner = runner
        self._open: OrderedDict[str, Batcher] = OrderedDict()

    def take(self, name: str, event: Logged | Received) -> None:
        batcher = self._open.get(name)
        if batcher is None:
            batcher = self._open[name] = Batcher(self._study.log, self._ripe_chars)
            self._study.environments += 1
            if len(self._open) > MAX_ENVIRONMENTS:
                self._close(next(iter(self._open)))
        else:
            self._open.move_to_end(name)
        batch = batcher.take(event)
        if batch is not None:
            self._runner.take(name, batch)

    def close(self, prefix: str = "") -> None:
        """End the environments whose names begin with the prefix."""
        for name in [name for name in self._open if name.startswith(prefix)]:
            self._close(name)

    def _close(self, name: str) -> None:
        batch = self._open.pop(name).close()
        if batch is not None:
            self._runner.take(name, batch)
        self._runner.close(name)


def _read(
    files: Sequence[str], study: Study, runner: Runner, progress: Callable[[int], None]
) -> None:
    environments = _Environments(study, runner)
    count = 0
    for file in files:
        reading = Reading(file)
        study.readings.append(reading)
        untangler = _Untangler(file)
        for event in read_events(reading):
            environments.take(event.stream or untangler.name_of(event), event)
            count += 1
            if not count % PROGRESS_EVENTS:
                progress(count)
        environments.close(f"{file}#")
    environments.close()
