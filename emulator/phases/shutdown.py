"""Run the shutdown phase.

The runtime goes first with its share of the budget: SIGTERM, then SIGKILL. Extensions get SHUTDOWN with the rest of the
budget. At the deadline their process groups are killed. Budgets: AWS "Understanding the Lambda execution environment
lifecycle", shutdown phase. The runtime's share of 30 % is that of the agent's open source.
"""

import asyncio
import signal
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from emulator.apis.extensions_api import State
from emulator.phases.environment import Environment

INTERNAL_ONLY_MS = 500
RUNTIME_SHARE = 0.3
DEAD_STATES = (State.EXITED, State.INIT_ERROR, State.EXIT_ERROR)


@dataclass(frozen=True, slots=True)
class ExtensionEnd:
    """The end of one extension: exit code (negative: signal), whether it was killed, and after how long."""

    exit_code: int
    killed: bool
    duration_ms: float


@dataclass(frozen=True, slots=True)
class ShutdownResult:
    """The end of an environment."""

    reason: str
    extensions: dict[str, ExtensionEnd]
    duration_ms: float


async def end_environment(environment: Environment, reason: str) -> ShutdownResult:
    """Run the shutdown phase and return how each extension ended."""
    setting, telemetry = environment.setting, environment.setting.telemetry
    late_report = []
    if reason != "spindown":
        # After a failure the report comes after SHUTDOWN.
        late_report, environment.pending_report = environment.pending_report, []
    environment.ending = True
    environment.thaw()
    begun_ns = time.monotonic_ns()
    budget_ms = _budget_ms(environment)
    deadline_ns = begun_ns + int(budget_ms * 1e6)
    await _end_runtime(environment, budget_ms)
    telemetry.flush()  # the runtime's streams are closed: what they held is sent at once
    told_ns = time.monotonic_ns()
    waits = _end_extensions(environment, reason, deadline_ns)
    for event in late_report:
        telemetry.emit(event)
    telemetry.flush()
    await asyncio.gather(*waits)
    environment.extensions_api.close()
    environment.runtime_api.close()
    telemetry.end_environment()
    setting.output.current_request = None
    ends = {
        name: ExtensionEnd(
            child.exited.result(), child.killed, round((child.ended_ns - told_ns) / 1e6, 3)
        )
        for name, child in environment.children.items()
    }
    return ShutdownResult(reason, ends, round((time.monotonic_ns() - begun_ns) / 1e6, 3))


def _budget_ms(environment: Environment) -> float:
    registered, shutdown_ms = (
        environment.extensions_api.registered(),
        environment.setting.options.shutdown_ms,
    )
    if any(extension.external for extension in registered):
        return float(shutdown_ms)
    return float(min(INTERNAL_ONLY_MS, shutdown_ms)) if registered else 0.0


async def _end_runtime(environment: Environment, budget_ms: float) -> None:
    runtime = environment.children.pop("runtime", None)
    if runtime is None:
        return
    share_s = 0.0
    if budget_ms > 0 and runtime.alive:
        runtime.signal(signal.SIGTERM)
        share_s = budget_ms * RUNTIME_SHARE / 1e3
    await environment.setting.processes.end(runtime, share_s)


def _end_extensions(
    environment: Environment, reason: str, deadline_ns: int
) -> list[Coroutine[Any, Any, bool]]:
    """Send SHUTDOWN to the extensions that want it; return the waits for the ends of all."""
    setting, api = environment.setting, environment.extensions_api
    left_ms = (deadline_ns - time.monotonic_ns()) / 1e6
    upper_case = setting.options.variations.upper_case_shutdown_reason
    event = {
        "eventType": "SHUTDOWN",
        "deadlineMs": int(time.time() * 1000 + left_ms),
        "shutdownReason": reason.upper() if upper_case else reason,
    }
    waits = []
    for name, child in environment.children.items():
        extension = api.extensions.get(name)
        seconds = 0.0
        if (
            extension is not None
            and "SHUTDOWN" in extension.events
            and extension.state not in DEAD_STATES
            and child.alive
        ):
            api.send(extension, event)
            seconds = (deadline_ns - time.monotonic_ns()) / 1e9
        waits.append(setting.processes.end(child, seconds))
    return waits
