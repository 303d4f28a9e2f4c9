"""Define environments, the counts of their logs, and the state of an open invocation.

Pure values.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from whatif.model.net import Pace


class Environment(NamedTuple):
    """One execution environment.

    Attributes:
        function: The name of its function, or of what it was read from.
        stream: Its log stream, or a made-up name.
    """

    function: str
    stream: str


@dataclass
class Log:
    """Counts over the logs of several environments.

    Attributes:
        function: The name of the function, if its environments told it.
        lines: Lines of functions.
        platform_lines: Lines of Lambda.
        cloudwatch_bytes: The size of all lines, as CloudWatch counts.
        first_time: The first time of all, as written.
        last_time: The last time of all, as written.
        cut: Invocations that are open at the end of the log.
        outside: Lines before the first invocation of their environment.
        disordered: Events that stand behind a later one of their environment.
        sampled: Records that an extension had kept as a sample.
        starts: Invocations whose start Lambda wrote into a log of CloudWatch.
        ends: Their ends: END, REPORT and their like.
        is_cloudwatch: Whether any line is of a log of CloudWatch.
        memory_mb: The largest memory size that a REPORT told; 0 if none did.
        held: Invocations after which the recorder would have held the environment.
        held_mb: The sum of their memory sizes.
        cold_starts: Environments that began.
        cold_mb: The sum of their memory sizes.
        metric_lines: Lines of metrics that the recorder would have written.
    """

    function: str = ""
    lines: int = 0
    platform_lines: int = 0
    cloudwatch_bytes: int = 0
    first_time: str = ""
    last_time: str = ""
    cut: int = 0
    outside: int = 0
    disordered: int = 0
    sampled: int = 0
    starts: int = 0
    ends: int = 0
    is_cloudwatch: bool = False
    memory_mb: int = 0
    held: int = 0
    held_mb: int = 0
    cold_starts: int = 0
    cold_mb: int = 0
    metric_lines: int = 0

    @property
    def pace(self) -> Pace:
        """What costs something because the recorder is there."""
        return Pace(self.held, self.held_mb, self.cold_starts, self.cold_mb, self.metric_lines)

    @property
    def is_filtered(self) -> bool:
        """Whether the lines are there by which Lambda frames invocations: without them no outcome can be told."""
        framed = self.starts and (self.ends or self.starts == 1)
        return self.is_cloudwatch and self.lines > 0 and not framed

    def add(self, other: "Log") -> None:
        """Add the counts of another log."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.is_cloudwatch = self.is_cloudwatch or other.is_cloudwatch
        self.memory_mb = max(self.memory_mb, other.memory_mb)
        self.see(other.first_time)
        self.see(other.last_time)

    def see(self, time: str) -> None:
        """Extend the time span to a time."""
        if time:
            self.first_time = min(self.first_time, time) if self.first_time else time
            self.last_time = max(self.last_time, time)


_COUNTS = (
    *("lines", "platform_lines", "cloudwatch_bytes", "cut", "outside", "disordered", "sampled"),
    *("starts", "ends", "held", "held_mb", "cold_starts", "cold_mb", "metric_lines"),
)


@dataclass
class Open:
    """The open invocation, to which lines belong.

    Attributes:
        start_at: The place of its start among the waiting events; -1 once that has left.
        header: Its tracing header, once known.
        told: Whether its INVOKE event has been sent.
        done: Whether it has its ``platform.runtimeDone``.
        ended: The time of END.
        fault: Whether its process has ended.
        timed_out: Whether a line reported its timeout.
        report: Time and record of REPORT, held back since one more event may belong to it.
    """

    request_id: str
    start: dict[str, Any]
    start_at: int
    header: str = ""
    told: bool = False
    done: bool = False
    ended: str = ""
    fault: bool = False
    timed_out: bool = False
    report: tuple[str, dict[str, Any]] | None = None
