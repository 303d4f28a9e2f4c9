"""The table of settings: what each variable is called, how it is read, what is accepted and what it means.

The README's table is tested against it. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass

from extension.config import parsers


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


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SAMPLE_RATE",
        "sample_rate",
        "0.1",
        "a number from 0 to 1, or a percentage such as 5%",
        "Share of healthy transactions whose lines are kept.",
        parsers.read_rate,
    ),
    Setting(
        "SAMPLE_RATE_TRACE",
        "sample_rate_trace",
        parsers.SAME_RATE,
        "as SAMPLE_RATE",
        "The same for lines at level TRACE; all levels follow one draw, so a lower rate keeps a part of what a higher one does.",
        parsers.read_level_rate,
    ),
    Setting(
        "SAMPLE_RATE_DEBUG",
        "sample_rate_debug",
        parsers.SAME_RATE,
        "as SAMPLE_RATE",
        "The same for lines at level DEBUG.",
        parsers.read_level_rate,
    ),
    Setting(
        "SAMPLE_RATE_INFO",
        "sample_rate_info",
        parsers.SAME_RATE,
        "as SAMPLE_RATE",
        "The same for lines at level INFO.",
        parsers.read_level_rate,
    ),
    Setting(
        "SAMPLE_RATE_WARN",
        "sample_rate_warn",
        parsers.SAME_RATE,
        "as SAMPLE_RATE",
        "The same for lines at level WARN.",
        parsers.read_level_rate,
    ),
    Setting(
        "CORRELATION_FIELDS",
        "correlation_fields",
        "x-correlation-id, correlation_id, correlationId",
        "names of fields, separated by commas, or none",
        "Fields of JSON lines that name the transaction; the draw is made from the first one found, else from the trace id.",
        parsers.read_fields,
    ),
    Setting(
        "ERROR_LEVEL",
        "error_level",
        "ERROR",
        "TRACE, DEBUG, INFO, WARN, ERROR, FATAL or OFF",
        "A line at or above this level makes the invocation a failed one; OFF looks at outcomes only.",
        parsers.read_level,
    ),
    Setting(
        "ERROR_PATTERN",
        "error_pattern",
        "",
        parsers.PATTERN_FORM,
        "A line in which it is found makes the invocation a failed one.",
        parsers.read_pattern,
    ),
    Setting(
        "KEEP_MARKER",
        "keep_marker",
        "",
        "ASCII text of 4 characters or more, without quotes and backslashes",
        "An invocation that writes this text anywhere is kept.",
        parsers.read_marker,
    ),
    Setting(
        "KEEP_COLD_STARTS",
        "keep_cold_starts",
        "false",
        "true or false",
        "Keep an environment's first invocation, with what init wrote.",
        parsers.read_boolean,
    ),
    Setting(
        "KEEP_SLOWER_THAN",
        "keep_slower_than_ms",
        "",
        "a duration up to 15m, such as 800ms or 3s",
        "Keep invocations that took longer.",
        parsers.read_duration_ms,
    ),
    Setting(
        "KEEP_MEMORY_ABOVE",
        "keep_memory_above",
        "",
        "a share, such as 0.9 or 90%",
        "Keep invocations after which the environment had used more than this share of the function's memory.",
        parsers.read_share,
    ),
    Setting(
        "KEEP_AT_LEAST",
        "keep_at_least",
        "",
        "a number in a time, such as 1/m, 1/10m or 5/h",
        "Keep at least so many healthy invocations an environment, whatever the draw.",
        parsers.read_pace,
    ),
    Setting(
        "KEEP_AT_MOST",
        "keep_at_most",
        "",
        "a number in a time, such as 120/m or 10/s",
        "Deliver at most so many failed invocations an environment whole; beyond it their error lines and counts only.",
        parsers.read_pace,
    ),
    Setting(
        "HISTORY",
        "history",
        "0",
        "a number of invocations, up to 100",
        "What was let go of so many invocations before a failed one is delivered with it, as history.",
        parsers.read_history,
    ),
    Setting(
        "REDACT",
        "redact",
        "",
        f"all, names of presets ({', '.join(parsers.PRESET_NAMES)}), {parsers.PATTERN_FORM}, or a JSON array of both",
        "What is masked in lines before they leave; what cannot be used masks whole lines.",
        parsers.read_redactions,
        secret=True,
    ),
    Setting(
        "EXCLUDE",
        "exclude",
        "",
        f"{parsers.PATTERN_FORM}, or a JSON array of them",
        "Lines in which it is found are never recorded.",
        parsers.read_exclusions,
        secret=True,
    ),
    Setting(
        "BUFFER_SIZE",
        "buffer_bytes",
        "an eighth of the function's memory, 4 to 64 MiB",
        "a size from 64KiB to half of the function's memory, such as 8MiB",
        "Bound on all that is held in memory, including what waits for a sink that is down.",
        parsers.read_size_bytes,
    ),
    Setting(
        "SINK",
        "sink",
        "cloudwatch:",
        parsers.SINK_FORMS,
        "Where kept records go; `cloudwatch:` alone is the log group `/flight-recorder/<function>`.",
        parsers.read_sink,
        secret=True,
    ),
    Setting(
        "SINK_HEADERS",
        "sink_headers",
        "",
        "NAME=VALUE, several separated by commas",
        "Headers sent with every request to an http(s) or OTLP sink, such as an authorization.",
        parsers.read_headers,
        secret=True,
    ),
    Setting(
        "FALLBACK_SINK",
        "fallback_sink",
        "",
        "as SINK",
        "Where they go when the sink refuses them, or is down.",
        parsers.read_sink,
        secret=True,
    ),
    Setting(
        "FALLBACK_SINK_HEADERS",
        "fallback_sink_headers",
        "",
        "as SINK_HEADERS",
        "The same for FALLBACK_SINK.",
        parsers.read_headers,
        secret=True,
    ),
    Setting(
        "ARCHIVE_SINK",
        "archive_sink",
        "",
        "as SINK",
        "Where everything goes besides, kept or not.",
        parsers.read_sink,
        secret=True,
    ),
    Setting(
        "ARCHIVE_SINK_HEADERS",
        "archive_sink_headers",
        "",
        "as SINK_HEADERS",
        "The same for ARCHIVE_SINK.",
        parsers.read_headers,
        secret=True,
    ),
    Setting(
        "RETENTION_DAYS",
        "retention_days",
        "",
        "a number of days that CloudWatch Logs offers, such as 7, 14, 30 or 365",
        "Retention of the log groups that `cloudwatch:` sinks write to; without it, theirs is left alone.",
        parsers.read_retention_days,
    ),
    Setting(
        "FLUSH",
        "flush",
        "adaptive",
        "end, background or adaptive",
        "`end` holds the environment until the outcome is known and what is owed is delivered; `background` never"
        " does; `adaptive` does unless the next invocation is expected within seconds.",
        lambda text: parsers.Flush(text.lower()),
    ),
    Setting(
        "FLUSH_TIMEOUT",
        "flush_timeout_ms",
        "2s",
        "a duration up to 15m, such as 250ms or 2s",
        "The most a flush may hold an invocation, whatever happens.",
        parsers.read_duration_ms,
    ),
    Setting(
        "LOG_API",
        "log_api",
        "auto",
        "auto, logs or telemetry",
        "Which of Lambda's APIs to subscribe to first; the other is the fallback. `auto`: the Logs API, and the"
        " Telemetry API where that is not offered.",
        parsers.one_of("auto", "logs", "telemetry"),
    ),
    Setting(
        "PLATFORM_EVENTS",
        "platform_events",
        "report",
        "none, report or all",
        "Which platform events travel with a kept invocation.",
        lambda text: parsers.PlatformEvents(text.lower()),
    ),
    Setting(
        "REFRESH_INTERVAL",
        "refresh_interval_ms",
        "5m",
        "a duration from 30s to 15m",
        "How often settings that are references are fetched anew: at its multiples on the clock, everywhere at once.",
        parsers.read_interval_ms,
    ),
    Setting(
        "METRICS",
        "metrics_interval_ms",
        "off",
        "off, or an interval from 10s to 1h, such as 1m",
        "How often the account is written as metrics for CloudWatch, which cost something there.",
        parsers.read_metrics_interval_ms,
    ),
    Setting(
        "LOG_LEVEL",
        "log_level",
        "warning",
        "debug, info, warning, error or off",
        "Level of the extension's own log; `off` silences the account at SHUTDOWN as well.",
        parsers.one_of("debug", "info", "warning", "error", "off"),
    ),
    Setting(
        "ENABLED",
        "enabled",
        "true",
        "true or false",
        "`false`: do nothing but answer Lambda.",
        parsers.read_boolean,
    ),
)
