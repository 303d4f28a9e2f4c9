"""Run the invoke phase, of an ordinary function and on Managed Instances.

Outcomes and their events: AWS "Lambda Telemetry API Event schema reference" and the agent's open source.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

from emulator.model.events import iso_time, platform_event
from emulator.model.function import Function
from emulator.model.invocation import Invocation, Posted
from emulator.phases.crash import Crash
from emulator.phases.environment import Environment, Setting
from emulator.phases.init import InitResult
from emulator.phases.restore import restore
from emulator.telemetry.hub import SETTLE_S


async def run(environment: Environment, invocation: Invocation, *, timeout_ms: float) -> str | None:
    """Run one invocation of an ordinary function.

    Returns:
        The reason to end the environment, ``failure`` or ``timeout``; None if it goes on.
    """
    setting, variations = environment.setting, environment.setting.options.variations
    environment.thaw()
    if environment.is_snapshot:
        environment.is_snapshot = False
        problem = await restore(environment)
        if problem is not None:
            await setting.telemetry.settle()
            refuse(setting, invocation, _unrestored(problem))
            return "failure"
    environment.current = invocation
    setting.output.current_request = invocation.request_id
    environment.ended = asyncio.get_running_loop().create_future()
    _begin(environment, invocation, timeout_ms)
    if variations.lines_after_runtime_done:
        setting.telemetry.hold_lines()
    if not variations.runtime_done_before_invoke:
        _send_invoke(environment, invocation)
    environment.runtime_api.give(invocation)
    watch = asyncio.ensure_future(environment.memory.run())
    try:
        reason = await _wait(environment, invocation, timeout_ms)
    finally:
        watch.cancel()
        environment.runtime_api.forget(invocation)
        await setting.telemetry.release_lines()
    invocation.ended_ns = time.monotonic_ns()
    setting.journal.note("end", "environment", request_id=invocation.request_id, reason=reason)
    _report(environment, invocation)
    if reason is None:
        setting.output.current_request = None
        if variations.report == "at_once":
            environment.thaw()
            await setting.telemetry.settle()
    environment.current = None
    return reason


def _begin(environment: Environment, invocation: Invocation, timeout_ms: float) -> None:
    setting = environment.setting
    invocation.traced = not setting.options.variations.missing_tracing
    invocation.begin(timeout_ms)
    record = invocation.start_record()
    logs = {"requestId": invocation.request_id, "version": setting.function.version}
    setting.telemetry.platform(
        "start", record, logs_record=logs, time_ns=invocation.started_wall_ns
    )
    _write_start(setting, invocation)


def _send_invoke(environment: Environment, invocation: Invocation) -> None:
    event: dict[str, Any] = {
        "eventType": "INVOKE",
        "deadlineMs": invocation.deadline_epoch_ms,
        "requestId": invocation.request_id,
        "invokedFunctionArn": environment.setting.function.arn,
    }
    if invocation.traced:
        event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
    for extension in environment.invoked_extensions():
        environment.extensions_api.send(extension, event)


async def _wait(environment: Environment, invocation: Invocation, timeout_ms: float) -> str | None:
    deadline_ns = invocation.started_ns + int(timeout_ms * 1e6)
    for waited in (invocation.done, environment.ended):
        if waited is None:  # run() has set it; said for the type checker
            continue
        left_s = (deadline_ns - time.monotonic_ns()) / 1e9
        await _first((waited, environment.crash), max(0.0, left_s))
        if not waited.done():
            if environment.crash.done():
                _crashed(environment, invocation, environment.crash.result())
                return "failure"
            _timed_out(environment, invocation)
            return "timeout"
        if waited is invocation.done:
            await environment.setting.telemetry.release_lines()
            if environment.setting.options.variations.runtime_done_before_invoke:
                await environment.setting.telemetry.settle(SETTLE_S)
                _send_invoke(environment, invocation)
                environment.check_ended()
    return None


async def _first(futures: Sequence[asyncio.Future[Any]], timeout_s: float) -> None:
    """Wait until one of the futures is done, or the time is up."""
    await asyncio.wait(set(futures), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


def _crashed(environment: Environment, invocation: Invocation, crash: Crash) -> None:
    setting = environment.setting
    invocation.status = "error"
    invocation.problem = crash.error_type
    if not invocation.done.done():
        setting.processes.drain(environment.children["runtime"])
        environment.runtime_done(invocation, "error")
    text = f"RequestId: {invocation.request_id} Error: {crash.message}"
    fault = f"{text}\n{crash.error_type}"
    setting.telemetry.platform("fault", None, logs_record=fault)
    setting.output.platform(invocation.request_id, f"{fault}\n", "fault", None)
    _answer_error(invocation, crash.error_type, text)


def _timed_out(environment: Environment, invocation: Invocation) -> None:
    setting = environment.setting
    invocation.status = "timeout"
    seconds = _timeout_text(setting.function)
    if not invocation.done.done():
        setting.processes.drain(environment.children["runtime"])
        environment.runtime_done(invocation, "timeout")
    text = f"{iso_time(time.time_ns())} {invocation.request_id} {seconds}\n\n"
    setting.output.platform(invocation.request_id, text, "timeout", None)
    message = f"RequestId: {invocation.request_id} Error: {seconds}"
    _answer_error(invocation, "Sandbox.Timedout", message)


def _answer_error(
    invocation: Invocation, error_type: str | None, message: str, posted: bytes | None = None
) -> None:
    """Answer the caller with an error of the platform, or with the error that the runtime posted."""
    body = posted or json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    invocation.answer(Posted(body, error_type, "Unhandled"))


def _timeout_text(function: Function) -> str:
    return f"Task timed out after {function.timeout_ms / 1e3:.2f} seconds"


def _report(environment: Environment, invocation: Invocation) -> None:
    """Make the last events of an invocation; they are sent when the environment next runs."""
    setting, variations = environment.setting, environment.setting.options.variations
    posted = invocation.posted
    status: str | None = invocation.status
    if variations.handler_error_in_report and posted and posted.error_type and status == "success":
        status = "error"
    if variations.report_status != "as_ended":
        status = None if variations.report_status == "absent" else variations.report_status
    microseconds = setting.telemetry.microseconds
    record = invocation.report_record(
        status=status,
        max_memory_mb=environment.memory.used_mb(
            environment.children.values(), full=environment.oom
        ),
        microseconds=microseconds,
    )
    logs = {"requestId": invocation.request_id, "metrics": invocation.report_metrics}
    end = {"requestId": invocation.request_id}
    environment.pending_report = [
        platform_event("end", None, logs_record=end, microseconds=microseconds),
        platform_event("report", record, logs_record=logs, microseconds=microseconds),
    ]
    _write_end(setting, invocation, record)


def _write_start(setting: Setting, invocation: Invocation) -> None:
    text = f"START RequestId: {invocation.request_id} Version: {setting.function.version}\n"
    setting.output.platform(invocation.request_id, text, "start", invocation.start_record())


def _write_end(setting: Setting, invocation: Invocation, record: dict[str, Any]) -> None:
    request_id = invocation.request_id
    setting.output.platform(request_id, f"END RequestId: {request_id}\n", "end", None)
    setting.output.platform(request_id, invocation.report_text(), "report", record)


async def run_managed(
    environment: Environment, invocation: Invocation, *, timeout_ms: float
) -> str | None:
    """Run one of several concurrent invocations on Managed Instances; return as ``run`` does."""
    setting = environment.setting
    _begin(environment, invocation, timeout_ms)
    environment.runtime_api.give(invocation)
    await _first((invocation.done, environment.crash), timeout_ms / 1e3)
    invocation.ended_ns = time.monotonic_ns()
    reason = None
    setting.processes.drain(environment.children["runtime"])
    if not invocation.done.done():
        reason = "failure" if environment.crash.done() else None
        crash = environment.crash.result() if environment.crash.done() else None
        invocation.status = "error" if crash else "timeout"
        invocation.problem = crash.error_type if crash else "Sandbox.Timedout"
        message = crash.message if crash else "Task timed out"
        text = f"RequestId: {invocation.request_id} Error: {message}"
        _answer_error(invocation, invocation.problem, text)
    elif invocation.posted and invocation.posted.error_type:
        invocation.status = "error"
        invocation.problem = invocation.runtime_error_type or "Runtime.Unknown"
    duration_ms = invocation.elapsed_ms(invocation.ended_ns)
    invocation.report_metrics = {"durationMs": duration_ms}
    record: dict[str, Any] = {"requestId": invocation.request_id, "status": invocation.status}
    if invocation.problem:
        record["errorType"] = invocation.problem
    record["metrics"] = invocation.report_metrics
    record |= invocation.tracing()
    spans = invocation.spans(microseconds=setting.telemetry.microseconds, overhead=False)
    if spans:
        record["spans"] = spans
    setting.telemetry.platform("report", record)
    setting.output.platform(invocation.request_id, "", "report", record)
    return reason


def _unrestored(problem: Crash) -> InitResult:
    return InitResult(
        "error", problem.error_type, 0.0, "restore", problem.message, body=problem.body
    )


def refuse(setting: Setting, invocation: Invocation, result: InitResult) -> None:
    """Answer an invocation whose environment did not start.

    CloudWatch gets the platform's text. Subscribers get no start, runtimeDone or report: seen in live captures.
    """
    invocation.begin(0)
    invocation.ended_ns = invocation.started_ns
    invocation.status = "timeout" if result.status == "timeout" else "error"
    invocation.problem = result.error_type
    message = f"RequestId: {invocation.request_id} Error: {result.message}"
    if result.status == "timeout":
        message = f"RequestId: {invocation.request_id} Error: {_timeout_text(setting.function)}"
    _answer_error(invocation, result.error_type, message, result.body)
    record = invocation.report_record(status=invocation.status, max_memory_mb=1, microseconds=False)
    _write_start(setting, invocation)
    _write_end(setting, invocation, record)
