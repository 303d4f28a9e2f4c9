"""Plan the demo's invocations: which function, how often, and which of them go wrong.

Pure. The trace ids are fixed, so that the same invocations are sampled in every run.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SAMPLE_RATE = 0.1
TIMEOUT_MS = 1_500  # of the functions: short, because the demo waits for three of them to run out
KEEP_SLOWER_THAN_MS = (
    700  # far above what any of them takes on a busy machine; slow ones sleep for a second
)
MARKER = "keep-this-one"  # the functions write it when the event asks for that
RANDOM_HEX_DIGITS = (
    14  # the last 56 bits of a trace id decide (OpenTelemetry "TraceState: Probability Sampling")
)
TRACE_EPOCH_HEX = "6744a800"  # the time a trace id begins with; any will do
# Chosen so that the ids it gives sample one healthy invocation of each function, about one in ten of them all.
SEED = "shop 910"

Fate = Literal["failed", "by rule", "sampled", "dropped"]
"""The fate of an invocation. The first that applies decides."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way for an invocation to go.

    Attributes:
        text: The description that the demo prints.
        outcome: How it ends, in the words of ``run.outcome_of``.
        healthy: Whether it goes well, so that a rule or the sample decides if it is kept.
        rule: The rule that keeps it although it goes well; empty where only the sample decides.
    """

    text: str
    outcome: str
    healthy: bool = False
    rule: str = ""


CASES = {
    "fine": Case("goes well", "success", healthy=True),
    "slow": Case("goes well, but slowly", "success", healthy=True, rule="slow"),
    "asked": Case("writes the marker", "success", healthy=True, rule="marker"),
    "error-line": Case("logs an ERROR, succeeds", "success"),
    "exception": Case("handler reports an error", "error"),
    "exit": Case("exits in the handler", "crash"),
    "kill": Case("is killed (kill -9)", "crash"),
    "memory": Case("runs out of memory", "out of memory"),
    "hang": Case("hangs until the timeout", "timeout"),
}


@dataclass(frozen=True, slots=True)
class DemoFunction:
    """One function of the shop.

    Attributes:
        key: The name of its folder in ``functions/``.
        name: The function's name in Lambda.
        runtime: The emulator's runtime family.
        runtime_text: The runtime's name for people.
        memory_mb: The function's memory.
        mishaps: The case of each invocation in order, keys of ``CASES``.
    """

    key: str
    name: str
    runtime: str
    runtime_text: str
    memory_mb: int
    mishaps: tuple[str, ...]

    @property
    def code(self) -> Path:
        """The directory that becomes /var/task."""
        return Path(__file__).with_name("functions") / self.key


def _mishaps(text: str) -> tuple[str, ...]:
    return tuple("fine" if word == "." else word for word in text.split())


FUNCTIONS = {
    function.key: function
    for function in (
        DemoFunction(
            "python",
            "orders",
            "python",
            "Python, AWS's awslambdaric",
            128,
            _mishaps(". . . slow exception . . error-line . exit . asked hang . memory . ."),
        ),
        DemoFunction(
            "bash",
            "thumbnails",
            "provided.al2023",
            "a custom runtime in bash",
            128,
            _mishaps(". asked error-line . . exception . slow kill . ."),
        ),
        DemoFunction(
            "nodejs",
            "prices",
            "nodejs20.x",
            "Node.js, AWS's aws-lambda-ric",
            256,
            _mishaps(". asked . exception . error-line . slow exit hang . ."),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One invocation to make; ``number`` counts from 1 within its function."""

    number: int
    mishap: str
    trace_id: str

    @property
    def case(self) -> Case:
        """The case that this invocation acts out."""
        return CASES[self.mishap]

    @property
    def sampled(self) -> bool:
        """Whether the sample contains it, should it be healthy and no rule keep it."""
        return is_sampled(self.trace_id, rate=SAMPLE_RATE)

    @property
    def fate(self) -> Fate:
        """Whether it must be kept, and by what."""
        if not self.case.healthy:
            return "failed"
        if self.case.rule:
            return "by rule"
        return "sampled" if self.sampled else "dropped"

    @property
    def kept(self) -> bool:
        """Whether the sink must get all its lines; it must get none otherwise."""
        return self.fate != "dropped"

    @property
    def weight(self) -> float:
        """How many invocations its records stand for: 1, or 1 / rate where it is sampled."""
        return 1 / SAMPLE_RATE if self.fate == "sampled" else 1.0


def settings_of(sink_url: str) -> dict[str, str]:
    """Return the environment variables that set Flight Recorder up for the demo."""
    return {
        "FLIGHT_RECORDER_SAMPLE_RATE": str(SAMPLE_RATE),
        "FLIGHT_RECORDER_KEEP_SLOWER_THAN": f"{KEEP_SLOWER_THAN_MS}ms",
        "FLIGHT_RECORDER_KEEP_MARKER": MARKER,
        "FLIGHT_RECORDER_SINK": sink_url,
        "FLIGHT_RECORDER_FLUSH": "end",
    }


def is_sampled(trace_id: str, *, rate: float) -> bool:
    """Return whether a transaction is sampled: R >= (1 - rate) * 2^56.

    Calculated here again, from OpenTelemetry's text: the demo checks the extension, and so does not ask it.
    """
    threshold = round((1 - rate) * (1 << 4 * RANDOM_HEX_DIGITS))
    return int(trace_id[-RANDOM_HEX_DIGITS:], 16) >= threshold


def plan_of(function: DemoFunction, *, quick: bool = False, seed: str = SEED) -> list[Planned]:
    """Return a function's invocations; ``quick`` takes each case once, and the sampled one."""
    planned = [
        Planned(number, mishap, _trace_id(f"{seed} {function.key} {number}"))
        for number, mishap in enumerate(function.mishaps, 1)
    ]
    if not quick:
        return planned
    first = {mishap: function.mishaps.index(mishap) + 1 for mishap in function.mishaps}
    return [one for one in planned if one.sampled or first[one.mishap] == one.number]


def _trace_id(text: str) -> str:
    return f"1-{TRACE_EPOCH_HEX}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
