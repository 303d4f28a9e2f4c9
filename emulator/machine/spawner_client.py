"""Talk to the spawner, the process that starts all others; its protocol is in ``spawner.py``."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from emulator.machine.filesystem import Mount, RootFileSystem
from emulator.model.errors import EmulatorError

# For an answer, and for the spawner's own end: it does little, but the machine may be busy.
TIMEOUT_S = 10.0


class Exit(NamedTuple):
    """The end of a child; a negative status is a signal."""

    pid: int
    status: int
    at_ns: int


class SpawnerClient:
    """The spawner's process and the socket to it; belongs to one event loop."""

    def __init__(self, on_exit: Callable[[Exit], None]) -> None:
        self._on_exit = on_exit
        self._answers: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._buffer = b""
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-ISB", str(Path(__file__).with_name("spawner.py"))],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    async def isolate(
        self, mounts: list[Mount], scratch: Path, root: RootFileSystem | None
    ) -> str | None:
        """Move the spawner to a mount namespace; return None, or why the machine refuses it."""
        listed = [
            {"source": str(m.source), "target": m.target, "read_only": m.read_only} for m in mounts
        ]
        request: dict[str, Any] = {"mounts": listed, "scratch": str(scratch)}
        if root is not None:
            request |= {"root": str(root.directory), "user": root.user}
        answer = await self.ask(request, [])
        return answer.get("message") if answer["isolation"] == "refused" else None

    async def ask(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Send a request with descriptors and return the answer.

        Raises:
            EmulatorError: The spawner died.
        """
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers.append(future)
        data = json.dumps(request).encode() + b"\n"
        # Small next to the socket's buffer, and the spawner reads at once: it does not block.
        sent = socket.send_fds(self._socket, [data], descriptors)
        while sent < len(data):
            await asyncio.sleep(0.001)
            with contextlib.suppress(BlockingIOError):
                sent += self._socket.send(data[sent:])
        return await asyncio.wait_for(future, TIMEOUT_S)

    def _readable(self) -> None:
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
                self._on_exit(Exit(message["exited"], message["status"], message["at_ns"]))
            else:
                future = self._answers.popleft()
                if not future.done():
                    future.set_result(message)

    async def close(self) -> None:
        """End the spawner, which kills all that it started."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        deadline = time.monotonic() + TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's exit; there is no event to wait for
            await asyncio.sleep(0.002)
        self._process.kill()
        self._process.wait()
