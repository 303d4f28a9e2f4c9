"""Read the settings from ``FLIGHT_RECORDER_...`` environment variables.

Promises: reading never fails. A value that cannot be used is reported once, by name, with the accepted values and the
value used instead. The table of all settings is :mod:`extension.config.variables`. Pure: the environment is passed in.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from extension import PREFIX
from extension.config.parsers import (
    MIB,
    Flush,
    Pace,
    PlatformEvents,
    Unusable,
    kind_of_sink,
)
from extension.config.variables import SETTINGS, SINKS, Setting

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

LINGER_S = 60.0
"""LINGER where a request has a price: S3's PUTs would cost as much as CloudWatch takes for the same lines (docs/cost.md)."""

LINGERING_SINKS = ("s3", "firehose")

REFERENCE_FORMS = ("ssm:", "secretsmanager:", "s3://")
"""Beginnings of values that :mod:`extension.config.references` fetches. A sink that begins with ``s3://`` is none."""

NEVER_REFERENCES = frozenset({"ENABLED", "LOG_API"})
"""Settings that are needed before anything can be fetched."""

NEVER_IN_DOCUMENT = NEVER_REFERENCES | {"SETTINGS"}

DOCUMENT = f"{PREFIX}SETTINGS"
"""Variable that refers to a JSON object of settings: the document."""

Document = Mapping[str, str | None]
"""Settings by variable; None for a value that is neither a string, nor a number, nor true or false."""

MAX_UNKNOWN = 20
"""Bound on names of no setting that are reported: a document may hold the settings of something else."""

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
        unresolved: variables, without their prefix, whose references are not fetched yet; their defaults apply. While
            SETTINGS is one of them, so is each variable that is not set.
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
    linger_ms: int | None = _DEFAULTS["linger_ms"]
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


def linger_s(settings: Settings, sink: SinkSettings) -> float:
    """Return how long lines of healthy invocations wait for more, on their way to SINK or FALLBACK_SINK."""
    if settings.linger_ms is not None:
        return settings.linger_ms / 1000
    return LINGER_S if kind_of_sink(sink.url) in LINGERING_SINKS else 0.0


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


def is_reference(name: str, text: str) -> bool:
    """Tell whether the text of a variable, whose name has no prefix, is a reference."""
    if name in NEVER_REFERENCES or (name in SINKS and text.startswith("s3:")):
        return False
    return text.startswith(REFERENCE_FORMS)


def with_document(environ: Mapping[str, str], document: Document | None) -> Mapping[str, str]:
    """Add what the document of SETTINGS sets, and the environment does not."""
    if not document:
        return environ
    usable = {
        variable: text
        for variable, text in document.items()
        if text is not None
        and variable.removeprefix(PREFIX) not in NEVER_IN_DOCUMENT
        and not environ.get(variable, "").strip()
    }
    return {**environ, **usable}


def read_settings(
    environ: Mapping[str, str],
    *,
    fetched: Mapping[str, str] | None = None,
    document: Document | None = None,
) -> tuple[Settings, list[Problem]]:
    """Read all settings, with the fetched values of references, and the document that SETTINGS refers to.

    Collect all problems. An empty value means the default.
    """
    own, environ = environ, with_document(environ, document)
    buffer_bytes = max(_memory_bytes(environ) // DEFAULT_BUFFER_SHARE, DEFAULT_BUFFER_MIN_BYTES)
    found: dict[str, Any] = {"buffer_bytes": min(buffer_bytes, DEFAULT_BUFFER_MAX_BYTES)}
    problems: list[Problem] = []
    unresolved = _awaiting_document(own) if document is None else set()
    for setting in SETTINGS:
        variable = PREFIX + setting.name
        text = environ.get(variable, "").strip()
        is_referred = is_reference(setting.name, text)
        if setting.name in unresolved or (is_referred and variable == DOCUMENT):
            continue
        if is_referred:
            if fetched is None or variable not in fetched:
                unresolved.add(setting.name)
                continue
            text = fetched[variable].strip()
        # What was stored empty by mistake names no place, not even the default one.
        if not text and not (is_referred and setting.name in SINKS):
            continue
        try:
            found[setting.field] = setting.parse(text)
        except ValueError as error:
            is_fetched = is_referred or not own.get(variable, "").strip()
            problem, instead = _unusable(setting, text, error, is_fetched=is_fetched)
            problems.append(problem)
            found |= instead
    problems += _bound_buffer(own, found)
    problems += _unusable_parts(found)
    if "REDACT" in unresolved:
        from extension.redaction.patterns import Patterns

        # Lines that leave before the patterns are fetched are masked as a whole.
        found["redact"] = Patterns(problems=("not fetched yet",))
    sinks = _sinks_of({**_DEFAULTS, **found})
    given = {field: value for field, value in found.items() if field in Settings._fields}
    settings = Settings(**given, sinks=sinks, unresolved=frozenset(unresolved))
    return settings, problems + _unknown(environ) + _misplaced(own, document or {})


def _awaiting_document(own: Mapping[str, str]) -> set[str]:
    """Return the names of all settings that the document of SETTINGS may set, and its own; none without a document."""
    if not is_reference("SETTINGS", own.get(DOCUMENT, "").strip()):
        return set()
    unset = {one.name for one in SETTINGS if not own.get(PREFIX + one.name, "").strip()}
    return (unset - NEVER_REFERENCES) | {"SETTINGS"}


def _unusable_parts(found: Mapping[str, Any]) -> list[Problem]:
    """Report patterns and headers that cannot be used beside others that can."""
    return [
        Problem(PREFIX + setting.name, "", setting.accepted, UNUSABLE_PARTS[setting.name], fault)
        for setting in SETTINGS
        if setting.name in UNUSABLE_PARTS and (parts := found.get(setting.field)) is not None
        for fault in parts.problems
    ]


def _unusable(
    setting: Setting, text: str, error: ValueError, *, is_fetched: bool
) -> tuple[Problem, dict[str, Any]]:
    """Return the problem of a value that cannot be used, and the value to use instead, if that is not the default."""
    # A fetched value may be a secret, whatever the setting.
    shown = "" if setting.secret or is_fetched else text[:MAX_SHOWN_CHARS]
    used, instead = setting.default or "none", {}
    if setting.name in SINKS and is_fetched:
        instead, used = {setting.field: SINK_TO_COME}, LINES_WAIT
    elif setting.name == SINKS[0]:
        instead, used = {setting.field: NO_SINK}, LINES_ARE_PRINTED
    fault = str(error) if isinstance(error, Unusable) else ""
    return Problem(PREFIX + setting.name, shown, setting.accepted, used, fault), instead


def _misplaced(own: Mapping[str, str], document: Document) -> list[Problem]:
    """Report what the document of SETTINGS cannot set, and values of a kind that no setting has."""
    problems = []
    for setting in SETTINGS:
        variable = PREFIX + setting.name
        if variable not in document:
            continue
        if setting.name in NEVER_IN_DOCUMENT:
            fault = "the document of SETTINGS cannot set it, only a variable of the function can"
            problems.append(Problem(variable, "", setting.accepted, "nothing of it", fault))
        elif document[variable] is None and not own.get(variable, "").strip():
            fault = "in the document of SETTINGS it is neither a string, nor a number, nor true or false"
            used = setting.default or "none"
            problems.append(Problem(variable, "", setting.accepted, used, fault))
    return problems


def _bound_buffer(environ: Mapping[str, str], found: dict[str, Any]) -> list[Problem]:
    """Cut BUFFER_SIZE to its share of the function's memory."""
    most_bytes = _memory_bytes(environ) // MAX_BUFFER_SHARE
    if found["buffer_bytes"] <= most_bytes:
        return []
    found["buffer_bytes"] = most_bytes
    variable = PREFIX + "BUFFER_SIZE"
    most = f"{most_bytes // MIB}MiB"
    accepted = f"at most half of the function's memory, {most}"
    text = environ.get(variable, "").strip()
    return [Problem(variable, "" if is_reference("BUFFER_SIZE", text) else text, accepted, most)]


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    """Report variables that have our prefix and the name of no setting."""
    known = {setting.name for setting in SETTINGS}
    problems = []
    unknown = sorted(
        variable[: len(PREFIX) + MAX_SHOWN_CHARS]
        for variable in environ
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX) not in known
    )
    for variable in unknown[:MAX_UNKNOWN]:
        from difflib import get_close_matches  # only a misspelled name needs it

        close = get_close_matches(variable.removeprefix(PREFIX).upper(), known, n=1)
        fault = f"perhaps {PREFIX}{close[0]} was meant" if close else "no setting has this name"
        problems.append(Problem(variable, "", "", "nothing", fault))
    return problems
