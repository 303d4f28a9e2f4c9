"""Serve the Extensions API of one environment; the two subscription APIs are in ``subscriptions.py``.

States and refusals follow the Lambda agent's open source (``internal/lambda/rapi/handler/agent*.go`` and
``core/statejson`` in aws-lambda-runtime-interface-emulator) and AWS "Lambda Extensions API".
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from emulator.apis.subscriptions import LOGS_PATH, SUBSCRIPTION_PATHS, Refusals, SubscriptionApi
from emulator.model.events import encode
from emulator.model.function import Function
from emulator.model.http1 import Request, Response
from emulator.model.journal import Journal
from emulator.options import Options
from emulator.telemetry.hub import Telemetry

PREFIX = "/2020-01-01/extension"
MAX_EXTENSIONS = 10  # AWS "Lambda Extensions API"
EVENTS = ("INVOKE", "SHUTDOWN")


class State(Enum):
    """The states of an extension, under the agent's names."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    EXITED = "Exited"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


@dataclass(slots=True, eq=False)
class Extension:
    """An extension: its registration, its state and the events that wait for it."""

    name: str
    external: bool
    state: State = State.STARTED
    identifier: str = ""
    events: tuple[str, ...] = ()
    waiting: asyncio.Future[dict[str, Any] | None] | None = None
    queue: list[dict[str, Any]] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Hooks:
    """Callbacks of the environment: registered, asked for Next, failed (error type, its own words)."""

    registered: Callable[[], None]
    ready: Callable[[Extension], None]
    failed: Callable[[Extension, str, str], None]


class ExtensionsApi:
    """Answer the extensions of one environment; belongs to one event loop."""

    def __init__(
        self,
        function: Function,
        options: Options,
        *,
        telemetry: Telemetry,
        journal: Journal,
        hooks: Hooks,
        refusals: Refusals,
    ) -> None:
        self.extensions: dict[str, Extension] = {}
        self.registration_open = True
        self.subscriptions = SubscriptionApi(
            options, telemetry=telemetry, journal=journal, refusals=refusals
        )
        self._by_identifier: dict[str, Extension] = {}
        self._function = function
        self._managed = options.managed_instances
        self._variations = options.variations
        self._journal = journal
        self._hooks = hooks
        self._refusals = refusals

    def registered(self) -> list[Extension]:
        """Return the extensions that registered, in order."""
        return [e for e in self.extensions.values() if e.identifier]

    async def handle(self, request: Request) -> Response | None:
        """Answer one request; None closes the connection without an answer."""
        method, path = request.method, request.path
        if (method, path) == ("POST", f"{PREFIX}/register"):
            return self._register(request)
        routes = {
            ("GET", f"{PREFIX}/event/next"): self._next,
            ("POST", f"{PREFIX}/init/error"): self._error,
            ("POST", f"{PREFIX}/exit/error"): self._error,
            **{("PUT", path): self._subscribe for path in SUBSCRIPTION_PATHS},
        }
        route = routes.get((method, path))
        if route is None or (self._managed and path == LOGS_PATH):
            return Response(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")
        identifier = request.headers.get("lambda-extension-identifier", "")
        if not identifier:
            return _refuse(
                "MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"
            )
        try:
            uuid.UUID(identifier)
        except ValueError:
            return _refuse("InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
        extension = self._by_identifier.get(identifier)
        if extension is None:
            return _refuse("UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        return await route(request, extension)

    def _register(self, request: Request) -> Response:
        name = request.headers.get("lambda-extension-name", "").strip()
        response = self._registration(request, name)
        body = request.body.decode("utf-8", "replace")
        self._journal.note(
            "register",
            name,
            at_ns=request.at_ns,
            body=body,
            headers=dict(request.headers),
            status=response.status,
            answer=response.body.decode(),
        )
        if response.status == 200:  # noqa: PLR2004 - an HTTP status is its own name
            self._hooks.registered()
        return response

    def _registration(self, request: Request, name: str) -> Response:  # noqa: C901, PLR0911 - one refusal a branch, in the order the agent checks
        if self._refusals.register < self._variations.register_refusals:
            self._refusals.register += 1
            status = self._variations.register_refusal_status
            return Response.error(status, "InternalServerError", "Internal Server Error")
        if not name:
            return _refuse("InvalidExtensionName", "Empty extension name")
        try:
            wanted = request.json()
            events = wanted.get("events") or []
            keys = wanted.get("configurationKeys") or []
        except (ValueError, AttributeError) as error:
            return Response.error(403, "InvalidRequestFormat", str(error))
        if keys or not isinstance(events, list):
            return Response.error(
                403, "InvalidRequestFormat", "configurationKeys are not supported"
            )
        if not self.registration_open:
            return _refuse("RegistrationClosed", "Extension registration closed already")
        extension = self.extensions.get(name)
        external = extension is not None and extension.external
        for event in events:
            if event not in EVENTS or (self._managed and event == "INVOKE"):
                return _refuse("InvalidEventType", f"{event}: event type not supported")
            if event == "SHUTDOWN" and not external:
                message = "ShutdownEventNotSupportedForInternalExtension"
                return _refuse("InvalidEventType", message)
        if extension is None:
            if len(self.extensions) >= MAX_EXTENSIONS:
                return _refuse("TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached")
            extension = self.extensions[name] = Extension(name, external=False)
        elif extension.state is not State.STARTED:
            return self._wrong_state(extension, State.REGISTERED)
        extension.state = State.REGISTERED
        extension.events = tuple(events)
        extension.identifier = str(uuid.uuid4())
        self._by_identifier[extension.identifier] = extension
        answer = {
            "functionName": self._function.name,
            "functionVersion": self._function.version,
            "handler": self._function.handler,
        }
        features = request.headers.get("lambda-extension-accept-feature", "").split(",")
        if "accountId" in (f.strip() for f in features):
            answer["accountId"] = self._function.account_id
        return Response.of(200, answer, Lambda_Extension_Identifier=extension.identifier)

    def _wrong_state(self, extension: Extension, target: State) -> Response:
        message = (
            f"State transition from {extension.state.value} to {target.value} failed for extension "
            f"{extension.name}. Error: State transition is not allowed"
        )
        return _refuse("InvalidExtensionState", message)

    async def _next(self, request: Request, extension: Extension) -> Response | None:
        if extension.state not in (State.REGISTERED, State.READY, State.RUNNING):
            return self._wrong_state(extension, State.READY)
        self._journal.note("next", extension.name, at_ns=request.at_ns)
        first = extension.state is State.REGISTERED
        extension.state = State.READY
        if extension.waiting is not None and not extension.waiting.done():
            extension.waiting.set_result(None)  # a client that gave up and asks again
        extension.ready.set()
        self._hooks.ready(extension)
        if first and self._variations.unknown_event:
            self.send(
                extension,
                {"eventType": "CHECKPOINT", "deadlineMs": int(time.time() * 1000) + 60_000},
            )
        if extension.queue:
            event: dict[str, Any] | None = extension.queue.pop(0)
        else:
            extension.waiting = asyncio.get_running_loop().create_future()
            event = await extension.waiting
        if event is None:
            return None
        extension.state = State.RUNNING
        extension.ready.clear()
        self._journal.note("event", extension.name, event=event)
        if event["eventType"] == "SHUTDOWN":
            # The agent's answer has neither an event identifier nor a JSON content type here.
            return Response(200, encode(event), content_type="text/plain; charset=utf-8")
        return Response.of(200, event, Lambda_Extension_Event_Identifier=str(uuid.uuid4()))

    def send(self, extension: Extension, event: dict[str, Any]) -> None:
        """Send an extension an event: now if it waits, else when it asks."""
        extension.ready.clear()
        waiting = extension.waiting
        if waiting is not None and not waiting.done():
            waiting.set_result(event)
        else:
            extension.queue.append(event)

    def close(self) -> None:
        """Close all pending calls without an answer, at the end of the environment."""
        for extension in self.extensions.values():
            if extension.waiting is not None and not extension.waiting.done():
                extension.waiting.set_result(None)

    async def _error(self, request: Request, extension: Extension) -> Response:
        in_init = request.path.endswith("init/error")
        kind = "init_error" if in_init else "exit_error"
        error_type = request.headers.get("lambda-extension-function-error-type", "")
        self._journal.note(
            kind,
            extension.name,
            at_ns=request.at_ns,
            error_type=error_type,
            body=request.body.decode("utf-8", "replace"),
        )
        if not error_type:
            message = "Lambda-Extension-Function-Error-Type not found"
            return _refuse("MissingHeader", message)
        target = State.INIT_ERROR if in_init else State.EXIT_ERROR
        allowed = (State.REGISTERED,) if in_init else (State.REGISTERED, State.READY, State.RUNNING)
        if extension.state is not target:
            if extension.state not in allowed:
                return self._wrong_state(extension, target)
            extension.state = target
            self._hooks.failed(extension, f"Extension.{target.value}", error_type)
        return Response.of(202, {"status": "OK"})

    async def _subscribe(self, request: Request, extension: Extension) -> Response:
        return self.subscriptions.answer(request, extension.name)


def _refuse(error: str, message: str) -> Response:
    return Response.error(403, f"Extension.{error}", message)
