"""The shutdown phase.

The runtime goes first with its share of the budget (SIGTERM, then SIGKILL), then extensions get SHUTDOWN with what
is left; at the deadline their process groups are killed. Budgets: AWS "Understanding the Lambda execution environment
lifecycle", shutdown phase. The runtime's share of 30 % is that of the agent's open source.
"""

import asyncio
import signal
import time
from dataclasses import dataclass

from emulator.apis.extensions_api import State
from emulator.phases.environment import Environment

INTERNAL_ONLY_MS = 500
RUNTIME_SHARE = 0.3
DEAD_STATES = (State.EXITED, State.INIT_ERROR, State.EXIT_ERROR)


@dataclass(frozen=True, slots=True)
class ExtensionEnd:
    """How one extension ended: exit code (negative: signal), whether it had to be killed, after how long."""

    exit_code: int
    killed: bool
    duration_ms: float


@dataclass(frozen=True, slots=True)
class ShutdownResult:
    """How an environment ended."""

    reason: str
    extensions: dict[str, ExtensionEnd]
    duration_ms: float


async def end_environment(environment: Environment, reason: str) -> ShutdownResult:
    """Run the shutdown phase and give how each extension took it."""
    setting = environment.setting
    processes, telemetry = setting.processes, setting.telemetry
    report, environment.pending_report = environment.pending_report, []
    told_before = reason == "spindown"
    if told_before:
        environment.pending_report = report
    environment.ending = True
    environment.thaw()
    begun_ns = time.monotonic_ns()
    registered = environment.extensions_api.registered()
    runtime = environment.children.pop("runtime", None)
    budget_ms = 0.0
    if any(e.external for e in registered):
        budget_ms = float(setting.options.shutdown_ms)
    elif registered:
        budget_ms = float(min(INTERNAL_ONLY_MS, setting.options.shutdown_ms))
    deadline_ns = begun_ns + int(budget_ms * 1e6)
    if runtime is not None:
        if budget_ms > 0 and runtime.alive:
            runtime.signal(signal.SIGTERM)
            await processes.end(runtime, budget_ms * RUNTIME_SHARE / 1e3)
        else:
            await processes.end(runtime, 0)
    telemetry.flush()  # the runtime's streams are closed: what they held is sent at once
    left_ms = (deadline_ns - time.monotonic_ns()) / 1e6
    word = reason.upper() if setting.options.variations.upper_case_shutdown_reason else reason
    event = {
        "eventType": "SHUTDOWN",
        "deadlineMs": int(time.time() * 1000 + left_ms),
        "shutdownReason": word,
    }
    told_ns = time.monotonic_ns()
    waits = []
    for name, child in environment.children.items():
        extension = environment.extensions_api.extensions.get(name)
        told = (
            extension is not None
            and "SHUTDOWN" in extension.events
            and extension.state not in DEAD_STATES
            and child.alive
        )
        if told and extension is not None:
            environment.extensions_api.send(extension, event)
        seconds = (deadline_ns - time.monotonic_ns()) / 1e9 if told else 0.0
        waits.append(processes.end(child, seconds))
    if not told_before:
        for late in report:
            telemetry.emit(late)
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
