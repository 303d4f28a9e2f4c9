"""Start, freeze, thaw and end the environment's processes, and read their output."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from emulator.machine.filesystem import Mount, RootFileSystem
from emulator.machine.frames import FrameReader, LineReader, RawRecord
from emulator.machine.spawner_client import Exit, SpawnerClient
from emulator.model.errors import EmulatorError
from emulator.model.journal import Journal

# Any number above the standard three; high, so that it stays clear of descriptors a program opens first.
FRAME_DESCRIPTOR = 62

READ_BYTES = 256 * 1024

# From SIGKILL to the exit, on a busy machine.
EXIT_TIMEOUT_S = 10.0

# What one drain may read at most before the loop turns to other work; a pipe holds 64 KiB unless enlarged.
MAX_DRAIN_BYTES = 16 * 1024 * 1024


class LaunchError(Exception):
    """The kernel refused to execute a file."""

    def __init__(self, path: str, code: int, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.code = code


@dataclass(slots=True, eq=False)
class _Pipe:
    descriptor: int
    channel: str
    reader: FrameReader | LineReader
    open: bool = True


RecordHandler = Callable[["Child", str, RawRecord], None]


@dataclass(slots=True, eq=False)
class Child:
    """One process group, that of a runtime or an extension, and the last lines it wrote."""

    name: str
    pid: int
    started_ns: int
    exited: asyncio.Future[int]
    pipes: list[_Pipe] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    killed: bool = False
    ended_ns: int = 0

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as the emulator knows."""
        return not self.exited.done()

    def signal(self, number: int) -> None:
        """Signal the whole group; harmless when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL the group, whether or not its leader is still there."""
        self.killed = self.killed or self.alive
        self.signal(signal.SIGKILL)

    def memory_bytes(self, field_name: str = "VmRSS") -> int:
        """Return the resident bytes of the leader and its direct children, or (``VmHWM``) the leader's peak."""
        total = _status_bytes(self.pid, field_name)
        if field_name == "VmRSS":
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
                total += sum(_status_bytes(int(child), field_name) for child in children)
        return total


def _status_bytes(pid: int, field_name: str) -> int:
    with contextlib.suppress(OSError):
        if field_name == "VmRSS":
            pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field_name):
                return int(line.split()[1]) * 1024
    return 0


class Processes:
    """Start children through the spawner and read their pipes; belongs to one event loop."""

    def __init__(self, journal: Journal, on_record: RecordHandler) -> None:
        self._journal = journal
        self._on_record = on_record
        self._children: dict[int, Child] = {}
        self._early_exits: dict[int, Exit] = {}
        self._spawner: SpawnerClient | None = None

    async def start(
        self, mounts: list[Mount], scratch: Path, root: RootFileSystem | None = None
    ) -> str | None:
        """Start the spawner; with mounts, isolate it. Return None, or why isolation was refused."""
        self._spawner = SpawnerClient(self._exit)
        return await self._spawner.isolate(mounts, scratch, root) if mounts else None

    def _exit(self, ended: Exit) -> None:
        child = self._children.get(ended.pid)
        if child is None:
            self._early_exits[ended.pid] = ended
            return
        self.drain(child)
        for pipe in child.pipes:
            for record in pipe.reader.close():
                self._on_record(child, pipe.channel, record)
        child.ended_ns = ended.at_ns
        self._journal.note(
            "exit", child.name, at_ns=ended.at_ns, code=ended.status, killed=child.killed
        )
        if not child.exited.done():
            child.exited.set_result(ended.status)

    async def spawn(
        self,
        name: str,
        argv: list[str],
        *,
        env: dict[str, str],
        cwd: str,
        framed: bool = False,
    ) -> Child:
        """Start a child in its own session, and read its output from now on.

        Raises:
            LaunchError: exec failed.
            EmulatorError: The spawner does not run.
        """
        if self._spawner is None:
            raise EmulatorError("the spawner is not running")
        loop = asyncio.get_running_loop()
        channels = {"stdout": 1, "stderr": 2}
        if framed:
            channels["frame"] = FRAME_DESCRIPTOR
            env = {**env, "_LAMBDA_TELEMETRY_LOG_FD": str(FRAME_DESCRIPTOR)}
        pairs = [os.pipe() for _ in channels]
        targets = list(channels.values())
        request = {"spawn": name, "argv": argv, "env": env, "cwd": cwd, "targets": targets}
        try:
            answer = await self._spawner.ask(request, [write for _, write in pairs])
        finally:
            for _, write in pairs:
                os.close(write)
        if "errno" in answer:
            for read, _ in pairs:
                os.close(read)
            raise LaunchError(argv[0], answer["errno"], answer["message"])
        child = Child(name, answer["pid"], answer["at_ns"], loop.create_future())
        self._children[child.pid] = child
        for (read, _), channel in zip(pairs, channels, strict=True):
            os.set_blocking(read, False)
            pipe = _Pipe(read, channel, FrameReader() if channel == "frame" else LineReader())
            child.pipes.append(pipe)
            loop.add_reader(read, self._read, child, pipe)
        self._journal.note("spawn", name, at_ns=child.started_ns, pid=child.pid, argv=argv)
        early = self._early_exits.pop(child.pid, None)
        if early is not None:
            self._exit(early)
        return child

    def _read(self, child: Child, pipe: _Pipe) -> bool:
        """Read once; True if there may be more."""
        if not pipe.open:
            return False
        try:
            chunk = os.read(pipe.descriptor, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._close_pipe(pipe)
            return False
        for record in pipe.reader.feed(chunk):
            self._on_record(child, pipe.channel, record)
        return True

    def _close_pipe(self, pipe: _Pipe) -> None:
        if pipe.open:
            pipe.open = False
            asyncio.get_running_loop().remove_reader(pipe.descriptor)
            os.close(pipe.descriptor)

    def drain(self, child: Child) -> None:
        """Read the child's pipes empty, so that its output comes before the next event."""
        for pipe in child.pipes:
            for _ in range(MAX_DRAIN_BYTES // READ_BYTES):
                if not self._read(child, pipe):
                    break

    def freeze(self) -> None:
        """SIGSTOP every process group."""
        for child in self._children.values():
            if child.alive:
                child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT every process group."""
        for child in self._children.values():
            if child.alive:
                child.signal(signal.SIGCONT)

    async def end(self, child: Child, timeout_s: float) -> bool:
        """Wait for a child to exit, then SIGKILL its group; return whether it exited by itself."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(child.exited), max(0.0, timeout_s))
        by_itself = not child.alive
        child.kill()
        if not by_itself:
            self._journal.note("kill", child.name, pid=child.pid)
            await asyncio.wait_for(asyncio.shield(child.exited), EXIT_TIMEOUT_S)
        for pipe in child.pipes:
            self._close_pipe(pipe)
        self._children.pop(child.pid, None)
        return by_itself

    async def stop(self) -> None:
        """Kill everything and end the spawner."""
        for child in list(self._children.values()):
            await self.end(child, 0)
        if self._spawner is not None:
            await self._spawner.close()
            self._spawner = None
