"""Hold one execution environment: its processes, its APIs, and the futures that its phases wait for.

The order of events is that of the Lambda agent's open source and of AWS "Understanding the Lambda execution
environment lifecycle". Everything runs on one event loop. API calls, exits and output of the processes resolve futures;
the phases (``init.py``, ``invoke.py``, ``shutdown.py``) wait for these, each with a bound.
"""

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.apis.extensions_api import Extension, ExtensionsApi, Hooks, State
from emulator.apis.runtime_api import RuntimeApi, RuntimeHooks
from emulator.apis.subscriptions import Refusals
from emulator.machine.filesystem import Places
from emulator.machine.memory_limit import MemoryWatch
from emulator.machine.processes import Child, Processes
from emulator.model.clock import Clock
from emulator.model.function import Function
from emulator.model.invocation import Invocation
from emulator.model.journal import Journal
from emulator.options import Options
from emulator.phases.crash import Crash, exit_text, signal_text
from emulator.telemetry.hub import Telemetry
from emulator.telemetry.output import Output


@dataclass(frozen=True, slots=True)
class Setting:
    """The parts that all environments of one emulated function share."""

    function: Function
    options: Options
    clock: Clock
    journal: Journal
    telemetry: Telemetry
    output: Output
    processes: Processes
    places: Places
    opt: Path
    program: Path | None
    log_stream: str
    runtime_version: str
    api_address: str
    refusals: Refusals = field(default_factory=Refusals)

    @property
    def instance(self) -> dict[str, str]:
        """Return the field of events that names the environment. It is the log stream's name, as in the cloud."""
        is_missing = self.options.variations.missing_instance_id
        return {} if is_missing else {"instanceId": self.log_stream}


class Environment:
    """The processes and APIs of one environment, from init to shutdown."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        loop = asyncio.get_running_loop()
        self.crash: asyncio.Future[Crash] = loop.create_future()
        self.ending = False
        self.children: dict[str, Child] = {}
        self.current: Invocation | None = None
        self.memory = MemoryWatch(setting.function.memory_mb, self._out_of_memory)
        self.pending_report: list[Any] = []
        self.oom = False
        self.progress = asyncio.Event()
        self.runtime_ready = False
        self.is_snapshot = setting.options.variations.snap_start
        self.ended: asyncio.Future[None] | None = None
        self.runtime_api = RuntimeApi(
            setting.function,
            journal=setting.journal,
            hooks=RuntimeHooks(
                self._runtime_next, self._answered, self._init_failed, self._restore_failed
            ),
        )
        self.extensions_api = ExtensionsApi(
            setting.function,
            setting.options,
            telemetry=setting.telemetry,
            journal=setting.journal,
            hooks=Hooks(self.progress.set, self._extension_ready, self._extension_failed),
            refusals=setting.refusals,
        )

    # What the processes do.

    def _fail(self, crash: Crash) -> None:
        if not self.ending and not self.crash.done():  # the first fatal error wins
            self.crash.set_result(crash)
            self.progress.set()

    def child_exited(self, child: Child, code: int) -> None:
        """Note that a process exited. Before shutdown that is a crash, even with exit code 0."""
        if child.name != "runtime":
            with contextlib.suppress(KeyError):
                self.extensions_api.extensions[child.name].state = State.EXITED
            how = f"exit code {code}" if code >= 0 else signal_text(-code)
            self._fail(Crash("Extension.Crash", how, child.name))
            return
        family = self.setting.function.family
        if self.oom:
            kind = "Runtime.ExitError" if family == "provided" else "Runtime.OutOfMemory"
            message = exit_text(-signal.SIGKILL)
        else:
            posted = self.current.runtime_error_type if self.current else None
            kind = posted or "Runtime.ExitError"
            message = exit_text(code)
        self._fail(Crash(kind, message, "runtime"))

    def _out_of_memory(self) -> None:
        self.oom = True
        self.children["runtime"].kill()

    def _init_failed(self, error_type: str, body: bytes) -> None:
        if not self.runtime_ready:
            self._fail(Crash(error_type, "the runtime reported an init error", "runtime", body))

    def _restore_failed(self, error_type: str, body: bytes) -> None:
        self._fail(Crash(error_type, "the runtime reported a restore error", "runtime", body))

    def _extension_failed(self, extension: Extension, kind: str, given: str) -> None:
        self._fail(Crash(kind, given, extension.name))

    def _extension_ready(self, _extension: Extension) -> None:
        self.progress.set()
        self.check_ended()

    def _runtime_next(self) -> None:
        self.progress.set()
        if not self.runtime_ready:
            self.runtime_ready = True
            self.extensions_api.registration_open = False
        invocation = self.current
        if invocation is None or not invocation.response.done() or invocation.done.done():
            return
        self.setting.processes.drain(self.children["runtime"])
        self.runtime_done(invocation, "success")
        invocation.done.set_result(None)
        self.check_ended()

    def _answered(self, invocation: Invocation) -> None:
        self.runtime_api.forget(invocation)
        if self.setting.options.managed_instances and not invocation.done.done():
            invocation.done.set_result(None)

    def runtime_done(self, invocation: Invocation, status: str) -> None:
        """Send platform.runtimeDone for an invocation."""
        invocation.runtime_done_ns = time.monotonic_ns()
        invocation.runtime_done_status = status
        telemetry = self.setting.telemetry
        record = invocation.runtime_done_record(microseconds=telemetry.microseconds)
        logs = {"requestId": invocation.request_id, "status": status}
        telemetry.platform("runtimeDone", record, logs_record=logs)
        self.setting.journal.note(
            "runtime_done",
            "runtime",
            at_ns=invocation.runtime_done_ns,
            request_id=invocation.request_id,
            status=status,
        )

    def invoked_extensions(self) -> list[Extension]:
        """Return the extensions that an invocation waits for."""
        return [e for e in self.extensions_api.registered() if "INVOKE" in e.events]

    def check_ended(self) -> None:
        """End the invocation once the runtime and its extensions have asked for Next."""
        ended, invocation = self.ended, self.current
        if ended is None or ended.done() or invocation is None or not invocation.done.done():
            return
        if all(e.ready.is_set() for e in self.invoked_extensions()):
            invocation.last_next_ns = time.monotonic_ns()
            ended.set_result(None)

    def thaw(self) -> None:
        """Continue the processes and the batchers, and send the last invocation's report."""
        if self.setting.clock.frozen:
            self.setting.processes.thaw()
            self.setting.clock.thaw()
            self.setting.telemetry.thaw()
            self.setting.journal.note("thaw", "environment")
        for event in self.pending_report:
            self.setting.telemetry.emit(event)
        self.pending_report = []

    def freeze(self) -> None:
        """Stop the processes and the batchers."""
        if not self.setting.clock.frozen and not self.ending:
            self.setting.clock.freeze()
            self.setting.telemetry.freeze()
            self.setting.processes.freeze()
            self.setting.journal.note("freeze", "environment")
