"""The environment's processes as the emulator sees them: start, output, stop, continue, kill, exit.

The children are started by ``spawner.py``, a process of its own; this is its other end.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.machine.filesystem import Mount, RootFileSystem
from emulator.machine.frames import FrameReader, LineReader, RawRecord
from emulator.model.errors import EmulatorError
from emulator.model.journal import Journal

# Any number above the standard three; high, so that it stays clear of descriptors a program opens first.
FRAME_DESCRIPTOR = 62

READ_BYTES = 256 * 1024

# What one drain may read at most before the loop turns to other work; a pipe holds 64 KiB unless enlarged.
MAX_DRAIN_BYTES = 16 * 1024 * 1024

SPAWN_TIMEOUT_S = 10.0


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
    """One process group: a runtime or an extension."""

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
        """Whether its exit has not been noticed."""
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
        """Give resident memory of the leader and its direct children, or the leader's peak for ``VmHWM``."""
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
    """Starts children through the spawner and reads their pipes; belongs to one event loop."""

    def __init__(self, journal: Journal, on_record: RecordHandler) -> None:
        self._journal = journal
        self._on_record = on_record
        self._children: dict[int, Child] = {}
        self._answers: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._early_exits: dict[int, dict[str, Any]] = {}
        self._buffer = b""
        self._socket: socket.socket | None = None
        self._spawner: subprocess.Popen[bytes] | None = None
        self.frozen = False

    async def start(
        self, mounts: list[Mount], scratch: Path, root: RootFileSystem | None = None
    ) -> str | None:
        """Start the spawner; with mounts, isolate it. Give None, or why isolation was refused."""
        ours, theirs = socket.socketpair()
        self._spawner = subprocess.Popen(  # noqa: ASYNC220 - vfork and exec, well under a millisecond
            [sys.executable, "-ISB", str(Path(__file__).with_name("spawner.py"))],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._readable)
        if not mounts:
            return None
        listed = [
            {"source": str(m.source), "target": m.target, "read_only": m.read_only} for m in mounts
        ]
        request: dict[str, Any] = {"mounts": listed, "scratch": str(scratch)}
        if root is not None:
            request |= {"root": str(root.directory), "user": root.user}
        answer = await self._ask(request, [])
        return answer.get("message") if answer["isolation"] == "refused" else None

    async def _ask(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        if self._socket is None:
            raise EmulatorError("the spawner is not running")
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers.append(future)
        data = json.dumps(request).encode() + b"\n"
        # Small next to the socket's buffer, and the spawner reads at once: it does not block.
        sent = socket.send_fds(self._socket, [data], descriptors)
        while sent < len(data):
            await asyncio.sleep(0.001)
            with contextlib.suppress(BlockingIOError):
                sent += self._socket.send(data[sent:])
        return await asyncio.wait_for(future, SPAWN_TIMEOUT_S)

    def _readable(self) -> None:
        assert self._socket is not None  # noqa: S101 - for the type checker; the caller sees to it
        data = self._socket.recv(65536)
        if not data:
            asyncio.get_running_loop().remove_reader(self._socket)
            for future in self._answers:
                if not future.done():
                    future.set_exception(EmulatorError("the spawner died; see its messages above"))
            return
        self._buffer += data
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            message = json.loads(line)
            if "exited" in message:
                self._exit(message)
            else:
                future = self._answers.popleft()
                if not future.done():
                    future.set_result(message)

    def _exit(self, message: dict[str, Any]) -> None:
        child = self._children.get(message["exited"])
        if child is None:
            self._early_exits[message["exited"]] = message
            return
        self.drain(child)
        for pipe in child.pipes:
            for record in pipe.reader.close():
                self._on_record(child, pipe.channel, record)
        child.ended_ns = message["at_ns"]
        self._journal.note(
            "exit", child.name, at_ns=message["at_ns"], code=message["status"], killed=child.killed
        )
        if not child.exited.done():
            child.exited.set_result(message["status"])

    async def spawn(
        self,
        name: str,
        argv: list[str],
        *,
        env: dict[str, str],
        cwd: str,
        framed: bool = False,
    ) -> Child:
        """Start a child in its own session, its output read from now on.

        Raises:
            LaunchError: exec failed.
        """
        loop = asyncio.get_running_loop()
        channels = ["stdout", "stderr", *(["frame"] if framed else [])]
        pairs = [os.pipe() for _ in channels]
        if framed:
            env = {**env, "_LAMBDA_TELEMETRY_LOG_FD": str(FRAME_DESCRIPTOR)}
        request = {
            "spawn": name,
            "argv": argv,
            "env": env,
            "cwd": cwd,
            "targets": [1, 2, FRAME_DESCRIPTOR][: len(channels)],
        }
        try:
            answer = await self._ask(request, [write for _, write in pairs])
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
        """Read what is in the child's pipes now, so that it is known to come before what happens next."""
        for pipe in child.pipes:
            for _ in range(MAX_DRAIN_BYTES // READ_BYTES):
                if not self._read(child, pipe):
                    break

    def freeze(self) -> None:
        """SIGSTOP every process group."""
        self.frozen = True
        for child in self._children.values():
            if child.alive:
                child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT every process group."""
        self.frozen = False
        for child in self._children.values():
            if child.alive:
                child.signal(signal.SIGCONT)

    async def end(self, child: Child, timeout_s: float) -> bool:
        """Wait for a child to exit by itself, SIGKILL its group if it does not; True if it exited by itself."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(child.exited), max(0.0, timeout_s))
        by_itself = not child.alive
        child.kill()
        if not by_itself:
            self._journal.note("kill", child.name, pid=child.pid)
            await asyncio.wait_for(asyncio.shield(child.exited), SPAWN_TIMEOUT_S)
        for pipe in child.pipes:
            self._close_pipe(pipe)
        self._children.pop(child.pid, None)
        return by_itself

    async def stop(self) -> None:
        """Kill everything and end the spawner."""
        for child in list(self._children.values()):
            await self.end(child, 0)
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._spawner is not None:
            deadline = time.monotonic() + SPAWN_TIMEOUT_S
            while self._spawner.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's exit; there is no event to wait for
                await asyncio.sleep(0.002)
            self._spawner.kill()
            self._spawner.wait()
