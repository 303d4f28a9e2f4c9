"""Read the settings from ``FLIGHT_RECORDER_...`` environment variables.

Promises: reading never fails. A value that cannot be used is reported once, by name, with the accepted values and the
value used instead. The table of all settings is :mod:`extension.config.variables`. Pure: the environment is passed in.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from extension import PREFIX
from extension.config.parsers import MIB, Flush, Pace, PlatformEvents, Unusable
from extension.config.variables import SETTINGS, SINKS

if TYPE_CHECKING:
    from extension.redaction.patterns import Patterns
    from extension.regex.level_pattern import LevelPattern
    from extension.regex.pattern import Pattern

DEFAULT_BUFFER_SHARE = 8
DEFAULT_BUFFER_MIN_BYTES = 4 * MIB
DEFAULT_BUFFER_MAX_BYTES = 64 * MIB

DEFAULT_MEMORY_MB = 128
"""Lambda's default for the memory of a function."""

MAX_MEMORY_DIGITS = 6
"""Lambda's largest function has 10,240 MB (AWS: Lambda quotas)."""

MAX_BUFFER_SHARE = 2
"""Bound on BUFFER_SIZE: half of the function's memory. A larger buffer could itself exhaust that memory."""

MAX_SHOWN_CHARS = 64
"""Bound on a bad value in our own log: enough to recognise the value."""

REFERENCE_FORMS = ("ssm:", "secretsmanager:")
"""Beginnings of values that :mod:`extension.config.references` fetches."""

NEVER_REFERENCES = frozenset({"ENABLED", "LOG_API"})
"""Settings that are needed before anything can be fetched."""

UNUSABLE_PARTS = {
    "REDACT": "every line is masked as a whole",
    "EXCLUDE": "nothing is excluded by it",
    **{f"{name}_HEADERS": "the other headers are sent" for name in SINKS},
}
"""Effect of a pattern or a header that cannot be used; the others apply."""

NO_SINK, SINK_TO_COME = "unusable:", "unusable:waits"
"""URLs of a sink whose value cannot be used. No other place is written to: nobody asked for one. The second is that of
a reference, which a refresh may mend, so kept lines wait for it. FALLBACK_SINK and ARCHIVE_SINK are just not set."""

LINES_ARE_PRINTED = "no sink; lines of failed invocations go to FALLBACK_SINK, or to standard output, and others are lost"
LINES_WAIT = "no sink; its lines wait in the buffer until the reference names one"
"""Effects of SINK, and of a reference, that cannot be used."""

_DEFAULTS: dict[str, Any] = {
    one.field: one.parse(one.default)
    for one in SETTINGS
    if one.default and one.name != "BUFFER_SIZE"
}


class SinkSettings(NamedTuple):
    """One sink, by its variable (SINK, FALLBACK_SINK or ARCHIVE_SINK).

    The URL is empty if the sink is not set, and :data:`NO_SINK` or :data:`SINK_TO_COME` if it cannot be used.
    """

    variable: str
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def _sinks_of(found: Mapping[str, Any]) -> tuple[SinkSettings, ...]:
    sinks = []
    for name in SINKS:
        headers = found.get(f"{name.lower()}_headers")
        sinks.append(
            SinkSettings(name, found.get(name.lower(), ""), headers.sent if headers else ())
        )
    return tuple(sinks)


class Settings(NamedTuple):
    """The effective settings.

    Attributes:
        sinks: SINK, FALLBACK_SINK and ARCHIVE_SINK, in this order.
        unresolved: variables, without their prefix, whose references are not fetched yet; their defaults apply.
    """

    sample_rate: float = _DEFAULTS["sample_rate"]
    sample_rate_trace: float | None = None
    sample_rate_debug: float | None = None
    sample_rate_info: float | None = None
    sample_rate_warn: float | None = None
    correlation_fields: tuple[str, ...] = _DEFAULTS["correlation_fields"]
    error_level: int = _DEFAULTS["error_level"]
    error_pattern: "Pattern | None" = None
    level_pattern: "LevelPattern | None" = None
    keep_slower_than_ms: int = 0
    keep_cold_starts: bool = _DEFAULTS["keep_cold_starts"]
    keep_memory_above: float = 0.0
    keep_marker: str = ""
    keep_at_least: Pace | None = None
    keep_at_most: Pace | None = None
    history: int = _DEFAULTS["history"]
    redact: "Patterns | None" = None
    exclude: "Patterns | None" = None
    buffer_bytes: int = DEFAULT_BUFFER_MIN_BYTES
    sinks: tuple[SinkSettings, ...] = _sinks_of(_DEFAULTS)
    retention_days: int = 0
    flush: Flush = _DEFAULTS["flush"]
    flush_timeout_ms: int = _DEFAULTS["flush_timeout_ms"]
    log_api: str = _DEFAULTS["log_api"]
    platform_events: PlatformEvents = _DEFAULTS["platform_events"]
    log_level: str = _DEFAULTS["log_level"]
    refresh_interval_ms: int = _DEFAULTS["refresh_interval_ms"]
    metrics_interval_ms: int = _DEFAULTS["metrics_interval_ms"]
    metrics_fleet: str = ""
    enabled: bool = _DEFAULTS["enabled"]
    unresolved: frozenset[str] = frozenset()


class Problem(NamedTuple):
    """A value that cannot be used, with the accepted values, the value used instead (or the effect), and the reason.

    The value is empty where it may hold a secret. No value is accepted for a variable that is not a setting.
    """

    variable: str
    value: str
    accepted: str
    used: str
    fault: str = ""


def _memory_bytes(environ: Mapping[str, str]) -> int:
    memory_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    known = memory_mb.isascii() and memory_mb.isdigit() and len(memory_mb) <= MAX_MEMORY_DIGITS
    return (int(memory_mb) if known else DEFAULT_MEMORY_MB) * MIB


def read_settings(
    environ: Mapping[str, str], *, fetched: Mapping[str, str] | None = None
) -> tuple[Settings, list[Problem]]:
    """Read all settings, with the fetched values of references; collect all problems. An empty value means the default."""
    buffer_bytes = max(_memory_bytes(environ) // DEFAULT_BUFFER_SHARE, DEFAULT_BUFFER_MIN_BYTES)
    found: dict[str, Any] = {"buffer_bytes": min(buffer_bytes, DEFAULT_BUFFER_MAX_BYTES)}
    problems: list[Problem] = []
    unresolved = set()
    for setting in SETTINGS:
        variable = PREFIX + setting.name
        text = environ.get(variable, "").strip()
        is_reference = text.startswith(REFERENCE_FORMS) and setting.name not in NEVER_REFERENCES
        if is_reference:
            if fetched is None or variable not in fetched:
                unresolved.add(setting.name)
                continue
            text = fetched[variable].strip()
        # What was stored empty by mistake names no place, not even the default one.
        is_sink = setting.name in SINKS
        if not text and not (is_reference and is_sink):
            continue
        try:
            found[setting.field] = setting.parse(text)
        except ValueError as error:
            # A fetched value may be a secret, whatever the setting.
            shown = "" if setting.secret or is_reference else text[:MAX_SHOWN_CHARS]
            used = setting.default or "none"
            if is_sink and is_reference:
                found[setting.field], used = SINK_TO_COME, LINES_WAIT
            elif setting.name == SINKS[0]:
                found[setting.field], used = NO_SINK, LINES_ARE_PRINTED
            fault = str(error) if isinstance(error, Unusable) else ""
            problems.append(Problem(variable, shown, setting.accepted, used, fault))
    problems += _bound_buffer(environ, found)
    problems += [
        Problem(PREFIX + setting.name, "", setting.accepted, UNUSABLE_PARTS[setting.name], fault)
        for setting in SETTINGS
        if setting.name in UNUSABLE_PARTS and (parts := found.get(setting.field)) is not None
        for fault in parts.problems
    ]
    if "REDACT" in unresolved:
        from extension.redaction.patterns import Patterns

        # Lines that leave before the patterns are fetched are masked as a whole.
        found["redact"] = Patterns(problems=("not fetched yet",))
    sinks = _sinks_of({**_DEFAULTS, **found})
    given = {field: value for field, value in found.items() if field in Settings._fields}
    settings = Settings(**given, sinks=sinks, unresolved=frozenset(unresolved))
    return settings, problems + _unknown(environ)


def _bound_buffer(environ: Mapping[str, str], found: dict[str, Any]) -> list[Problem]:
    """Cut BUFFER_SIZE to its share of the function's memory."""
    most_bytes = _memory_bytes(environ) // MAX_BUFFER_SHARE
    if found["buffer_bytes"] <= most_bytes:
        return []
    found["buffer_bytes"] = most_bytes
    variable = PREFIX + "BUFFER_SIZE"
    most = f"{most_bytes // MIB}MiB"
    accepted = f"at most half of the function's memory, {most}"
    return [Problem(variable, environ.get(variable, "").strip(), accepted, most)]


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    """Report variables that have our prefix and the name of no setting."""
    known = {setting.name for setting in SETTINGS}
    problems = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            from difflib import get_close_matches  # only a misspelled name needs it

            close = get_close_matches(name.upper(), known, n=1)
            fault = f"perhaps {PREFIX}{close[0]} was meant" if close else "no setting has this name"
            problems.append(Problem(variable, "", "", "nothing", fault))
    return problems
