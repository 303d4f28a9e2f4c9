"""Settings: ``FLIGHT_RECORDER_...`` environment variables, read once, from a mapping that is passed in.

Reading never fails. A value that cannot be used is reported once, by name, with what is accepted and what is used
instead, and the function runs. ``SETTINGS`` is the one table of them all: what is accepted and what it means stands
beside how it is read, and the README's table is tested against it.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from .levels import OFF, level_named

PREFIX = "FLIGHT_RECORDER_"
_MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

KIB = 1024
MIB = 1024 * KIB
MIN_BUFFER_BYTES = 64 * KIB
"""Below this not even one batch (262,144 bytes at most) can be held in part."""
DEFAULT_BUFFER_SHARE = 8
DEFAULT_BUFFER_MIN_BYTES = 4 * MIB
DEFAULT_BUFFER_MAX_BYTES = 64 * MIB
DEFAULT_MEMORY_MB = 128
"""Lambda's own default for a function's memory."""
MAX_MEMORY_DIGITS = 6
"""Lambda's largest function has 10,240 MB (AWS: Lambda quotas)."""
MAX_BUFFER_SHARE = 2
"""Never more than half of the function's memory: beyond that the recorder would be what it runs out of it for."""

MAX_SHOWN_CHARS = 64
"""Of a bad value in our own log: enough to recognise it."""


class Flush(Enum):
    """When ``/event/next`` is held until what is owed has been delivered."""

    END = "end"
    BACKGROUND = "background"
    ADAPTIVE = "adaptive"


class PlatformEvents(Enum):
    """Which platform events travel with a kept invocation."""

    NONE = "none"
    REPORT = "report"
    ALL = "all"


class Pattern(Protocol):
    """A compiled regular expression, or what stands in for one."""

    def search(self, text: str, /) -> object:
        """Looks for the pattern; the answer is true if it was found."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings. Units are in the names."""

    sample_rate: float = 0.1
    error_level: int = 17
    error_pattern: Pattern | None = None
    buffer_bytes: int = DEFAULT_BUFFER_MIN_BYTES
    sink: str = "stdout:"
    sink_headers: tuple[tuple[str, str], ...] = ()
    flush: Flush = Flush.ADAPTIVE
    flush_timeout_ms: int = 2000
    log_api: str = "auto"
    platform_events: PlatformEvents = PlatformEvents.REPORT
    log_level: str = "warning"
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that could not be used. ``value`` is empty where it may hold a secret."""

    variable: str
    value: str
    accepted: str
    used: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: how it is read and described.

    Attributes:
        name: without the prefix.
        field: of :class:`Settings`.
        default: as the table shows it.
        accepted: what may be written, for people.
        meaning: one sentence.
        parse: reads the text, and raises ValueError for what is not accepted.
        secret: whether the value must not be shown.
    """

    name: str
    field: str
    default: str
    accepted: str
    meaning: str
    parse: Callable[[str], object]
    secret: bool = False


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)")
_DURATION_MS = {"ms": 1, "s": 1000, "m": 60_000}
_SIZE = re.compile(r"([0-9]{1,12})\s*(KiB|MiB|KB|MB|B)?", re.IGNORECASE)
_SIZE_BYTES = {"b": 1, "kib": KIB, "kb": KIB, "mib": MIB, "mb": MIB}
MAX_FLUSH_TIMEOUT_MS = 900_000
"""Lambda's longest function timeout: the deadline of an invocation bounds a flush in any case."""


def _rate(text: str) -> float:
    rate = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0.0 <= rate <= 1.0:
        raise ValueError
    return rate


def _duration_ms(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError
    duration_ms = float(match.group(1)) * _DURATION_MS[match.group(2)]
    if duration_ms > MAX_FLUSH_TIMEOUT_MS:
        raise ValueError
    return round(duration_ms)


def _size_bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError
    size = int(match.group(1)) * _SIZE_BYTES[(match.group(2) or "B").lower()]
    if size < MIN_BUFFER_BYTES:
        raise ValueError
    return size


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off"}:
        return False
    raise ValueError


def _level(text: str) -> int:
    if text.upper() == "OFF":
        return OFF
    level = level_named(text)
    if level is None:
        raise ValueError
    return int(level)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            # Python warns of patterns that may mean something else one day, and would print them.
            warnings.simplefilter("ignore")
            return re.compile(text)
    except (re.error, RecursionError, OverflowError):
        raise ValueError from None


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return parse


SINK_FORMS = ("stdout:", "file:", "http://", "https://")


def _sink(text: str) -> str:
    if text in {"stdout", "stdout:"}:
        return "stdout:"
    scheme = next((form for form in SINK_FORMS if text.lower().startswith(form)), "")
    rest = text[len(scheme) :].removeprefix("//" if scheme == "file:" else "")
    if scheme in {"", "stdout:"} or not rest or ("//" in scheme and rest.startswith("/")):
        raise ValueError
    return text


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD = re.compile(r"[\x20-\x7e\t]*")


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    headers = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not _TOKEN.fullmatch(name) or not _FIELD.fullmatch(value):
            raise ValueError
        headers.append((name, value))
    return tuple(headers)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SAMPLE_RATE",
        "sample_rate",
        "0.1",
        "a number from 0 to 1, or a percentage such as 5%",
        "Share of healthy transactions whose lines are kept.",
        _rate,
    ),
    Setting(
        "ERROR_LEVEL",
        "error_level",
        "ERROR",
        "TRACE, DEBUG, INFO, WARN, ERROR, FATAL or OFF",
        "A line at or above this level makes the invocation a failed one; OFF looks at outcomes only.",
        _level,
    ),
    Setting(
        "ERROR_PATTERN",
        "error_pattern",
        "",
        "a regular expression of Python's re module",
        "A line in which it is found makes the invocation a failed one.",
        _pattern,
    ),
    Setting(
        "BUFFER_SIZE",
        "buffer_bytes",
        "an eighth of the function's memory, 4 to 64 MiB",
        "a size from 64KiB to half of the function's memory, such as 8MiB",
        "Bound on all that is held in memory, including what waits for a sink that is down.",
        _size_bytes,
    ),
    Setting(
        "SINK",
        "sink",
        "stdout:",
        "stdout:, file:PATH, http://... or https://...",
        "Where kept records go.",
        _sink,
        secret=True,
    ),
    Setting(
        "SINK_HEADERS",
        "sink_headers",
        "",
        "NAME=VALUE, several separated by commas",
        "Headers sent with every request to an http(s) sink, such as an authorization.",
        _headers,
        secret=True,
    ),
    Setting(
        "FLUSH",
        "flush",
        "adaptive",
        "end, background or adaptive",
        "`end` holds the environment until the outcome is known and what is owed is delivered; `background` never"
        " does; `adaptive` does unless the next invocation is expected within seconds.",
        lambda text: Flush(text.lower()),
    ),
    Setting(
        "FLUSH_TIMEOUT",
        "flush_timeout_ms",
        "2s",
        "a duration up to 15m, such as 250ms or 2s",
        "The most a flush may hold an invocation, whatever happens.",
        _duration_ms,
    ),
    Setting(
        "LOG_API",
        "log_api",
        "auto",
        "auto, logs or telemetry",
        "Which of Lambda's APIs to subscribe to first; the other is the fallback. `auto`: the Logs API, and the"
        " Telemetry API where that is not offered.",
        _one_of("auto", "logs", "telemetry"),
    ),
    Setting(
        "PLATFORM_EVENTS",
        "platform_events",
        "report",
        "none, report or all",
        "Which platform events travel with a kept invocation.",
        lambda text: PlatformEvents(text.lower()),
    ),
    Setting(
        "LOG_LEVEL",
        "log_level",
        "warning",
        "debug, info, warning, error or off",
        "Level of the extension's own log; `off` silences the account at SHUTDOWN as well.",
        _one_of("debug", "info", "warning", "error", "off"),
    ),
    Setting(
        "ENABLED",
        "enabled",
        "true",
        "true or false",
        "`false`: do nothing but answer Lambda.",
        _boolean,
    ),
)


def default_buffer_bytes(memory_mb: str) -> int:
    """Gives the default of BUFFER_SIZE for ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE``."""
    size = _memory_bytes(memory_mb) // DEFAULT_BUFFER_SHARE
    return min(max(size, DEFAULT_BUFFER_MIN_BYTES), DEFAULT_BUFFER_MAX_BYTES)


def _memory_bytes(memory_mb: str) -> int:
    known = memory_mb.isascii() and memory_mb.isdigit() and len(memory_mb) <= MAX_MEMORY_DIGITS
    return (int(memory_mb) if known else DEFAULT_MEMORY_MB) * MIB


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Reads all settings, collecting every problem.

    Args:
        environ: the process's environment, or any mapping of variables.

    Returns:
        The effective settings, and what could not be used. An empty value means the default.
    """
    values: dict[str, Any] = {"buffer_bytes": default_buffer_bytes(environ.get(_MEMORY, ""))}
    problems: list[Problem] = []
    for setting in SETTINGS:
        variable = PREFIX + setting.name
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            values[setting.field] = setting.parse(text)
        except ValueError:
            shown = "" if setting.secret else text[:MAX_SHOWN_CHARS]
            problems.append(
                Problem(variable, shown, setting.accepted, setting.default or "none"),
            )
    most_bytes = _memory_bytes(environ.get(_MEMORY, "")) // MAX_BUFFER_SHARE
    if values["buffer_bytes"] > most_bytes:
        variable = PREFIX + "BUFFER_SIZE"
        most = f"{most_bytes // MIB}MiB"
        accepted = f"at most half of the function's memory, {most}"
        problems.append(Problem(variable, environ.get(variable, "").strip(), accepted, most))
        values["buffer_bytes"] = most_bytes
    return replace(Settings(), **values), problems + _unknown(environ)


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    known = {setting.name for setting in SETTINGS}
    problems = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            from difflib import get_close_matches  # nobody who spells right pays for it

            close = get_close_matches(name.upper(), known, n=1)
            accepted = (
                f"perhaps {PREFIX}{close[0]} was meant" if close else "no setting has this name"
            )
            problems.append(Problem(variable, "", accepted, "nothing"))
    return problems
