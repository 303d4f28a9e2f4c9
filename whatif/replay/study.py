"""Replay the logs of many environments under many settings in one pass.

Promises: the number of settings and of open environments bounds the memory, not the size of the log.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from whatif.logs.files import size_of
from whatif.logs.names import function_of_group, function_of_stream, source_of_path
from whatif.logs.readers import read_events
from whatif.logs.text_logs import stream_of_path
from whatif.model.events import Logged, Reading, Received
from whatif.model.log import Environment, Log
from whatif.replay.batches import Batcher
from whatif.replay.functions import Figures
from whatif.replay.grid import Point
from whatif.replay.meter import Meter
from whatif.replay.missed import Missed
from whatif.replay.runner import Plan, Runner, runner_for
from whatif.replay.suggestion import suggestion_of
from whatif.replay.tally import Tally

MAX_ENVIRONMENTS = 256
"""Environments that are open at a time. Beyond it, the one that has been quiet for longest is ended."""

MAX_RIPE_CHARS = 64 * 1024
RIPE_SHARE = 16
"""Batches of whole invocations hold up to a sixteenth of the smallest BUFFER_SIZE. Several invocations at a time are
quicker, but must not fill the buffer by themselves."""

MAX_FUNCTIONS = 200
"""Functions that are counted by themselves; :data:`OTHERS` are counted together."""

OTHERS = "other functions"

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
        logs: The counts of each function, or of each file if it does not name its function.
        functions: The counts of the user's own settings, by the same names.
        missed: What the user's own settings take for healthy, and a person might not.
    """

    points: Sequence[Point]
    tallies: list[Tally]
    readings: list[Reading]
    log: Log
    environments: int = 0
    logs: dict[str, Log] = field(default_factory=dict)
    functions: dict[str, Figures] = field(default_factory=dict)
    missed: Missed = field(default_factory=Missed)


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
    own = next(place for place, point in enumerate(points) if point.is_own)
    plan = Plan([point.variables for point in points], own, suggestion_of(points[own]))
    runner = runner_for(plan, size_bytes=sum(size_of(file) for file in files))
    study = Study(points, [], [], Log())
    try:
        _read(files, study, runner, progress)
        study.tallies, study.functions, missed = runner.finish()
    except BaseException:
        runner.abort()
        raise
    study.missed = missed or study.missed
    for log in study.logs.values():
        study.log.add(log)
    return study


class _Environments:
    """The batchers of all open environments."""

    def __init__(self, study: Study, runner: Runner) -> None:
        smallest = min(point.settings.buffer_bytes for point in study.points)
        self._ripe_chars = min(MAX_RIPE_CHARS, smallest // RIPE_SHARE)
        self._settings = next(point.settings for point in study.points if point.is_own)
        self._study = study
        self._runner = runner
        self._open: OrderedDict[tuple[str, str], tuple[Environment, Batcher]] = OrderedDict()

    def take(self, source: str, stream: str, event: Logged | Received) -> None:
        """Take an event of a file. Streams of different log groups are different environments."""
        key = _group_of(event), stream
        opened = self._open.get(key)
        if opened is None:
            function = self._counted_as(function_of_stream(stream) or key[0] or source)
            batcher = Batcher(self._study.logs[function], self._ripe_chars, Meter(self._settings))
            opened = self._open[key] = Environment(function, stream), batcher
            self._study.environments += 1
            if len(self._open) > MAX_ENVIRONMENTS:
                self._close(next(iter(self._open)))
        else:
            self._open.move_to_end(key)
        environment, batcher = opened
        batch = batcher.take(event)
        if batch is not None:
            self._runner.take(environment, batch)

    def _counted_as(self, function: str) -> str:
        """Return the name that a function is counted by."""
        logs = self._study.logs
        if function not in logs and len(logs) >= MAX_FUNCTIONS:
            function = OTHERS
        logs.setdefault(function, Log())
        return function

    def close(self, prefix: str = "") -> None:
        """End the environments whose streams begin with the prefix."""
        for key in [key for key in self._open if key[1].startswith(prefix)]:
            self._close(key)

    def _close(self, key: tuple[str, str]) -> None:
        environment, batcher = self._open.pop(key)
        batch = batcher.close()
        if batch is not None:
            self._runner.take(environment, batch)
        self._runner.close(environment)


def _group_of(event: Logged | Received) -> str:
    return function_of_group(event.group) if isinstance(event, Logged) else event.function


def _read(
    files: Sequence[str], study: Study, runner: Runner, progress: Callable[[int], None]
) -> None:
    environments = _Environments(study, runner)
    count = 0
    for file in files:
        reading = Reading(file)
        study.readings.append(reading)
        untangler = _Untangler(file)
        source = source_of_path(file, stream=stream_of_path(file))
        for event in read_events(reading):
            environments.take(source, event.stream or untangler.name_of(event), event)
            count += 1
            if not count % PROGRESS_EVENTS:
                progress(count)
        environments.close(f"{file}#")
    environments.close()
