"""Put the parts of one emulated function together: directories, processes, APIs, phases."""

import time
import uuid
from pathlib import Path
from typing import NamedTuple

from emulator.machine.filesystem import Places, Sources, unpack_layers
from emulator.machine.processes import Processes
from emulator.machine.runtimes import (
    Interpreter,
    find_java,
    find_node,
    java_client,
    node_client,
    python_client,
    runtime_version,
)
from emulator.model.clock import Clock
from emulator.model.errors import IsolationRefused
from emulator.model.function import Function
from emulator.model.http1 import Request, Response, Server
from emulator.model.journal import Journal
from emulator.options import Options
from emulator.phases.environment import Setting
from emulator.phases.lifecycle import Lifecycle
from emulator.telemetry.hub import Telemetry
from emulator.telemetry.output import Output


class Assembled(NamedTuple):
    """The parts that a caller needs; ``isolation`` is ``namespace`` or ``relocated``."""

    lifecycle: Lifecycle
    server: Server
    isolation: str

    async def stop(self) -> None:
        """End the environment, and then the APIs."""
        await self.lifecycle.stop()
        await self.server.stop()


async def assemble(
    function: Function, options: Options, *, journal: Journal, scratch: Path
) -> Assembled:
    """Unpack the layers, start the APIs, and return what runs invocations.

    Raises:
        ComponentMissing: A layer, an interpreter or a runtime client is missing.
        IsolationRefused: The machine refuses the mount namespace that the options ask for.
    """
    clock = Clock()
    telemetry = Telemetry(
        clock=clock, journal=journal, variations=options.variations, policy=options.delivery
    )
    managed = options.managed_instances
    output = Output(function, telemetry, on_line=options.on_line, attribute_by_line=managed)
    opt = unpack_layers([Path(layer) for layer in options.layers], scratch)
    interpreter = Interpreter.of(options.interpreter)
    client, program = _client_and_program(function, options, interpreter)
    sources = Sources(
        opt=opt,
        task=Path(function.code).resolve(),  # noqa: ASYNC240 - once, before anything runs
        # A root file system has its own programs or none.
        lang=None if options.root else interpreter.prefix,
        runtime=client and client.resolve(),
    )
    processes = Processes(journal, output.record)
    isolation, places = await _isolate(processes, sources, options, scratch)

    async def answer(request: Request) -> Response | None:
        return await lifecycle.handle(request)

    server = Server(answer)
    await server.start()
    setting = Setting(
        function=function,
        options=options,
        clock=clock,
        journal=journal,
        telemetry=telemetry,
        output=output,
        processes=processes,
        places=places,
        opt=opt,
        program=program,
        log_stream=_log_stream(function),
        runtime_version=runtime_version(function, interpreter, durable=options.variations.durable),
        api_address=f"127.0.0.1:{server.port}",
    )
    lifecycle = Lifecycle(setting)
    return Assembled(lifecycle, server, isolation)


def _log_stream(function: Function) -> str:
    day = time.strftime("%Y/%m/%d", time.gmtime())
    return f"{day}/[{function.version}]{uuid.uuid4().hex}"


def _client_and_program(
    function: Function, options: Options, interpreter: Interpreter
) -> tuple[Path | None, Path | None]:
    """Return the directory of the runtime client and Node.js's or Java's executable, where they are needed."""
    client = options.runtime_client
    if function.family == "python":
        return client or python_client(interpreter), None
    if function.family == "nodejs":
        node = find_node(options.node)
        return client or node_client(node), node
    if function.family == "java":
        return client or java_client(), find_java()
    return client, None


async def _isolate(
    processes: Processes, sources: Sources, options: Options, scratch: Path
) -> tuple[str, Places]:
    if options.isolation != "relocated":
        places = Places.mounted(sources)
        mounts = list(places.mounts)
        mountpoint = scratch / "mountpoint"
        mountpoint.mkdir()
        if options.root is not None:
            temporary = scratch / "tmp"
            temporary.mkdir()
            temporary.chmod(0o1777)
            mounts = options.root.mounts(places.mounts, temporary)
        refused = await processes.start(mounts, mountpoint, options.root)
        if refused is None:
            return "namespace", places
        await processes.stop()
        if options.isolation == "namespace" or options.root is not None:
            raise IsolationRefused(f"this machine refuses a mount namespace: {refused}")
    await processes.start([], scratch)
    return "relocated", Places.relocated(scratch, sources)
