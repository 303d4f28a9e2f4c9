"""Settings: ``FLIGHT_RECORDER_...`` environment variables, read once, from a mapping that is passed in.

Reading never fails. A value that cannot be used is reported once, by name, with what is accepted and what is used
instead, and the function runs. Which there are is in the table of :mod:`extension.config.settings.variables`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from extension import PREFIX
from extension.config.parsers import MIB, Flush, Pace, Pattern, PlatformEvents
from extension.config.variables import SETTINGS

if TYPE_CHECKING:
    from extension.redaction.patterns import Patterns

_MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

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

REFERENCE_FORMS = ("ssm:", "secretsmanager:")
"""What a value begins with that is to be fetched; see :mod:`extension.config.settings.references`."""

NEVER_REFERENCES = frozenset({"ENABLED", "LOG_API"})
"""Needed before anything can be fetched."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings. Units are in the names.

    ``unresolved`` holds the variables, without their prefix, whose values are references that are not fetched yet: their
    defaults stand in.
    """

    sample_rate: float = 0.1
    sample_rate_trace: float | None = None
    sample_rate_debug: float | None = None
    sample_rate_info: float | None = None
    sample_rate_warn: float | None = None
    correlation_fields: tuple[str, ...] = ("x-correlation-id", "correlation_id", "correlationId")
    error_level: int = 17
    error_pattern: Pattern | None = None
    keep_slower_than_ms: int = 0
    keep_cold_starts: bool = False
    keep_memory_above: float = 0.0
    keep_marker: str = ""
    keep_at_least: Pace | None = None
    keep_at_most: Pace | None = None
    history: int = 0
    redact: "Patterns | None" = None
    exclude: "Patterns | None" = None
    buffer_bytes: int = DEFAULT_BUFFER_MIN_BYTES
    sink: str = "cloudwatch:"
    sink_headers: tuple[tuple[str, str], ...] = ()
    fallback_sink: str = ""
    fallback_sink_headers: tuple[tuple[str, str], ...] = ()
    archive_sink: str = ""
    archive_sink_headers: tuple[tuple[str, str], ...] = ()
    retention_days: int = 0
    flush: Flush = Flush.ADAPTIVE
    flush_timeout_ms: int = 2000
    log_api: str = "auto"
    platform_events: PlatformEvents = PlatformEvents.REPORT
    log_level: str = "warning"
    refresh_interval_ms: int = 300_000
    metrics_interval_ms: int = 0
    enabled: bool = True
    unresolved: frozenset[str] = frozenset()


UNUSABLE_PATTERNS = {
    "REDACT": "every line is masked as a whole",
    "EXCLUDE": "nothing is excluded by it",
}
"""What happens where one of their patterns cannot be used; the others are."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that could not be used.

    Attributes:
        variable: the whole name.
        value: as it was given; empty where it may hold a secret.
        accepted: what would be; empty for a variable that is no setting.
        used: instead, or what happens instead.
        fault: what is wrong, where that is known.
    """

    variable: str
    value: str
    accepted: str
    used: str
    fault: str = ""


def default_buffer_bytes(memory_mb: str) -> int:
    """Gives the default of BUFFER_SIZE for ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE``."""
    size = _memory_bytes(memory_mb) // DEFAULT_BUFFER_SHARE
    return min(max(size, DEFAULT_BUFFER_MIN_BYTES), DEFAULT_BUFFER_MAX_BYTES)


def _memory_bytes(memory_mb: str) -> int:
    known = memory_mb.isascii() and memory_mb.isdigit() and len(memory_mb) <= MAX_MEMORY_DIGITS
    return (int(memory_mb) if known else DEFAULT_MEMORY_MB) * MIB


def read_settings(
    environ: Mapping[str, str], *, fetched: Mapping[str, str] | None = None
) -> tuple[Settings, list[Problem]]:
    """Reads all settings, collecting every problem.

    Args:
        environ: the process's environment, or any mapping of variables.
        fetched: the values of variables that are references, as far as they are known.

    Returns:
        The effective settings, and what could not be used. An empty value means the default.
    """
    found: dict[str, Any] = {"buffer_bytes": default_buffer_bytes(environ.get(_MEMORY, ""))}
    problems: list[Problem] = []
    unresolved = set()
    for setting in SETTINGS:
        variable = PREFIX + setting.name
        text = environ.get(variable, "").strip()
        secret = setting.secret
        if text.startswith(REFERENCE_FORMS) and setting.name not in NEVER_REFERENCES:
            # What is fetched may be a secret, whatever the setting.
            secret = True
            if fetched is None or variable not in fetched:
                unresolved.add(setting.name)
                continue
            text = fetched[variable].strip()
        if not text:
            continue
        try:
            found[setting.field] = setting.parse(text)
        except ValueError:
            shown = "" if secret else text[:MAX_SHOWN_CHARS]
            problems.append(
                Problem(variable, shown, setting.accepted, setting.default or "none"),
            )
    most_bytes = _memory_bytes(environ.get(_MEMORY, "")) // MAX_BUFFER_SHARE
    if found["buffer_bytes"] > most_bytes:
        variable = PREFIX + "BUFFER_SIZE"
        most = f"{most_bytes // MIB}MiB"
        accepted = f"at most half of the function's memory, {most}"
        problems.append(Problem(variable, environ.get(variable, "").strip(), accepted, most))
        found["buffer_bytes"] = most_bytes
    for setting in SETTINGS:
        if setting.name in UNUSABLE_PATTERNS and (patterns := found.get(setting.field)) is not None:
            used = UNUSABLE_PATTERNS[setting.name]
            problems += [
                Problem(PREFIX + setting.name, "", setting.accepted, used, fault)
                for fault in patterns.problems
            ]
    if "REDACT" in unresolved:
        from extension.redaction.patterns import Patterns

        # Should anything leave before it is fetched, then masked.
        found["redact"] = Patterns(problems=("not fetched yet",))
    found["unresolved"] = frozenset(unresolved)
    return replace(Settings(), **found), problems + _unknown(environ)


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    known = {setting.name for setting in SETTINGS}
    problems = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            from difflib import get_close_matches  # nobody who spells right pays for it

            close = get_close_matches(name.upper(), known, n=1)
            fault = f"perhaps {PREFIX}{close[0]} was meant" if close else "no setting has this name"
            problems.append(Problem(variable, "", "", "nothing", fault))
    return problems
