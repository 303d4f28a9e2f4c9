"""The extension's own log: JSON on stderr, through structlog, and quiet unless something is wrong.

Promises: each problem is said once in an environment, with what happened, what was done instead and which variable
changes it; never a customer's line, a header, a URL or an answer's body. Lambda records the output of extensions
too, so anything said per line or per invocation would cost what this extension is there to save.

structlog is imported when the first line is written, or by :meth:`OwnLog.preload`: never before the first Next.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from extension import EXTENSION_NAME

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "off": 100}
"""As in the standard library's logging; ``off`` is above them all."""

MAX_PROBLEMS = 50
"""Different problems said in one environment: a bound against something that is different each time."""


class OwnLog:
    """Says what there is to say."""

    def __init__(self, level: str) -> None:
        """Takes the value of LOG_LEVEL."""
        self.apply(level)
        self._said: set[str] = set()
        self._logger: Any = None

    def apply(self, level: str) -> None:
        """Takes LOG_LEVEL anew."""
        self._level = LEVELS[level]

    def once(self, event: str, **fields: object) -> None:
        """Says a problem at level warning, unless the same one (by ``event`` and ``variable``) has been said."""
        key = f"{event} {fields.get('variable', '')}"
        if key in self._said or len(self._said) >= MAX_PROBLEMS:
            return
        self._said.add(key)
        self._write("warning", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Says something at level info."""
        self._write("info", event, fields)

    def account(self, **fields: object) -> None:
        """Says the account: the one line that is said at every level but ``off``."""
        if self._level < LEVELS["off"]:
            self._load().info("account", **fields)

    def preload(self) -> None:
        """Imports structlog, so that the line at SHUTDOWN does not have to."""
        if self._level < LEVELS["off"]:
            self._load()

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS[level] >= self._level:
            getattr(self._load(), level)(event, **fields)

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
    """Imports structlog, and keeps asyncio out of the process.

    structlog imports asyncio for the loggers of event loops, which there are none of here; it costs half of the time
    and 1.8 MB of what structlog does (measured on CPython 3.13). An empty module stands in for it meanwhile. Should a
    later structlog want more of it than to be there, it gets the real one.
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
