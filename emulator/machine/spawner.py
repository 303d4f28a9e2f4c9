"""Start all other processes. This file runs as a script, in a process of its own, for four reasons.

Mounts in its private namespace are invisible to the rest of the machine, and vanish with it. A small single-threaded
process can ``posix_spawn`` in a fraction of a millisecond, and sees exec's own error. It notes the exact time of each
exec. When the emulator dies, the socket closes, and this process kills all that it started.

Protocol: one JSON object a line, over the socket that is descriptor 0. ``{"mounts": …}`` comes first, and is answered by
``{"isolation": …}``; with ``"root"`` and ``"user"`` it also confines all processes. ``{"spawn": …}`` comes with descriptors, and
is answered by ``{"pid"}`` or ``{"errno"}``. ``{"exited": pid, "status": …}`` tells of the end of a child.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
# Flags a user namespace may not clear when it remounts read-only.
LOCKED_FLAGS = ((os.ST_NOSUID, 2), (os.ST_NODEV, 4), (os.ST_NOEXEC, 8))
MAX_REQUEST_BYTES = 1024 * 1024
MAX_DESCRIPTORS = 8


class Mounter:
    """Mount the directories where Lambda has them."""

    def __init__(self) -> None:
        import ctypes

        self._ctypes = ctypes
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _check(self, result: int, what: str) -> None:
        if result != 0:
            code = self._ctypes.get_errno()
            raise OSError(code, f"{what}: {os.strerror(code)}")

    def mount(self, source: str, target: str, flags: int, kind: str = "", data: str = "") -> None:
        """Call mount(2)."""  # noqa: D402 - mount(2) is the system call
        words = [w.encode() if w else None for w in (source, target, kind)]
        result = self._libc.mount(*words, self._ctypes.c_ulong(flags), data.encode() or None)
        self._check(result, f"mount {source} on {target}")

    def enter(self) -> None:
        """Enter a private mount namespace; an ordinary user needs a user namespace as well."""
        if os.geteuid() == 0:
            self._check(self._libc.unshare(CLONE_NEWNS), "unshare")
        else:
            uid, gid = os.geteuid(), os.getegid()
            self._check(self._libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{uid} {uid} 1"),
                ("gid_map", f"{gid} {gid} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib would cost this process most of its start-up
                    file.write(text)
        self.mount("", "/", MS_REC | MS_PRIVATE)

    def bind(self, source: str, target: str, *, read_only: bool) -> None:
        """Bind a directory or file over another."""
        self.mount(source, target, MS_BIND | MS_REC)
        if read_only:
            kept = os.statvfs(target).f_flag
            flags = MS_BIND | MS_REMOUNT | MS_RDONLY
            for bit, flag in LOCKED_FLAGS:
                flags |= flag if kept & bit else 0
            self.mount("", target, flags)

    def add_entries(self, parent: str, names: list[str], scratch: str) -> None:
        """Add sub-directories to a directory without touching it, by a tmpfs with its entries bound in."""
        self.mount("tmpfs", scratch, 0, "tmpfs", "size=1m,mode=755")
        for entry in os.scandir(parent):
            copy = f"{scratch}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), copy)  # noqa: PTH115, PTH211 - pathlib would cost this process most of its start-up
            elif entry.is_dir():
                os.mkdir(copy)  # noqa: PTH102 - pathlib would cost this process most of its start-up
                self.mount(entry.path, copy, MS_BIND | MS_REC)
            elif entry.is_file():
                os.close(os.open(copy, os.O_CREAT))
                self.mount(entry.path, copy, MS_BIND)
        for name in names:
            os.makedirs(f"{scratch}/{name}", exist_ok=True)  # noqa: PTH103 - pathlib would cost this process most of its start-up
        self.mount(scratch, parent, MS_BIND | MS_REC)


def isolate(mounts: list[dict[str, Any]], scratch: str) -> None:
    """Enter a namespace and mount everything. Raises OSError where the machine refuses."""
    mounter = Mounter()
    mounter.enter()
    missing: dict[str, list[str]] = {}
    for mount in mounts:
        if not os.path.isdir(mount["target"]):  # noqa: PTH112 - pathlib would cost this process most of its start-up
            parent, name = os.path.split(mount["target"])
            missing.setdefault(parent, []).append(name)
    # The sources may lie under a directory that is about to be covered: hold them by descriptor.
    held = [os.open(mount["source"], os.O_PATH) for mount in mounts]
    for parent, names in missing.items():
        if parent == "/":
            raise OSError(2, f"no /{names[0]} on this machine to mount on")
        mounter.add_entries(parent, names, scratch)
    for mount, descriptor in zip(mounts, held, strict=True):
        mounter.bind(f"/proc/self/fd/{descriptor}", mount["target"], read_only=mount["read_only"])
        os.close(descriptor)


def confine(root: str, user: int) -> None:
    """Change to a root file system and an ordinary user. Raises OSError without the right to."""
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


def spawn(request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Start one child in a session of its own."""
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    null = os.open("/dev/null", os.O_RDONLY)
    actions.append((os.POSIX_SPAWN_DUP2, null, 0))
    # Received descriptors are moved out of the way first: a target may be the number of another one.
    high = [os.dup2(d, 200 + i) for i, d in enumerate(descriptors)]
    actions += [(os.POSIX_SPAWN_DUP2, d, t) for d, t in zip(high, request["targets"], strict=True)]
    try:
        os.chdir(request["cwd"])
        begun_ns = time.monotonic_ns()
        pid = os.posix_spawn(
            request["argv"][0],
            request["argv"],
            request["env"],
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        )
    except OSError as error:
        return {"errno": error.errno or 0, "message": str(error)}
    finally:
        os.chdir("/")
        for descriptor in [null, *descriptors, *high]:
            os.close(descriptor)
    return {"pid": pid, "at_ns": begun_ns}


class Spawner:
    """Answer requests, and report exits."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._children: set[int] = set()
        self._wake, write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C in a terminal reaches the whole foreground group; the emulator decides what ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _say(self, message: dict[str, Any]) -> None:
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._children.discard(pid)
            self._say(
                {
                    "exited": pid,
                    "status": os.waitstatus_to_exitcode(status),
                    "at_ns": time.monotonic_ns(),
                }
            )

    def _kill_all(self) -> None:
        for pid in self._children:
            try:  # noqa: SIM105 - contextlib is not imported here, for start-up's sake
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:  # noqa: PERF203 - one gone child must not save the others
                pass

    def run(self) -> None:
        """Serve until the socket closes, then kill the remaining children."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        buffer = b""
        descriptors: list[int] = []
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._wake:
                    os.read(self._wake, 4096)
                    self._reap()
                    continue
                data, new, _, _ = socket.recv_fds(
                    self._connection, MAX_REQUEST_BYTES, MAX_DESCRIPTORS
                )
                if not data:
                    self._kill_all()
                    return
                descriptors += new
                buffer += data
                while b"\n" in buffer:
                    line, _, buffer = buffer.partition(b"\n")
                    self._answer(json.loads(line), descriptors)

    def _answer(self, request: dict[str, Any], descriptors: list[int]) -> None:
        if "mounts" in request:
            try:
                isolate(request["mounts"], request["scratch"])
                if "root" in request:
                    confine(request["root"], request["user"])
            except OSError as error:
                self._say({"isolation": "refused", "message": str(error)})
            else:
                self._say({"isolation": "namespace"})
            return
        count = len(request["targets"])
        answer = spawn(request, descriptors[:count])
        del descriptors[:count]
        if "pid" in answer:
            self._children.add(answer["pid"])
        self._say(answer)
        self._reap()


if __name__ == "__main__":
    sys.stdout.flush()
    Spawner(socket.socket(fileno=0)).run()
