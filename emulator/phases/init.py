"""Run the init phase: start the extensions, then the runtime, and wait until all are ready.

Order and events: AWS "Understanding the Lambda execution environment lifecycle" and the agent's open source.
"""

import asyncio
import errno
import time
from collections.abc import Callable
from dataclasses import dataclass

from emulator.apis.extensions_api import Extension, State
from emulator.machine.processes import LaunchError
from emulator.machine.runtimes import runtime_command
from emulator.machine.variables import extension_variables, runtime_variables
from emulator.model.errors import EnvironmentDidNotStart
from emulator.phases.crash import Crash
from emulator.phases.environment import Environment, Setting

MAX_EXTENSION_FILES = 10  # AWS "Lambda Extensions API"
# Of each of the last lines of output in an error message.
MAX_TAIL_CHARS = 400
# The agent's switch for starting no external extension, from its open source.
DISABLE_EXTENSIONS = "disable-extensions-jwigqn8j"


@dataclass(frozen=True, slots=True)
class InitResult:
    """The result of an init phase.

    Where it failed, ``tail`` is the last output of its processes, ``body`` the init error that the runtime posted.
    """

    status: str
    error_type: str | None
    duration_ms: float
    phase: str
    message: str = ""
    tail: str = ""
    body: bytes | None = None

    def raise_for_status(self) -> "InitResult":
        """Return the result itself.

        Raises:
            EnvironmentDidNotStart: The init failed.
        """
        if self.status != "success":
            raise EnvironmentDidNotStart(
                f"init ended with {self.status} ({self.error_type}): {self.message}\n{self.tail}"
            )
        return self


class _Failed(Exception):  # noqa: N818 - control flow out of the init phase, never seen outside
    """The init phase cannot go on."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash.message)
        self.crash = crash


async def initialise(environment: Environment, *, phase: str, timeout_ms: float) -> InitResult:
    """Run the init phase, bounded by ``timeout_ms``; ``phase`` is ``init``, or ``invoke`` where it is run again."""
    begun_ns = time.monotonic_ns()
    options = environment.setting.options
    if options.variations.snap_start and phase == "init":
        phase = "snap-start"
    base = {"initializationType": options.initialization_type, "phase": phase}
    _tell_start(environment.setting, base)
    status, error = "success", None
    watch = asyncio.ensure_future(environment.memory.run())
    try:
        await asyncio.wait_for(_start_all(environment, base), timeout_ms / 1e3)
    except asyncio.TimeoutError:
        status = "timeout"
        error = Crash("Sandbox.Timedout", _unfinished(environment), "environment")
    except _Failed as failure:
        status, error = "error", failure.crash
    finally:
        watch.cancel()
    duration_ms = round((time.monotonic_ns() - begun_ns) / 1e6, 3)
    _tell_end(environment, {**base, "status": status}, error, duration_ms)
    if error is None:
        return InitResult(status, None, duration_ms, phase)
    if not environment.crash.done():
        environment.crash.set_result(error)
    tail = "".join(
        f"[{child.name}] {line.rstrip()[:MAX_TAIL_CHARS]}\n"
        for child in environment.children.values()
        for line in child.tail
    )
    return InitResult(status, error.error_type, duration_ms, phase, error.message, tail, error.body)


def _tell_start(setting: Setting, base: dict[str, str]) -> None:
    start = {
        **base,
        "runtimeVersion": setting.runtime_version,
        "runtimeVersionArn": f"arn:aws:lambda:{setting.function.region}::runtime:local",
        "functionName": setting.function.name,
        "functionVersion": setting.function.version,
        **setting.instance,
        "instanceMaxMemory": setting.function.memory_mb * 1024 * 1024,
    }
    setting.telemetry.platform("initStart", start, logs_record=start)
    text = f"INIT_START Runtime Version: {start['runtimeVersion']}\tRuntime Version ARN: "
    setting.output.platform(None, f"{text}{start['runtimeVersionArn']}\n", "initStart", start)


def _tell_end(
    environment: Environment, record: dict[str, str], error: Crash | None, duration_ms: float
) -> None:
    telemetry, status = environment.setting.telemetry, record["status"]
    if error is not None:
        record["errorType"] = error.error_type
        if not environment.runtime_ready:
            telemetry.platform("initRuntimeDone", record, logs_record=record)
    report = {**record, "metrics": {"durationMs": duration_ms}}
    telemetry.platform("initReport", report, logs_record=report)
    if error is not None:
        text = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {record['phase']}\tStatus: {status}"
        text += f"\tError Type: {error.error_type}\n" if status == "error" else "\n"
        environment.setting.output.platform(None, text, "initReport", record)


def _unfinished(environment: Environment) -> str:
    silent = [e.name for e in environment.extensions_api.extensions.values() if not e.identifier]
    if silent:
        return f"{', '.join(silent)} did not register in time"
    if not environment.runtime_ready:
        return "the runtime did not ask for an invocation in time"
    late = [e.name for e in environment.extensions_api.registered() if e.state is State.REGISTERED]
    return f"{', '.join(late)} registered but did not call Next in time"


async def _start_all(environment: Environment, base: dict[str, str]) -> None:
    setting, api = environment.setting, environment.extensions_api
    variables = runtime_variables(
        setting.function,
        setting.places,
        api=setting.api_address,
        log_stream=setting.log_stream,
        initialization_type=setting.options.initialization_type,
        max_concurrency=setting.options.max_concurrency
        if setting.options.managed_instances
        else None,
        extra=setting.options.environ,
    )
    directory = setting.opt / "extensions"
    files = (
        sorted(p.name for p in directory.iterdir() if not p.is_dir()) if directory.is_dir() else []
    )
    if (setting.opt / DISABLE_EXTENSIONS).exists():
        files = []
    if len(files) > MAX_EXTENSION_FILES:
        raise _Failed(Crash("Extension.TooManyExtensions", f"{len(files)} files", "environment"))
    for name in files:
        api.extensions[name] = Extension(name, external=True)
    for name in files:
        argv = [f"{setting.places.opt}/extensions/{name}"]
        await _spawn(environment, name, argv, extension_variables(variables), cwd="/")
    await _until(environment, lambda: all(api.extensions[n].identifier for n in files))
    command = runtime_command(
        setting.function, setting.places, program=setting.program, opt=setting.opt
    )
    framed = setting.function.family != "provided" and not setting.options.managed_instances
    await _spawn(environment, "runtime", command, variables, cwd=setting.places.task, framed=framed)
    await _until(environment, lambda: environment.runtime_ready)
    record = {**base, "status": "success"}
    setting.telemetry.platform("initRuntimeDone", record, logs_record=record)
    await _until(environment, lambda: all(e.ready.is_set() for e in api.registered()))
    api.subscriptions.is_open = False
    for extension in api.registered():
        about = {"name": extension.name, "state": "Ready", "events": list(extension.events)}
        setting.telemetry.platform("extension", about, logs_record=about)


async def _spawn(
    environment: Environment,
    name: str,
    argv: list[str],
    env: dict[str, str],
    *,
    cwd: str,
    framed: bool = False,
) -> None:
    try:
        child = await environment.setting.processes.spawn(
            name, argv, env=env, cwd=cwd, framed=framed
        )
    except LaunchError as error:
        kind = "Runtime.InvalidEntrypoint" if name == "runtime" else "Extension.LaunchError"
        about = {"name": name, "state": "LaunchError", "events": []}
        if name != "runtime":
            reason = "PermissionDenied" if error.code == errno.EACCES else "UnknownError"
            about["errorType"] = reason
            environment.setting.telemetry.platform("extension", about, logs_record=about)
        message = str(error)
        if error.code == errno.ENOENT and environment.setting.places.opt != "/opt":
            message += " (relocated environment: a first line such as #!/var/lang/bin/python3 has no target)"
        raise _Failed(Crash(kind, message, name)) from error
    environment.children[name] = child
    if name == "runtime":
        environment.memory.child = child
    child.exited.add_done_callback(lambda f: environment.child_exited(child, f.result()))


async def _until(environment: Environment, condition: Callable[[], bool]) -> None:
    while not condition():
        if environment.crash.done():
            raise _Failed(environment.crash.result())
        environment.progress.clear()
        await environment.progress.wait()
