"""The first milliseconds: from exec until Lambda knows us.

Lambda holds the function's runtime back until every extension has registered, and bills the time. So this module
does, in this order and with next to nothing loaded: register (unless the launcher has done so), open the listener,
subscribe. Only then does it import the rest of the package, while the runtime initialises, and Next is asked for.

Promises: whatever goes wrong, the process goes on answering ``/event/next`` and ends on SHUTDOWN only. An extension
that exits fails the function's invocations (AWS: Lambda Extensions API, error handling).
Assumes: Lambda accepts a subscription only between register and the first Next, with the listener already accepting
(AWS: Logs API, Telemetry API).

A test holds the list of modules that this part may load. ``posix`` stands in for ``os``, which is not among them.
"""

import gc
import posix
import sys
import time
from _socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket as Socket  # noqa: N812 - the class, under the name the standard library gives it

from extension import EXTENSION_NAME
from extension.lambda_api import (
    BUFFERING,
    LOGS_API,
    LOGS_SCHEMAS,
    MANAGED_INSTANCES,
    MAX_PAUSE_S,
    REGISTER_PAUSE_S,
    TELEMETRY_API,
    TELEMETRY_SCHEMAS,
    ExtensionsApi,
    Subscription,
)

SUBSCRIBE_BUDGET_S = 4.0
"""For all attempts together: well inside the 10 s that Lambda gives to init."""

LISTEN_BACKLOG = 16
"""Lambda opens one connection a subscription; the rest is for a peer that reconnects in a hurry."""

TARGET_BYTES = 16
"""128 random bits make the path that Lambda posts to. Whoever does not know it cannot tell us of events."""

MINIMUM_PYTHON = (3, 10)

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
"""Lambda sets it in each of its environments, and so do its local stand-ins (AWS: Lambda Extensions API)."""


class Boot:
    """Hold the results of the first milliseconds for the rest of the extension."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.managed_instances = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == MANAGED_INSTANCES
        self.api = ExtensionsApi(environ[RUNTIME_API])
        self.listener: Socket | None = None
        self.listener_problem = ""
        self.subscription = Subscription(f"/{posix.urandom(TARGET_BYTES).hex()}")

    @property
    def enabled(self) -> bool:
        """Whether ``FLIGHT_RECORDER_ENABLED`` leaves us anything to do."""
        value = self.environ.get("FLIGHT_RECORDER_ENABLED", "").strip().lower()
        return value not in {"false", "0", "no", "off"}


def register(boot: Boot) -> None:
    """Register, however long it takes. An extension that never registers is fatal; a late one is not."""
    # Managed Instances refuse INVOKE with 403 (AWS: Lambda Managed Instances execution environment).
    events = '["SHUTDOWN"]' if boot.managed_instances else '["INVOKE","SHUTDOWN"]'
    pause_s = REGISTER_PAUSE_S
    while True:
        answer = boot.api.register(EXTENSION_NAME, events=events)
        if boot.api.identifier:
            return
        if pause_s == REGISTER_PAUSE_S:
            said = "no answer" if answer is None else f"status {answer.status}"
            say(f"could not register with Lambda ({said}); trying again until Lambda accepts it")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def listen(boot: Boot) -> None:
    """Open the listener on a port that the system picks, which no other extension has."""
    listener = None
    try:
        listener = Socket(AF_INET, SOCK_STREAM)
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        # All interfaces: Lambda dials sandbox.localdomain, its local emulators 127.0.0.1.
        listener.bind(("0.0.0.0", 0))  # noqa: S104
        listener.listen(LISTEN_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        if listener is not None:
            listener.close()
        boot.listener_problem = str(error)
        return
    boot.listener = listener


def subscribe(boot: Boot) -> None:
    """Subscribe to the first API and schema that accepts, in the order of LOG_API.

    A 202 is a refusal. Lambda's local stand-ins send it with an error in the body, and then never deliver.
    """
    if boot.listener is None:
        return
    port = boot.listener.getsockname()[1]
    wanted = boot.environ.get("FLIGHT_RECORDER_LOG_API", "").strip().lower()
    apis = [(LOGS_API, LOGS_SCHEMAS), (TELEMETRY_API, TELEMETRY_SCHEMAS)]
    if boot.managed_instances:
        apis = [(TELEMETRY_API, TELEMETRY_SCHEMAS[:1])]
    elif wanted == "telemetry":
        apis.reverse()
    subscription = boot.subscription
    until = time.monotonic() + SUBSCRIBE_BUDGET_S
    for path, schemas in apis:
        for schema in schemas:
            if time.monotonic() > until:
                return
            answer = boot.api.subscribe(
                path,
                body=f'{{"schemaVersion":"{schema}","types":["platform","function"],"buffering":{BUFFERING},'
                f'"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}{subscription.target}"}}}}',
            )
            status = 0 if answer is None else answer.status
            if status == 200:  # noqa: PLR2004 - HTTP's own number
                subscription.path, subscription.schema = path, schema
                return
            subscription.refusals.append(f"{path} schema {schema}: {status or 'no answer'}")
            if status != 400:  # noqa: PLR2004 - only a validation error can depend on the schema
                break


def say(text: str) -> None:
    """Write one line to stderr in the shape of our log. ``text`` needs no escaping."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = f'{{"timestamp":"{moment}","level":"warning","logger":"{EXTENSION_NAME}","event":"{text}"}}\n'
    try:
        posix.write(2, line.encode())
    except OSError:
        return  # Nobody listens on stderr, and there is no other place to write to.


def idle(api: ExtensionsApi) -> None:
    """Answer Next until SHUTDOWN and do nothing else: we are off, or cannot record."""
    pause_s = REGISTER_PAUSE_S
    while True:
        try:
            if not api.awaiting:
                api.ask_next()
            event = api.read_next()
        except OSError:
            event = None
        if event is not None and event.status == 200:  # noqa: PLR2004 - HTTP's own number
            if b'"SHUTDOWN"' in event.body:
                return
            pause_s = REGISTER_PAUSE_S
        elif not api.awaiting:
            # Refused or cut off. Exiting would fail the function, and asking without a pause would burn its CPU.
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)


def run_by_hand(arguments: list[str], environ: dict[str, str]) -> None:
    """Run a command line such as ``--check``, or say that this is an extension, and end the process."""
    import os

    if sys.version_info < MINIMUM_PYTHON:
        os.write(2, b"needs Python 3.10 or newer\n")
        os._exit(1)
    from extension.selfcheck.cli import main as check

    # Not by returning: a name that is still being resolved would keep the process.
    os._exit(check(arguments, environ))


def record(boot: Boot) -> None:
    """Load the rest of the package, while the function's runtime starts, and run until SHUTDOWN."""
    from extension.light_typing import stand_in_for_typing
    from extension.patterns import use

    # What is loaded stays: to look for garbage among it takes a tenth of the time. The wiring turns it on again.
    gc.disable()
    stand_in_for_typing()
    use(__spec__.loader)
    from extension.app.run import run

    run(
        boot.environ,
        api=boot.api,
        subscription=boot.subscription,
        listener=boot.listener,
        listener_problem=boot.listener_problem,
    )


def main(arguments: list[str]) -> None:
    """Run the extension.

    Args:
        arguments: the number of the descriptor on which the launcher has registered already; or a command line such as
            ``--check``, if somebody runs us by hand, which must not register; else nothing. Outside of Lambda nothing
            is awaited, whatever they are.
    """
    environ = {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in posix.environ.items()
    }
    if not environ.get(RUNTIME_API) or (arguments and not arguments[0].isdecimal()):
        run_by_hand(arguments, environ)
        return
    boot = Boot(environ)
    if arguments:
        boot.api.read_registration(int(arguments[0]))
    if not boot.api.identifier:
        register(boot)
    if not boot.enabled or sys.version_info < MINIMUM_PYTHON:
        if boot.enabled:
            say(
                f"needs Python 3.10 or newer and found {sys.version.split()[0]}; nothing is recorded, the function runs on"
            )
        idle(boot.api)
        return
    try:
        listen(boot)
        subscribe(boot)
        boot.api.connect()
        record(boot)
    except Exception as error:  # noqa: BLE001 - the one outermost guard: the function survives us
        say(
            f"stopped recording after an internal error ({type(error).__name__} at {_place_of(error)}); the function runs on"
        )
        if boot.listener is not None:
            boot.listener.close()
        idle(boot.api)


def _place_of(error: BaseException) -> str:
    """Return the file and the line that an error was raised at."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    if where is None:
        return ""
    return f"{where.tb_frame.f_code.co_filename.rpartition('/')[2]}:{where.tb_lineno}"
