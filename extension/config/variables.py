"""List the settings: name, default, parser, accepted values and meaning of each variable.

A test compares the table with the README's. Pure.
"""

from collections.abc import Callable
from typing import NamedTuple

from extension.config import parsers
from extension.config.parsers import PATTERN_FORM, PRESET_NAMES, SAME_RATE, Flush, PlatformEvents


class Setting(NamedTuple):
    """One variable, for programs and for people.

    Attributes:
        name: without the prefix.
        field: field of :class:`extension.config.settings.Settings`; a sink's two fields are in its ``SinkSettings``, and
            SETTINGS, which stands for others, has none.
        default: text of the default; empty if the setting is off by default.
        parse: parses a value, and raises ValueError if it is not accepted.
        secret: whether the value may hold a secret, so that it is never shown.
    """

    name: str
    field: str
    default: str
    parse: Callable[[str], object]
    accepted: str
    meaning: str
    secret: bool = False


SINKS = ("SINK", "FALLBACK_SINK", "ARCHIVE_SINK")


# A row is read across: name, field, default and parser, then the accepted values, then the meaning.
# fmt: off
def _level_rate(level: str, more: str = "") -> Setting:
    return Setting(f"SAMPLE_RATE_{level}", f"sample_rate_{level.lower()}", SAME_RATE, parsers.read_level_rate,
                   "as SAMPLE_RATE", f"The same for lines at level {level}{more}.")


def _sink(name: str, meaning: str) -> tuple[Setting, Setting]:
    return (
        Setting(name, name.lower(), "", parsers.read_sink, "as SINK", meaning, secret=True),
        Setting(f"{name}_HEADERS", f"{name.lower()}_headers", "", parsers.read_headers, "as SINK_HEADERS",
                f"The same for {name}.", secret=True),
    )


SETTINGS: tuple[Setting, ...] = (
    Setting("SAMPLE_RATE", "sample_rate", "0.1", parsers.read_rate, "a number from 0 to 1, or a percentage such as 5%",
            "Share of healthy transactions whose lines are kept."),
    _level_rate("TRACE", "; all levels follow one draw, so a lower rate keeps a part of what a higher one does"),
    *map(_level_rate, ("DEBUG", "INFO", "WARN")),
    Setting("CORRELATION_FIELDS", "correlation_fields", "x-correlation-id, correlation_id, correlationId",
            parsers.read_fields, "names of fields, separated by commas, or none",
            "Fields of JSON lines that name the transaction; the draw is made from the first one found, else from the trace id."),
    Setting("ERROR_LEVEL", "error_level", "ERROR", parsers.read_level, "TRACE, DEBUG, INFO, WARN, ERROR, FATAL or OFF",
            "A line at or above this level makes the invocation a failed one; OFF looks at outcomes only."),
    Setting("ERROR_PATTERN", "error_pattern", "", parsers.read_pattern, PATTERN_FORM,
            "A line in which it is found makes the invocation a failed one."),
    Setting("LEVEL_PATTERN", "level_pattern", "", parsers.read_level_pattern, f"{PATTERN_FORM}, with a group named level",
            "Where it is found in a line whose level is not known otherwise, the group holds the level: `^<(?P<level>[a-z]+)>`."),
    Setting("KEEP_MARKER", "keep_marker", "", parsers.read_marker,
            "ASCII text of 4 characters or more, without quotes and backslashes",
            "An invocation that writes this text anywhere is kept."),
    Setting("KEEP_COLD_STARTS", "keep_cold_starts", "false", parsers.read_boolean, "true or false",
            "Keep an environment's first invocation, with what init wrote."),
    Setting("KEEP_SLOWER_THAN", "keep_slower_than_ms", "", parsers.read_duration_ms, "a duration up to 15m, such as 800ms or 3s",
            "Keep invocations that took longer."),
    Setting("KEEP_MEMORY_ABOVE", "keep_memory_above", "", parsers.read_share, "a share, such as 0.9 or 90%",
            "Keep invocations after which the environment had used more than this share of the function's memory."),
    Setting("KEEP_AT_LEAST", "keep_at_least", "", parsers.read_pace, "a number in a time, such as 1/m, 1/10m or 5/h",
            "Keep at least so many healthy invocations an environment, whatever the draw."),
    Setting("KEEP_AT_MOST", "keep_at_most", "", parsers.read_pace, "a number in a time, such as 120/m or 10/s",
            "Deliver at most so many failed invocations an environment whole; beyond it their error lines and counts only."),
    Setting("HISTORY", "history", "0", parsers.read_history, "a number of invocations, up to 100",
            "What was let go of so many invocations before a failed one is delivered with it, as history."),
    Setting("REDACT", "redact", "", parsers.read_redactions,
            f"all, names of presets ({', '.join(PRESET_NAMES)}), {PATTERN_FORM}, or a JSON array of both",
            "What is masked in lines before they leave; what cannot be used masks whole lines.", secret=True),
    Setting("EXCLUDE", "exclude", "", parsers.read_exclusions, f"{PATTERN_FORM}, or a JSON array of them",
            "Lines in which it is found are never recorded.", secret=True),
    Setting("BUFFER_SIZE", "buffer_bytes", "an eighth of the function's memory, 4 to 64 MiB", parsers.read_size_bytes,
            "a size from 64KiB to half of the function's memory, such as 8MiB",
            "Bound on all that is held in memory, including what waits for a sink that is down."),
    Setting("SINK", "sink", "cloudwatch:", parsers.read_sink, parsers.SINK_FORMS,
            "Where kept records go; `cloudwatch:` alone is the log group `/flight-recorder/<function>`, and `own+cloudwatch:` the"
            " function's own.", secret=True),
    Setting("SINK_HEADERS", "sink_headers", "", parsers.read_headers, "NAME=VALUE, several separated by commas; a part without = belongs to the value before it",
            "Headers sent with every request to an http(s) or OTLP sink, such as an authorization.", secret=True),
    *_sink("FALLBACK_SINK", "Where they go when the sink refuses them, or is down."),
    *_sink("ARCHIVE_SINK", "Where everything goes besides, kept or not."),
    Setting("LINGER", "linger_ms", "auto", parsers.read_linger_ms, "auto, or a duration up to 15m, such as 0s or 60s",
            "How long lines of healthy invocations wait for more, so that one request takes them all. `auto` is 60 s for `s3:` and"
            " `firehose:`, where requests cost, and 0 s for others. Failed invocations do not wait."),
    Setting("RETENTION_DAYS", "retention_days", "", parsers.read_retention_days,
            "a number of days that CloudWatch Logs offers, such as 7, 14, 30 or 365",
            "Retention of the log groups that `cloudwatch:` sinks write to; without it, theirs is left alone."),
    Setting("FLUSH", "flush", "adaptive", parsers.member_of(Flush), "end, background or adaptive",
            "`end` holds the environment until the outcome is known and kept lines are delivered. `background` never holds it."
            " `adaptive` holds it unless the next invocation is expected within seconds."),
    Setting("FLUSH_TIMEOUT", "flush_timeout_ms", "2s", parsers.read_duration_ms, "a duration up to 15m, such as 250ms or 2s",
            "The most a flush may hold an invocation, whatever happens."),
    Setting("LOG_API", "log_api", "auto", parsers.one_of("auto", "logs", "telemetry"), "auto, logs or telemetry",
            "Which of Lambda's APIs to subscribe to first; the other is the fallback. `auto`: the Logs API, and the Telemetry API"
            " where that is not offered."),
    Setting("PLATFORM_EVENTS", "platform_events", "report", parsers.member_of(PlatformEvents), "none, report or all",
            "Which platform events travel with a kept invocation."),
    Setting("REFRESH_INTERVAL", "refresh_interval_ms", "5m", parsers.read_interval_ms, "a duration from 30s to 15m",
            "How often settings that are references are fetched anew, to be in force at its multiples on the clock, everywhere at once."),
    Setting("SETTINGS", "settings", "", parsers.read_document_place, parsers.DOCUMENT_FORMS,
            "One document for all settings: a JSON object of names and values. A variable of the function goes before it.",
            secret=True),
    Setting("METRICS", "metrics_interval_ms", "off", parsers.read_metrics_interval_ms,
            "off, or an interval from 10s to 1h, such as 1m",
            "How often the account is written as metrics for CloudWatch, which cost something there."),
    Setting("METRICS_FLEET", "metrics_fleet", "", parsers.read_fleet, "a name of up to 255 printable ASCII characters",
            "A name that many functions share: their metrics are those of the whole fleet, and cost what one function's do."),
    Setting("LOG_LEVEL", "log_level", "warning", parsers.one_of("debug", "info", "warning", "error", "off"),
            "debug, info, warning, error or off",
            "Level of the extension's own log; `off` silences the account at SHUTDOWN as well."),
    Setting("ENABLED", "enabled", "true", parsers.read_boolean, "true or false", "`false`: do nothing but answer Lambda."),
)
# fmt: on
