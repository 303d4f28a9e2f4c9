"""Log streams: each environment needs one before its first delivery, and an account makes 50 a second.

The sink and the attempts at SHUTDOWN do I/O, so they are told again here: :class:`Writer` tells which requests
:class:`extension.sinks.cloudwatch.CloudWatchSink` makes, and :func:`attempts` when :class:`extension.delivery.finish.Finish`
makes an attempt. Tests hold both against the product. The pauses in between are the product's own.
"""

from collections.abc import Callable, Generator, Iterator
from random import Random
from typing import NamedTuple

from bench.fleet.lanes import TAKEN, THROTTLED
from bench.fleet.quotas import (
    ANSWER_S,
    CONNECT_S,
    CREATE_LOG_STREAM_PER_S,
    PUT_LOG_EVENTS_PER_S,
    REFUSAL_S,
    Requests,
    percentile,
)
from bench.fleet.world import Life, World
from extension.app.shutdown import DRAIN_QUIET_S, SHUTDOWN_RESERVE_S, SHUTDOWN_S
from extension.delivery.finish import (
    REPORTS_SPREAD_SHARE,
    REPORTS_WAIT_SHARE,
    SHUTDOWN_JITTER,
    SHUTDOWN_PAUSE_S,
)
from extension.delivery.pacing import Backoff
from extension.delivery.standard_output import LAST_RESORT_S
from extension.sinks.cloudwatch import ATTEMPTS
from extension.sinks.cloudwatch_streams import OVERFLOW, OVERFLOW_S


class Latencies(NamedTuple):
    """How long answers take: a connection, a request, and one that is refused."""

    connect_s: float = CONNECT_S
    answer_s: float = ANSWER_S
    refusal_s: float = REFUSAL_S


class Group:
    """A log group, with the quotas of its account.

    Attributes:
        world: tells the time.
        creates: CreateLogStream, and ``puts`` PutLogEvents.
        streams: those that are there.
    """

    def __init__(
        self,
        world: World,
        *,
        creates_per_s: float = CREATE_LOG_STREAM_PER_S,
        puts_per_s: float = PUT_LOG_EVENTS_PER_S,
        latencies: Latencies = Latencies(),  # noqa: B008 - a tuple of values
    ) -> None:
        self.world = world
        self.creates, self.puts = Requests(creates_per_s), Requests(puts_per_s)
        self.latencies = latencies
        self.streams: set[str] = set()

    def create(self, stream: str) -> Generator[float, None, bool]:
        """Create a stream; return whether it is there then."""
        passes = self.creates.ask(self.world.now_s)
        if passes:
            self.streams.add(stream)
        yield self.latencies.answer_s if passes else self.latencies.refusal_s
        return passes

    def put(self, stream: str) -> Generator[float, None, bool | None]:
        """Write to a stream; return whether that was taken, None if there is no such stream."""
        passes = self.puts.ask(self.world.now_s)
        is_there = stream in self.streams
        yield self.latencies.answer_s if passes and is_there else self.latencies.refusal_s
        return is_there if passes and is_there else (False if not passes else None)


class Writer:
    """Writes for one process: to its own stream, or to the one for all while its own is refused.

    Attributes:
        own: the name of its own stream.
        refused_streams: how many the last write could not make.
        was_throttled: whether any request was refused.
    """

    def __init__(self, group: Group, own: str, rng: Random, *, is_new: bool = True) -> None:
        """Begin with a stream that no process has had before, or with one whose name the process has found."""
        self._group, self._rng = group, rng
        self.own = own
        self._is_new = is_new
        self._overflow_until_s = 0.0
        self.refused_streams = 0
        self.was_throttled = False

    @property
    def is_overflowing(self) -> bool:
        """Whether it writes to the stream for all."""
        return self._group.world.now_s < self._overflow_until_s

    def write(self) -> Generator[float, None, bool]:
        """Write once; return whether it was taken."""
        self.refused_streams = 0
        if not self.is_overflowing:
            taken = yield from self._write_to(self.own)
            if taken is not None:
                return taken
            drawn_s = OVERFLOW_S * (1.0 + self._rng.random())
            self._overflow_until_s = self._group.world.now_s + drawn_s
        return bool((yield from self._write_to(OVERFLOW)))

    def _write_to(self, stream: str) -> Generator[float, None, bool | None]:
        """Write to a stream, and make it if it is new or missing; return None if that is refused."""
        is_missing = self._is_new and stream == self.own
        for _ in range(ATTEMPTS):
            if is_missing:
                if not (yield from self._group.create(stream)):
                    self.refused_streams += 1
                    self.was_throttled = True
                    return None
                self._is_new = self._is_new and stream != self.own
            taken = yield from self._group.put(stream)
            is_missing = taken is None
            if not is_missing:
                self.was_throttled |= not taken
                return taken
        return False


class Crashed(NamedTuple):
    """What came of environments that crashed in their first invocation.

    Attributes:
        environments: how many crashed, and ``within_s`` in which time.
        delivered: the share whose lines arrived.
        overflowed: the share whose lines are in a shared stream.
        create_peak_per_s: of CreateLogStream.
        created: how many streams were made, ``refused`` how many were not, and ``refused_share`` of all.
        delivered_max_s: when the last lines arrived, from their crash.
    """

    environments: int
    within_s: float
    delivered: float
    overflowed: float
    create_peak_per_s: int
    created: int
    refused: int
    refused_share: float
    delivered_max_s: float


def crashes(
    environments: int,
    *,
    within_s: float = 1.0,
    creates_per_s: float = CREATE_LOG_STREAM_PER_S,
    puts_per_s: float = PUT_LOG_EVENTS_PER_S,
    latencies: Latencies = Latencies(),  # noqa: B008 - a tuple of values
    seed: int = 1,
) -> Crashed:
    """Let so many environments crash within a time."""
    rng = Random(seed)
    world = World()
    group = Group(world, creates_per_s=creates_per_s, puts_per_s=puts_per_s, latencies=latencies)
    writers = [Writer(group, f"own-{number}", rng) for number in range(environments)]
    delays_s: list[float] = []
    for writer in writers:
        world.begin(_crash(group, writer, rng, delays_s), rng.random() * within_s)
    world.run(within_s + 2 * SHUTDOWN_S)
    creates = group.creates
    return Crashed(
        environments=environments,
        within_s=within_s,
        delivered=len(delays_s) / environments,
        overflowed=sum(one.is_overflowing for one in writers) / environments,
        create_peak_per_s=creates.peak,
        created=creates.asked - creates.refused,
        refused=creates.refused,
        refused_share=creates.refused_share,
        delivered_max_s=max(delays_s, default=0.0),
    )


def _crash(group: Group, writer: Writer, rng: Random, delays_s: list[float]) -> Life:
    """Fail, send the lines at once, get SHUTDOWN meanwhile, and send the report and the summary, which know of that."""
    world = group.world
    began_s = world.now_s
    finish_s, until_s = began_s + DRAIN_QUIET_S, began_s + SHUTDOWN_S - SHUTDOWN_RESERVE_S
    yield group.latencies.connect_s
    taken = yield from writer.write()
    if not taken:
        taken = yield from _shut_down(group, writer, rng, finish_s, until_s)
    if taken:
        delays_s.append(world.now_s - began_s)
        reports_s = max(finish_s, world.now_s)
        if writer.was_throttled:
            share = REPORTS_WAIT_SHARE + REPORTS_SPREAD_SHARE * rng.random()
            reports_s += (until_s - reports_s) * share
        yield from _shut_down(group, writer, rng, reports_s, until_s)


def _shut_down(
    group: Group, writer: Writer, rng: Random, begin_s: float, until_s: float
) -> Generator[float, None, bool]:
    """Attempt again and again, while there is time: a sink that throttles is there."""
    world = group.world
    limit_s = until_s - LAST_RESORT_S
    for at_s in attempts(begin_s, limit_s, random=rng.random):
        if world.now_s >= limit_s:
            break
        yield at_s - world.now_s
        if (yield from writer.write()):
            return True
    return False


def attempts(begin_s: float, limit_s: float, *, random: Callable[[], float]) -> Iterator[float]:
    """Return when attempts are made at SHUTDOWN, as long as all are refused at once."""
    at_s = begin_s
    while at_s < limit_s:
        yield at_s
        at_s += SHUTDOWN_PAUSE_S * (1.0 + SHUTDOWN_JITTER * (2.0 * random() - 1.0))


class Begun(NamedTuple):
    """What came of first failures in environments that live on.

    Attributes:
        environments: how many had one.
        delivered: the share whose lines arrived within ten minutes.
        create_peak_per_s: of CreateLogStream.
        refused: the share of them that was refused.
        delivered_p50_s: when lines arrived, from the failure.
    """

    environments: int
    delivered: float
    create_peak_per_s: int
    refused: float
    delivered_p50_s: float
    delivered_max_s: float


def first_failures(environments: int, *, within_s: float = 1.0, seed: int = 1) -> Begun:
    """Let so many environments have their first failure within a time."""
    rng = Random(seed)
    world = World()
    group = Group(world)
    delays_s: list[float] = []
    for number in range(environments):
        writer = Writer(group, f"own-{number}", rng)
        life = _live_on(group, writer, Backoff(rng.random), delays_s)
        world.begin(life, rng.random() * within_s)
    world.run(within_s + 600.0)
    return Begun(
        environments=environments,
        delivered=len(delays_s) / environments,
        create_peak_per_s=group.creates.peak,
        refused=group.creates.refused_share,
        delivered_p50_s=percentile(delays_s, 0.5),
        delivered_max_s=max(delays_s, default=0.0),
    )


def _live_on(group: Group, writer: Writer, backoff: Backoff, delays_s: list[float]) -> Life:
    world = group.world
    began_s = world.now_s
    yield group.latencies.connect_s
    while not (yield from writer.write()):
        receipt = THROTTLED._replace(refused_streams=writer.refused_streams)
        backoff.answered(receipt, world.now_s)
        yield backoff.try_at_s - world.now_s
    backoff.answered(TAKEN, world.now_s)
    delays_s.append(world.now_s - began_s)


class Looped(NamedTuple):
    """What came of environments that crash again and again.

    Attributes:
        environments: how many do.
        crashes_per_s: of all.
        delivered: the share of the crashes whose lines arrived.
        create_peak_per_s: of CreateLogStream.
        streams: how many were made within a minute.
    """

    environments: int
    crashes_per_s: float
    delivered: float
    create_peak_per_s: int
    streams: int


LOOP_S = 60.0


def crash_loop(environments: int, *, every_s: float = 2.0, seed: int = 1) -> Looped:
    """Let the function of each environment crash every few seconds. The process is a new one each time, the stream the same."""
    rng = Random(seed)
    world = World()
    group = Group(world)
    delays_s: list[float] = []
    crashed: list[float] = []
    for number in range(environments):
        life = _loop(group, number, every_s, rng, delays_s, crashed)
        world.begin(life, rng.random() * every_s)
    world.run(LOOP_S)
    # What is under way ends.
    counted = len(crashed)
    world.run(LOOP_S + 2 * SHUTDOWN_S)
    return Looped(
        environments=environments,
        crashes_per_s=counted / LOOP_S,
        delivered=len(delays_s) / len(crashed),
        create_peak_per_s=group.creates.peak,
        streams=len(group.streams),
    )


def _loop(
    group: Group,
    number: int,
    every_s: float,
    rng: Random,
    delays_s: list[float],
    crashed: list[float],
) -> Life:
    world = group.world
    is_first = True
    while world.now_s < LOOP_S:
        crashed.append(world.now_s)
        writer = Writer(group, f"own-{number}", rng, is_new=is_first)
        is_first = False
        world.begin(_crash(group, writer, rng, delays_s), world.now_s)
        yield every_s * rng.uniform(0.8, 1.2)
