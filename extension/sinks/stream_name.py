"""Name the log stream of an environment, and keep the name for the next process in it.

A crash or a time-out ends this process, and Lambda runs init again in the same environment, whose ``/tmp`` stays (AWS: "Lambda
execution environment lifecycle"). Both processes are to write to one stream: CreateLogStream is 50 a second for all functions of
an account. Where Lambda tells no id of the environment, the name is found again in a file.

Promises: two processes that live at the same time never have the same name from the file, whatever folder they share. A file that
cannot be had, read or written changes nothing but the name: nobody is told of it.
"""

import contextlib
import fcntl
import os
import re
import stat
import threading
import time
from typing import NamedTuple

MAX_NAME_CHARS = 512
"""AWS: CloudWatch Logs, CreateLogStream."""

MAX_FILE_NAME_CHARS = 200
"""Of the file's name, which a file system bounds at 255 bytes. A function's name has 64 characters, or 140 with its ARN."""

MAX_AGE_S = 24 * 60 * 60
"""A name of the day before is still read. An older one was left by another environment, as outside of Lambda."""

_CHARS = r"[\w$./-]"
_NAME = rf"\d{{4}}/\d{{2}}/\d{{2}}/{_CHARS}*\[{_CHARS}*\]{_CHARS}+"
"""``2026/11/30/[$LATEST]0123...``, with the function's name before the bracket if Lambda writes to a log group that is set (AWS:
"Configuring CloudWatch log groups")."""

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def day_of(at_s: float) -> str:
    """Return a date as streams' names begin with it, in UTC."""
    return time.strftime("%Y/%m/%d", time.gmtime(at_s))


def stream_name(environment: str, *, version: str, at_s: float) -> str:
    """Return the name of the stream of an environment, by an id of it.

    An id that Lambda gave may be the name of the function's own stream. Then it is the name of this stream too. Characters that no
    name may have are replaced, in any case.
    """
    given = _allowed(environment)
    if not is_stream_name(given):
        given = _allowed(f"{day_of(at_s)}/[{version}]{environment}")
    return given[:MAX_NAME_CHARS]


def is_stream_name(text: str) -> bool:
    """Tell whether a text has the form of a stream's name, as Lambda forms them."""
    return len(text) <= MAX_NAME_CHARS and bool(re.fullmatch(_NAME, text, re.ASCII))


def _allowed(name: str) -> str:
    # A stream's name must hold neither (AWS: CloudWatch Logs, CreateLogStream).
    return name.replace(":", "_").replace("*", "_")


def name_file(folder: str, *, function: str, version: str) -> str:
    """Return the path of the file that keeps the name in a folder."""
    shown = re.sub(r"[^\w$.-]", "_", f"{function}-{version}", flags=re.ASCII)
    return os.path.join(folder, f"flight-recorder-{shown[:MAX_FILE_NAME_CHARS]}.stream")  # noqa: PTH118 - no pathlib in the layer


class StreamName(NamedTuple):
    """The name of a stream, and whether no process of this environment has had it before, so that there is no such stream."""

    name: str
    is_new: bool = False


class _Kept(NamedTuple):
    """What this process keeps: for which of its lives, and in which file; -1 if another process has the file, or nobody can."""

    path: str
    descriptor: int
    environment_id: str
    name: str


_lock = threading.Lock()
"""Each sink has a thread of its own."""
_kept: list[_Kept] = []
"""One for all sinks of this process: it is one environment, and the lock on the file lasts as long as it lives."""


def keep_name(
    name: str, *, path: str, environment_id: str, is_known: bool, is_copied: bool, at_s: float
) -> StreamName:
    """Return the name of this environment's stream, and keep it in the file. Where it cannot be kept, it never counts as new.

    Args:
        name: by the id that Lambda told, or else by the process's own.
        path: of the file.
        environment_id: of this process; another one than before in a copy of a snapshot, which has a name of its own.
        is_known: whether Lambda told the id. Then the name is right, whatever the file says.
        is_copied: whether files may be copies, made with a snapshot. Then no name is believed.
        at_s: seconds since 1970.
    """
    with _lock:
        kept = _kept.pop() if _kept else None
        written = ""
        if kept is None or kept.path != path:
            if kept is not None and kept.descriptor >= 0:
                os.close(kept.descriptor)
            descriptor = _claimed(path)
            written = _read(descriptor)
            is_believed = not (is_known or is_copied) and _is_recent(written, at_s)
            kept = _Kept(path, descriptor, environment_id, written if is_believed else name)
        elif is_known or kept.environment_id != environment_id:
            written = kept.name
            kept = kept._replace(environment_id=environment_id, name=name)
        else:
            written = kept.name
        _kept.append(kept)
        is_new = written != kept.name and _write(kept.descriptor, kept.name)
        return StreamName(kept.name, is_new)


def _claimed(path: str) -> int:
    """Open the file and lock it for as long as this process lives; return -1 if it cannot be this process's alone."""
    descriptor = -1
    try:
        descriptor = os.open(path, _OPEN, 0o600)
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    except OSError:
        pass
    if descriptor >= 0:
        os.close(descriptor)
    return -1


def _read(descriptor: int) -> str:
    """Return the name in the file; empty if there is none."""
    try:
        text = os.pread(descriptor, MAX_NAME_CHARS + 2, 0).decode("ascii")
    except (OSError, ValueError):
        return ""
    # Without the end of its line a name is a part of one: the disk was full.
    return text[:-1] if text.endswith("\n") and is_stream_name(text[:-1]) else ""


def _is_recent(name: str, at_s: float) -> bool:
    return name.startswith((day_of(at_s), day_of(at_s - MAX_AGE_S)))


def _write(descriptor: int, name: str) -> bool:
    line = f"{name}\n".encode()
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        return os.pwrite(descriptor, line, 0) == len(line)
    return False
