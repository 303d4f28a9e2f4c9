"""Play a whole environment: an extension, a runtime that gets ready beside it, and one share of a processor for both.

The order is Lambda's. The runtime starts when the extension has registered. Nobody is told anything before both have
asked for an event; only then do the events of init follow (AWS: Lambda execution environment lifecycle).
"""

import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from bench.control_plane.cpu_share import CpuGroup
from bench.control_plane.plane import ControlPlane

_PROGRAM = Path(__file__).resolve().parents[1] / "programs" / "runtime.py"


class Runtime(NamedTuple):
    """What the runtime does.

    Attributes:
        ready_ms: after this long it asks for its first event.
        computes: whether it uses the processor until then, or waits.
        function_ms: time of the processor that an invocation takes.
    """

    ready_ms: float = 0.0
    computes: bool = False
    function_ms: float = 0.0


@contextmanager
def initialised(
    command: tuple[str, ...],
    environ: Mapping[str, str],
    runtime: Runtime,
    *,
    cores: Collection[int],
    group: CpuGroup,
    is_alone: bool = False,
) -> Iterator[ControlPlane]:
    """Start an environment and wait until both have asked for an event; kill all at the end.

    Args:
        command: the extension.
        environ: its environment.
        runtime: what the runtime does.
        cores: those that both may run on.
        group: takes both in, without a limit.
        is_alone: leave the extension out of the group.

    Yields:
        What plays Lambda.
    """
    with ControlPlane() as plane, _prepared(plane.address, runtime, cores) as process:
        plane.start(command, dict(environ), cores=cores)
        group.add(process.pid)
        if not is_alone:
            group.add(plane.pid)
        plane.wait_for(lambda: bool(plane.count("register")))
        begin = _pipe(process.stdin)
        begin.write(b"\n")
        begin.flush()
        plane.wait_for(lambda: plane.all_ask)
        yield plane
        group.limit(None)  # Else they are slow to die.


@contextmanager
def _prepared(
    address: str, runtime: Runtime, cores: Collection[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the runtime ahead, on an interpreter that shares no memory with the extension's."""
    kind = "compute" if runtime.computes else "wait"
    numbers = (str(runtime.ready_ms), str(runtime.function_ms), *map(str, cores))
    process = subprocess.Popen(
        [sys.executable, "-ISB", str(_PROGRAM), address, kind, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        _pipe(process.stdout).readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - for the type checker
    return pipe
