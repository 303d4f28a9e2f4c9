"""Why an environment cannot go on. Error types: the agent's open source, ``internal/lambda/fatalerror``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crash:
    """Why an environment cannot go on."""

    error_type: str
    message: str
    who: str
    body: bytes | None = None


def signal_text(number: int) -> str:
    """Word a signal as the agent does."""
    words = {9: "killed", 15: "terminated", 11: "segmentation fault", 6: "aborted"}
    return f"signal: {words.get(number, number)}"


def exit_text(code: int) -> str:
    """Word how a runtime ended; a negative code is a signal."""
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    if code < 0:
        return f"Runtime exited with error: {signal_text(-code)}"
    return "Runtime exited without providing a reason"
