"""Define the counts of all logs, and the state of the open invocation.

Pure values.
"""

from dataclasses import dataclass
from typing import Any


@dataclass
class Log:
    """Counts over the logs of all environments.

    Attributes:
        lines: Lines of functions.
        platform_lines: Lines of Lambda.
        cloudwatch_bytes: The size of all lines, as CloudWatch counts.
        first_time: The first time of all, as written.
        last_time: The last time of all, as written.
        cut: Invocations that are open at the end of the log.
        outside: Lines before the first invocation of their environment.
        disordered: Events that stand behind a later one of their environment.
        sampled: Records that an extension had kept as a sample.
    """

    lines: int = 0
    platform_lines: int = 0
    cloudwatch_bytes: int = 0
    first_time: str = ""
    last_time: str = ""
    cut: int = 0
    outside: int = 0
    disordered: int = 0
    sampled: int = 0

    def see(self, time: str) -> None:
        """Extend the time span to a time."""
        if time:
            self.first_time = min(self.first_time, time) if self.first_time else time
            self.last_time = max(self.last_time, time)


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
