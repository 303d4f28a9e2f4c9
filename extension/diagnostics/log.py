"""The extension's own log: JSON on stderr, through structlog, and quiet unless something is wrong.

Promises: an environment logs each problem once. A message says what happened and what we do instead, and the field
``variable`` names the variable that changes it. A customer's line, a header, a URL or the body of an answer is never
logged. Lambda records the output of extensions too, so a message for each line or invocation would cost what this
extension is there to save.

structlog is imported with the first message, or by :meth:`OwnLog.preload`: never before the first Next. Where it cannot be
imported, for want of a file descriptor, a message is written all the same, without its time.
"""

import importlib
import json
import sys
from contextlib import suppress
from types import ModuleType
from typing import Any

from extension import EXTENSION_NAME

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "off": 100}
"""As in the standard library's logging, with ``off`` above them all."""

MAX_PROBLEMS = 50
"""Different problems that one environment logs: a bound against fields that differ each time."""


class OwnLog:
    """Write the extension's own log."""

    def __init__(self, level: str) -> None:
        """Start with LOG_LEVEL."""
        self.apply(level)
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

    def account(self, **fields: object) -> None:
        """Log the account, at every level but ``off``."""
        if self._level < LEVELS["off"]:
            self._write("info", "account", fields)

    def preload(self) -> None:
        """Import structlog, so that the account at SHUTDOWN does not have to."""
        if self._level < LEVELS["off"]:
            self._load()

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        try:
            getattr(self._load(), level)(event, **fields)
        except (ImportError, OSError):
            # What cannot be logged because no descriptor or memory is left must not become a second error.
            said = {**fields, "logger": EXTENSION_NAME, "event": event, "level": level}
            with suppress(OSError):
                sys.stderr.write(json.dumps(said, default=str) + "\n")

    def _load(self) -> Any:
        if self._logger is None:
            structlog = _import_structlog()
            self._logger = structlog.wrap_logger(
                structlog.WriteLogger(sys.stderr),
                processors=[
                    structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
                    structlog.processors.JSONRenderer(),
                ],
            ).bind(logger=EXTENSION_NAME)
        return self._logger


def _import_structlog() -> Any:
    """Import structlog, and keep asyncio out of the process.

    structlog imports asyncio for loggers of event loops, which we do not use. asyncio takes half of the import's time
    and 1.8 MB (measured on CPython 3.13), so an empty module stands in for it during the import. A later structlog that
    needs more of asyncio gets the real one.
    """
    if "asyncio" in sys.modules:
        return importlib.import_module("structlog")
    sys.modules["asyncio"] = ModuleType("asyncio")
    try:
        return importlib.import_module("structlog")
    except (ImportError, AttributeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "structlog"]:
            del sys.modules[name]
    finally:
        del sys.modules["asyncio"]
    return importlib.import_module("structlog")
