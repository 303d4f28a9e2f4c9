"""Run invocations in one environment after another: cold start, reuse, reset after a failure, shutdown.

Runs on the event loop; ``cloud.py`` is the front for threads.
"""

import asyncio
import contextlib
import secrets
import time
import uuid
from typing import Any

from emulator.model.errors import MisuseError
from emulator.model.http1 import Request, Response
from emulator.model.invocation import Invocation, InvokeResult, new_trace_id
from emulator.phases.environment import Environment, Setting
from emulator.phases.init import InitResult, initialise
from emulator.phases.invoke import refuse, run, run_managed
from emulator.phases.shutdown import ShutdownResult, end_environment


class Lifecycle:
    """Run the invocations of one function, in turn or (on Managed Instances) together.

    Attributes:
        setting: The parts that all its environments share.
        environment: The present environment, if there is one.
        last_shutdown: How the environment before it ended.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.environment: Environment | None = None
        self.last_shutdown: ShutdownResult | None = None
        self._options = setting.options
        self._freeze = setting.options.freeze and not setting.options.managed_instances
        self._init: InitResult | None = None
        self._init_untold = False
        self._reset = False
        self._lock = asyncio.Lock()
        self._freezing: asyncio.TimerHandle | None = None

    async def handle(self, request: Request) -> Response | None:
        """Answer a request of a runtime or an extension."""
        environment = self.environment
        if environment is None:
            return Response.error(500, "InternalServerError", "no execution environment")
        if request.path.startswith("/2018-06-01/runtime/"):
            return await environment.runtime_api.handle(request)
        return await environment.extensions_api.handle(request)

    async def initialise(self) -> InitResult:
        """Run the init phase unless an environment is there, and return its result."""
        async with self._lock:
            if self.environment is None:
                await self._start("invoke" if self._reset else "init")
            assert self._init is not None  # noqa: S101 - for the type checker; the caller sees to it
            return self._init

    async def _start(self, phase: str) -> InitResult:
        bound_ms = (
            self._options.init_timeout_ms if phase == "init" else self.setting.function.timeout_ms
        )
        self.environment = Environment(self.setting)
        self._init = await initialise(self.environment, phase=phase, timeout_ms=bound_ms)
        if self._init.status != "success":
            await self._end("timeout" if self._init.status == "timeout" else "failure")
            self._reset = True
        else:
            self._init_untold = True
            self._reset = False
            if self._freeze:
                self._freeze_soon()
        return self._init

    async def _end(self, reason: str) -> ShutdownResult | None:
        self._cancel_freezing()
        environment = self.environment
        if environment is None:
            return None
        self.last_shutdown = await end_environment(environment, reason)
        self.environment = None
        self.setting.journal.note("shutdown", "environment", reason=reason)
        return self.last_shutdown

    async def shutdown(self, reason: str) -> ShutdownResult | None:
        """End the environment, if there is one; the next one starts as a clean cold start."""
        async with self._lock:
            self._reset = reason in ("timeout", "failure")
            return await self._end(reason)

    def _freeze_soon(self) -> None:
        if self._options.settle_ms <= 0:
            self.freeze()
        else:
            loop = asyncio.get_running_loop()
            self._freezing = loop.call_later(self._options.settle_ms / 1e3, self.freeze)

    def _cancel_freezing(self) -> None:
        if self._freezing is not None:
            self._freezing.cancel()
            self._freezing = None

    def freeze(self) -> None:
        """Stop the environment's processes and timers now."""
        if self.environment is not None:
            self.environment.freeze()

    def thaw(self) -> None:
        """Let the environment run on."""
        self._cancel_freezing()
        if self.environment is not None:
            self.environment.thaw()

    def make(self, payload: bytes, trace_id: str | None, request_id: str | None) -> Invocation:
        """Make an invocation that has not begun yet."""
        loop = asyncio.get_running_loop()
        identity = request_id or self._options.variations.same_request_id or str(uuid.uuid4())
        return Invocation(
            function=self.setting.function,
            request_id=identity,
            trace_id=trace_id or new_trace_id(),
            payload=payload,
            response=loop.create_future(),
            done=loop.create_future(),
            span_id="" if self._options.managed_instances else secrets.token_hex(8),
            tenant_id=self._options.variations.tenant_id,
        )

    async def invoke(self, invocation: Invocation) -> InvokeResult:
        """Run an invocation to its end; its ``response`` resolves earlier."""
        if self._options.managed_instances:
            return (await self.invoke_together([invocation]))[0]
        async with self._lock:
            self._cancel_freezing()
            begun_ns = time.monotonic_ns()
            await self._notice_death()
            if not await self._ready_for(invocation):
                return invocation.result()
            assert self.environment is not None  # noqa: S101 - for the type checker; the caller sees to it
            left_ms = float(self.setting.function.timeout_ms)
            if invocation.init_ms is not None and not invocation.cold:
                # A restarted init is inside the function timeout.
                left_ms -= (time.monotonic_ns() - begun_ns) / 1e6
            reason = await run(self.environment, invocation, timeout_ms=max(1.0, left_ms))
            if reason is not None:
                self._reset = True
                await self._end(reason)
            elif self._freeze:
                self._freeze_soon()
            return invocation.result()

    async def _notice_death(self) -> None:
        """Reset an environment in which something died since the last invocation."""
        if self.environment is not None and self.environment.crash.done():
            self._reset = True
            await self._end("failure")

    async def _ready_for(self, invocation: Invocation) -> bool:
        """Ensure an environment. If its init fails twice, answer the invocation and return False."""
        if self.environment is not None:
            if self._init_untold and self._init is not None:
                self._tell_init(invocation, self._init)
            return True
        invocation.cold = not self._reset
        result = await self._start("init" if invocation.cold else "invoke")
        if result.status != "success" and invocation.cold:
            # AWS "execution environment lifecycle": a failed init is run again at the first invoke, under the
            # function timeout.
            invocation.cold = False
            result = await self._start("invoke")
        self._tell_init(invocation, result)
        if result.status == "success":
            return True
        refuse(self.setting, invocation, result)
        return False

    def _tell_init(self, invocation: Invocation, result: InitResult) -> None:
        invocation.init_ms = result.duration_ms
        invocation.cold = result.phase != "invoke"
        self._init_untold = False

    async def invoke_together(self, invocations: list[Invocation]) -> list[InvokeResult]:
        """Run invocations at the same time.

        Raises:
            MisuseError: Not on Managed Instances.
        """
        if not self._options.managed_instances:
            raise MisuseError(
                "only Managed Instances run several invocations in one environment at a time"
            )
        async with self._lock:
            await self._notice_death()
            if self.environment is None:
                result = await self._start("init")
                if result.status != "success":
                    for invocation in invocations:
                        refuse(self.setting, invocation, result)
                    return [i.result() for i in invocations]
            environment = self.environment
            assert environment is not None  # noqa: S101 - for the type checker; the caller sees to it
        timeout_ms = float(self.setting.function.timeout_ms)
        reasons = await asyncio.gather(
            *(run_managed(environment, i, timeout_ms=timeout_ms) for i in invocations)
        )
        if any(reasons):
            async with self._lock:
                if self.environment is environment:
                    await self._end("failure")
        return [i.result() for i in invocations]

    async def deliver(self, body: Any, extension: str | None) -> dict[str, int | None]:
        """Post events or raw bytes to the subscribers; a frozen environment runs meanwhile."""
        environment = self.environment
        was_frozen = self.setting.clock.frozen
        if environment is not None and was_frozen:
            self.thaw()
        try:
            return await self.setting.telemetry.deliver(body, extension)
        finally:
            if was_frozen:
                self.freeze()

    async def stop(self) -> None:
        """End the environment and all processes, whatever state they are in."""
        with contextlib.suppress(Exception):
            await self.shutdown("spindown")
        await self.setting.processes.stop()
