"""A function that logs with the logger that its event names.

Its packages are beside it, as in a deployment package. `tests/end_to_end/test_loggers.py` runs it.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import loguru
import structlog
from aws_lambda_powertools import Logger, Metrics
from pythonjsonlogger.json import JsonFormatter

if TYPE_CHECKING:
    from collections.abc import Callable

CARGO = "cargo-5d1f"
BEGINS = f"{CARGO} order 17 begins, 0 errors"
REFUSED = f"{CARGO} payment refused"
FAILED = f"{CARGO} lookup failed"
CAUGHT = f"{CARGO} lookup failed, default used"
RETRIES = f"{CARGO} retrying payment"
ENDS = f"{CARGO} order 17 ends"


def with_formatter(formatter: logging.Formatter, stream: TextIO = sys.stdout) -> logging.Logger:
    """Return the logger `shop`, which writes through a handler of the function's own."""
    log = logging.getLogger("shop")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    log.handlers = [handler]
    return log


def structlog_default() -> Any:
    """Return what structlog gives unless it is told otherwise: a ConsoleRenderer on stdout."""
    return structlog.get_logger()


def structlog_coloured() -> Any:
    """Return a logger that writes as structlog's default does to a terminal."""
    return structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
            structlog.dev.ConsoleRenderer(colors=True),
        ],
    )


def structlog_json() -> Any:
    """Return a logger with the processors that structlog's manual recommends for JSON."""
    return structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
    )


def loguru_to(stream: TextIO, *, serialize: bool = False) -> Any:
    """Return loguru's one logger, with one sink; on stderr it is as loguru has it by default."""
    loguru.logger.remove()
    loguru.logger.add(stream, serialize=serialize)
    return loguru.logger


LOGGERS: dict[str, Callable[[], Any]] = {
    "structlog": structlog_default,
    "structlog, colours": structlog_coloured,
    "structlog, JSONRenderer": structlog_json,
    "loguru": lambda: loguru_to(sys.stderr),
    "loguru, serialize=True": lambda: loguru_to(sys.stdout, serialize=True),
    "python-json-logger": lambda: with_formatter(
        JsonFormatter("%(asctime)s %(levelname)s %(message)s")
    ),
    "python-json-logger, level": lambda: with_formatter(
        JsonFormatter("%(levelname)s %(message)s", rename_fields={"levelname": "level"})
    ),
    "aws-lambda-powertools": functools.cache(lambda: Logger(service="shop")),
    "logging": logging.getLogger,
    "logging, dashes": lambda: with_formatter(
        logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"), sys.stderr
    ),
    "logging, brackets": lambda: with_formatter(
        logging.Formatter("[%(asctime)s] [%(levelname)s] %(name)s: %(message)s")
    ),
    "logging, basicConfig": lambda: with_formatter(
        logging.Formatter(logging.BASIC_FORMAT), sys.stderr
    ),
}


def write_metrics() -> None:
    """Write metrics between two lines."""
    metrics = Metrics(namespace="shop", service="checkout")
    print(BEGINS)
    metrics.add_metric(name="orders", unit="Count", value=3)
    metrics.flush_metrics()
    print(ENDS)


def look_up(order: dict[str, str]) -> str:
    """Fail as code does whose caller catches the error."""
    return order["total"]


logging.getLogger().setLevel(logging.INFO)


def handler(event: dict[str, str], _context: object) -> dict[str, bool]:
    """Log, and return normally, whatever was logged. Or write metrics."""
    if "metrics" in event:
        write_metrics()
        return {}
    log = LOGGERS[event["logger"]]()
    log.info(BEGINS)
    if event["kind"] == "error":
        log.error(REFUSED)
    try:
        look_up({})
    except KeyError:
        if event["kind"] == "exception":
            log.exception(FAILED)
        elif hasattr(log, "opt"):  # loguru
            log.opt(exception=True).warning(CAUGHT)
        else:
            log.warning(CAUGHT, exc_info=True)
    log.warning(RETRIES)
    log.info(ENDS)
    own = Path(os.environ["LAMBDA_TASK_ROOT"])
    return {"structlog is its own": Path(structlog.__file__).is_relative_to(own)}
