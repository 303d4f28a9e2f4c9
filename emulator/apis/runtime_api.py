"""Serve the Runtime API of one environment.

Sources: AWS "Using the Lambda runtime API"; refusals as in the agent's open source (``internal/lambda/rapi/handler``).
"""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from emulator.model.function import Function
from emulator.model.http1 import Request, Response
from emulator.model.invocation import Invocation, Posted
from emulator.model.journal import Journal

PREFIX = "/2018-06-01/runtime"
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # AWS "Lambda quotas", as the agent has it
_PATH = re.compile(rf"{PREFIX}/invocation/([^/]+)/(response|error)")
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


@dataclass(slots=True)
class RuntimeHooks:
    """Callbacks of the environment: asked for Next or for a restore, answered, failed in init or in a restore.

    The last two get the error's type and its body.
    """

    next_called: Callable[[], None]
    answered: Callable[[Invocation], None]
    init_failed: Callable[[str, bytes], None]
    restore_failed: Callable[[str, bytes], None]


class RuntimeApi:
    """Answer one environment's runtime, or on Managed Instances its workers.

    ``asked_next`` tells whether the runtime has ever asked for an invocation.
    """

    def __init__(self, function: Function, *, journal: Journal, hooks: RuntimeHooks) -> None:
        self._function = function
        self._journal = journal
        self._hooks = hooks
        self._waiting: deque[asyncio.Future[Invocation | None]] = deque()
        self._queue: deque[Invocation] = deque()
        self._running: dict[str, Invocation] = {}
        self._restored = asyncio.Event()
        self.asked_next = False

    def restore(self) -> None:
        """Let a runtime go on that waits for a restore."""
        self._restored.set()

    def give(self, invocation: Invocation) -> None:
        """Hand an invocation to a waiting runtime, or keep it for the next that asks."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(invocation)
                return
        self._queue.append(invocation)

    def forget(self, invocation: Invocation) -> None:
        """Refuse further answers for an invocation."""
        self._running.pop(invocation.request_id, None)
        if invocation in self._queue:
            self._queue.remove(invocation)

    def close(self) -> None:
        """Close pending calls without an answer."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
        self._restored.set()

    async def handle(self, request: Request) -> Response | None:
        """Answer one request; None closes the connection without an answer."""
        if request.method == "GET" and request.path == f"{PREFIX}/invocation/next":
            return await self._next(request)
        if request.method == "GET" and request.path == f"{PREFIX}/restore/next":
            self._journal.note("restore_next", "runtime", at_ns=request.at_ns)
            self._hooks.next_called()
            await self._restored.wait()
            return Response(200, b"")
        for phase, failed in (
            ("init", self._hooks.init_failed),
            ("restore", self._hooks.restore_failed),
        ):
            if request.method == "POST" and request.path == f"{PREFIX}/{phase}/error":
                given = request.headers.get("lambda-runtime-function-error-type", "")
                self._journal.note(
                    f"{phase}_error", "runtime", at_ns=request.at_ns, error_type=given
                )
                failed(given or "Runtime.Unknown", request.body)
                return Response.of(202, {"status": "OK"})
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "POST":
            return Response(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")
        return self._answer(request, found[1], is_error=found[2] == "error")

    async def _next(self, request: Request) -> Response | None:
        self._journal.note("runtime_next", "runtime", at_ns=request.at_ns)
        self.asked_next = True
        self._hooks.next_called()
        invocation: Invocation | None
        if self._queue:
            invocation = self._queue.popleft()
        else:
            waiting: asyncio.Future[Invocation | None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            invocation = await waiting
        if invocation is None:
            return None
        self._running[invocation.request_id] = invocation
        self._journal.note("runtime_event", "runtime", request_id=invocation.request_id)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_epoch_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self._function.arn,
        }
        if invocation.trace_id:
            headers["Lambda-Runtime-Trace-Id"] = invocation.trace_id
        return Response(200, invocation.payload, headers)

    def _answer(self, request: Request, request_id: str, *, is_error: bool) -> Response:
        invocation = self._running.get(request_id)
        if invocation is None:
            return Response.error(400, "InvalidRequestID", "Invalid request ID")
        if invocation.response.done():
            message = f"State transition from InvocationResponse to InvocationResponse failed for runtime. {request_id}"
            return Response.error(403, "InvalidStateTransition", message)
        kind = "error" if is_error else "response"
        self._journal.note(
            kind, "runtime", at_ns=request.at_ns, request_id=request_id, bytes=len(request.body)
        )
        if len(request.body) > MAX_RESPONSE_BYTES:
            message = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            body = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
            self._post(invocation, json.dumps(body).encode(), "Function.ResponseSizeTooLarge")
            return Response.error(413, "RequestEntityTooLarge", message)
        if is_error:
            given = request.headers.get("lambda-runtime-function-error-type", "")
            if given:
                # The platform keeps the error types of its own families alone.
                known = _ERROR_TYPE.fullmatch(given)
                invocation.runtime_error_type = given if known else "Function.Unknown"
            self._post(
                invocation, request.body, _type_in(request.body) or given or "Function.Unknown"
            )
        else:
            self._post(invocation, request.body, None)
        return Response.of(202, {"status": "OK"})

    def _post(self, invocation: Invocation, body: bytes, error_type: str | None) -> None:
        unhandled = None if error_type is None else "Unhandled"
        invocation.answer(Posted(body, error_type, unhandled, time.monotonic_ns()))
        self._hooks.answered(invocation)


def _type_in(body: bytes) -> str | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    found = value.get("errorType") if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None
