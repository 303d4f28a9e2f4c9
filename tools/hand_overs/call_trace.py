"""Run the extension of one source tree in this process, and record every call inside it.

``python call_trace.py ROOT TRACE REPORT_FD`` starts ``extension.boot.main`` of the tree at ROOT with every thread
profiled. It writes the trace to the file TRACE when the extension ends the process. It names nothing else of the
extension. Of C functions it records those by which a thread waits or reads, as the key to what happens when.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any, NamedTuple

WAITS = frozenset({"poll", "get"})
"""By which the main loop and a sink's thread wait."""

READS = frozenset({"read", "eventfd_read"})
"""By which the main loop takes a receipt, once its descriptor is readable."""

IS_FUNCTION = 0x1
"""CO_OPTIMIZED (``inspect``): set for functions, and for neither modules nor class bodies, which an import runs."""


class Event(NamedTuple):
    """One moment of one thread.

    Attributes:
        at_ns: the time, by the machine's monotonic clock, in nanoseconds.
        thread: the thread's identifier.
        kind: ``call``, ``return``, ``c_call`` or ``c_return``.
        module: the file's path below ``extension/``.
        owner: for a call, the class of ``self``, or an empty string; for a C function, its name.
        function: the function's name.
        port: for ``recv``, the local port of its socket; 0 otherwise.
    """

    at_ns: int
    thread: int
    kind: str
    module: str
    owner: str
    function: str
    port: int


class Recorder:
    """Record the calls of all threads, and report each time the main thread begins to wait."""

    def __init__(self, root: str, *, report: int) -> None:
        self.events: list[Event] = []
        self.main_thread = threading.get_ident()
        self._prefix = f"{Path(root).resolve() / 'extension'}{os.sep}"
        self._report = report
        self._receipts = 0
        self._received: Counter[int] = Counter()

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """Record one event, if it is of the extension's code. Python calls this (``sys.setprofile``)."""
        code = frame.f_code
        if not code.co_filename.startswith(self._prefix) or not code.co_flags & IS_FUNCTION:
            return
        owner, port = "", 0
        if event == "call":
            if code.co_argcount and code.co_varnames[0] in ("self", "cls"):
                first = frame.f_locals[code.co_varnames[0]]
                owner = (first if isinstance(first, type) else type(first)).__name__
        elif event != "return":
            owner = argument.__name__
            if event == "c_exception" or owner not in WAITS | READS | {"recv"}:
                return
            if owner == "get" and not isinstance(argument.__self__, SimpleQueue):
                return  # That of a dictionary.
            port = self._port_of(argument) if owner == "recv" else 0
        thread = threading.get_ident()
        module = code.co_filename.removeprefix(self._prefix)
        self.events.append(
            Event(time.monotonic_ns(), thread, event, module, owner, code.co_name, port)
        )
        if thread == self.main_thread:
            self._count(event, owner, port)

    def _count(self, event: str, owner: str, port: int) -> None:
        if event == "c_return" and owner in READS:
            self._receipts += 1
        elif event == "c_return" and owner == "recv":
            self._received[port] += 1
        elif event == "c_call" and owner == "poll":
            state = {"receipts": self._receipts, "received": self._received}
            os.write(self._report, json.dumps(state).encode() + b"\n")

    @staticmethod
    def _port_of(receive: Any) -> int:
        try:
            return int(receive.__self__.getsockname()[1])
        except (OSError, IndexError, TypeError):
            return 0


def main(root: str, trace: str, report: str) -> None:
    """Run the extension until SHUTDOWN, and write its trace."""
    recorder = Recorder(root, report=int(report))
    leave = os._exit

    def write_and_leave(status: int) -> None:
        sys.setprofile(None)
        recorded = {"main": recorder.main_thread, "events": recorder.events}
        Path(trace).write_text(json.dumps(recorded), encoding="utf-8")
        leave(status)

    # The extension ends its process itself, and by no return that could be waited for.
    os._exit = write_and_leave  # type: ignore[assignment]
    sys.path.insert(0, root)
    # By name: the tree that is measured need not be this one, and tools/ imports nothing of it.
    run_extension = import_module("extension.boot").main
    threading.setprofile(recorder.profile)
    sys.setprofile(recorder.profile)
    run_extension([])


if __name__ == "__main__":
    main(*sys.argv[1:])
