"""Name the faults that end an environment.

Error types: the agent's open source, ``internal/lambda/fatalerror``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crash:
    """A fault that ends an environment; ``body`` is the init error that the runtime posted."""

    error_type: str
    message: str
    who: str
    body: bytes | None = None


def signal_text(number: int) -> str:
    """Return the agent's words for a signal."""
    words = {9: "killed", 15: "terminated", 11: "segmentation fault", 6: "aborted"}
    return f"signal: {words.get(number, number)}"


def exit_text(code: int) -> str:
    """Return the agent's words for the end of a runtime; a negative code is a signal."""
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    if code < 0:
        return f"Runtime exited with error: {signal_text(-code)}"
    return "Runtime exited without providing a reason"
