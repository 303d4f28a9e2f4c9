"""The extension's own log: JSON on stderr, through structlog, and quiet unless something is wrong.

Promises: an environment logs each problem once, and hands it on, since whoever denies the function its own log group sees no
stderr. A message says what happened and what we do instead, and the field
``variable`` names the variable that changes it. A customer's line, a header, a URL or the body of an answer is never
logged. Lambda records the output of extensions too, so a message for each line or invocation would cost what this
extension is there to save.

structlog is imported with the first message, which mostly is the account at SHUTDOWN. Where it cannot be imported, for want of
a file descriptor, a message is written all the same, without its time.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from extension import EXTENSION_NAME
from extension.stand_ins import Placeholder, StandIns, load

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "off": 100}
"""As in the standard library's logging, with ``off`` above them all."""

STRUCTLOG: StandIns = {
    "logging": {},
    "pickle": {"PicklingError": ValueError},
    "traceback": {},
    "typing_extensions": {"Self": Placeholder},
    "structlog._frames": dict.fromkeys(
        ("_find_first_app_frame_and_name", "_format_exception", "_format_stack"), Placeholder
    ),
    "structlog._greenlets": {},
    "structlog._native": {"make_filtering_bound_logger": Placeholder},
    "structlog.contextvars": dict.fromkeys(
        ("merge_contextvars", "_ASYNC_CALLING_STACK", "_ASYNC_CALLING_THREAD"), Placeholder
    ),
    "structlog.dev": dict.fromkeys(("ConsoleRenderer", "_has_colors", "set_exc_info"), Placeholder),
    "structlog.stdlib": {},
    "structlog.testing": dict.fromkeys(("ReturnLogger", "ReturnLoggerFactory"), Placeholder),
    "structlog.threadlocal": {},
    "structlog.tracebacks": {"ExceptionDictTransformer": Placeholder},
    "structlog.twisted": None,
    "structlog.types": {},
}
"""Of structlog three processors are used and one logger. The rest takes nine tenths of its import: loggers of event loops,
for consoles and for tests, tracebacks in colours, the standard library's logging."""

MAX_PROBLEMS = 50
"""Different problems that one environment logs: a bound against fields that differ each time."""


class OwnLog:
    """Write the extension's own log. ``problems`` are those that were logged, each with its fields."""

    def __init__(self, level: str) -> None:
        """Start with LOG_LEVEL."""
        self.apply(level)
        self.problems: list[tuple[str, dict[str, object]]] = []
        self._on_problem: Callable[[str, dict[str, object]], None] | None = None
        self._said: set[str] = set()
        self._logger: Any = None

    def apply(self, level: str) -> None:
        """Apply LOG_LEVEL, which may change."""
        self._level = LEVELS[level]

    def once(self, event: str, **fields: object) -> None:
        """Log a problem at level warning, unless the same ``event`` and ``variable`` has been logged."""
        key = f"{event} {fields.get('variable', '')}"
        if key in self._said or len(self._said) >= MAX_PROBLEMS:
            return
        self._said.add(key)
        if LEVELS["warning"] >= self._level:
            self._write("warning", event, fields)
            self.problems.append((event, fields))
            self._hand_on(event, fields)

    def hand_on(self, on_problem: Callable[[str, dict[str, object]], None]) -> None:
        """Hand each problem on, also those that were logged before."""
        self._on_problem = on_problem
        for event, fields in self.problems:
            self._hand_on(event, fields)

    def _hand_on(self, event: str, fields: dict[str, object]) -> None:
        if self._on_problem is None:
            return
        try:
            self._on_problem(event, fields)
        except (ImportError, OSError):
            # It is on stderr. Where no descriptor is left to load a module, the main loop must go on all the same.
            return

    def account(self, **fields: object) -> None:
        """Log the account, at every level but ``off``."""
        if self._level < LEVELS["off"]:
            self._write("info", "account", fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        try:
            getattr(self._load(), level)(event, **fields)
        except (ImportError, OSError):
            # What cannot be logged because no descriptor or memory is left must not become a second error.
            said = {**fields, "logger": EXTENSION_NAME, "event": event, "level": level}
            try:  # noqa: SIM105 - contextlib takes half a millisecond of start-up
                sys.stderr.write(json.dumps(said, default=str) + "\n")
            except OSError:
                pass

    def _load(self) -> Any:
        if self._logger is None:
            structlog = load("structlog", STRUCTLOG)
            self._logger = structlog.BoundLogger(
                structlog.WriteLogger(sys.stderr),
                processors=[
                    structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
                    structlog.processors.JSONRenderer(),
                ],
                context={"logger": EXTENSION_NAME},
            )
        return self._logger
