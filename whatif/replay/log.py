"""What is known of the logs as a whole, and of the invocation that is being read.

Pure values.
"""

from dataclasses import dataclass
from typing import Any


@dataclass
class Log:
    """What is counted of all environments' logs together.

    Attributes:
        lines: That the functions wrote.
        platform_lines: That Lambda wrote.
        cloudwatch_bytes: As CloudWatch counts all of them.
        first_time: Of all, as it was written.
        last_time: The same.
        cut: Invocations whose end is not in the log although the log goes no further.
        outside: Lines before the first invocation that the log has of an environment.
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
        """Take note of a time."""
        if time:
            self.first_time = min(self.first_time, time) if self.first_time else time
            self.last_time = max(self.last_time, time)


@dataclass
class Open:
    """The invocation that lines belong to.

    Attributes:
        start_at: Where its start stands among what waits; -1 once that has gone.
        header: Its tracing header, once it is known.
        told: Whether its INVOKE event has been told.
        done: Whether ``platform.runtimeDone`` has been given.
        ended: The time of END.
        fault: Whether its process ended.
        timed_out: Whether a line of its own said so.
        report: Time and record of REPORT, kept back for the one event that may still belong to it.
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
