"""Run the restore phase, which stands between a snapshot and its first invocation.

Calls: the runtime interface clients of Python, Java and .NET ask for ``/runtime/restore/next`` before the snapshot, run their
hooks when that is answered, and report a failed hook to ``/runtime/restore/error`` (source: ``bootstrap.py`` of
awslambdaric). Events: AWS "Monitoring for Lambda SnapStart" and "Lambda Telemetry API Event schema reference".
"""

import asyncio
import time
from typing import Any

from emulator.phases.crash import Crash
from emulator.phases.environment import Environment

MAX_RESTORE_S = 10.0  # AWS "Lambda SnapStart runtime hooks"


async def restore(environment: Environment) -> Crash | None:
    """Tell of a restore and let the runtime go on; return what went wrong, if anything did."""
    setting = environment.setting
    begun_ns = time.monotonic_ns()
    start = {
        "functionName": setting.function.name,
        "functionVersion": setting.function.version,
        **setting.instance,
        "instanceMaxMemory": setting.function.memory_mb * 1024 * 1024,
        "runtimeVersion": setting.runtime_version,
        "runtimeVersionArn": f"arn:aws:lambda:{setting.function.region}::runtime:local",
    }
    setting.telemetry.platform("restoreStart", start, logs_record=start)
    environment.runtime_api.restore()
    ended: dict[str, Any] = {"status": "success"}
    problem: Crash | None = None
    try:
        await asyncio.wait_for(_until_next(environment), MAX_RESTORE_S)
    except asyncio.TimeoutError:
        problem = Crash("Sandbox.Timedout", "the restore hooks took too long", "runtime")
        ended["status"] = "timeout"
    if environment.crash.done():
        problem = environment.crash.result()
        ended |= {"status": "error", "errorType": problem.error_type}
    setting.processes.drain(environment.children["runtime"])
    done = {**ended, "spans": []}
    setting.telemetry.platform("restoreRuntimeDone", done, logs_record=done)
    duration_ms = round((time.monotonic_ns() - begun_ns) / 1e6, 3)
    report = {**ended, "metrics": {"durationMs": duration_ms}}
    setting.telemetry.platform("restoreReport", report, logs_record=report)
    return problem


async def _until_next(environment: Environment) -> None:
    while not (environment.runtime_api.asked_next or environment.crash.done()):
        environment.progress.clear()
        await environment.progress.wait()
