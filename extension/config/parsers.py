"""Parse the text of settings: each function raises ValueError for a value that is not accepted.

Pure. Regular expressions are compiled on first use: they serve variables that most functions never set.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from extension.levels.level import OFF, level_named

if TYPE_CHECKING:
    from extension.config.headers import Headers
    from extension.redaction.patterns import Patterns
    from extension.regex.level_pattern import LevelPattern
    from extension.regex.pattern import Pattern

_Number = TypeVar("_Number", int, float)
_Member = TypeVar("_Member", bound=Enum)


class Unusable(ValueError):  # noqa: N818 - it says what is the matter
    """A value is not accepted. The message says why, for people, and shows no part of the value."""


class Flush(Enum):
    """When the extension holds ``/event/next`` until its deliveries have ended."""

    END = "end"
    BACKGROUND = "background"
    ADAPTIVE = "adaptive"


class PlatformEvents(Enum):
    """Which platform events are delivered with a kept invocation."""

    NONE = "none"
    REPORT = "report"
    ALL = "all"


class Pace(NamedTuple):
    """A number of invocations in a time. Both are at least 1."""

    invocations: int
    per_ms: int


KIB = 1024
MIB = 1024 * KIB

MIN_BUFFER_BYTES = 64 * KIB
"""A smaller buffer holds no useful part of a batch (262,144 bytes at most)."""

MIN_REFRESH_INTERVAL_MS = 30_000
"""More often, a few hundred environments would meet the quota of the parameter store, 40 calls a second."""

MAX_FLUSH_TIMEOUT_MS = 900_000
"""Lambda's longest function timeout. The deadline of the invocation bounds a flush in any case."""

MIN_METRICS_INTERVAL_MS = 10_000
"""Metrics have a resolution of one minute, and CloudWatch bills up to 1.4 KB for each line (measured)."""

MAX_METRICS_INTERVAL_MS = 3_600_000
"""An alarm on metrics that come less often would be too late."""

MAX_FLEET_CHARS = 255
"""AWS takes 1,024 (CloudWatch API, Dimension). But a line of metrics has to go into a pipe in one piece."""

MAX_HISTORY = 100
MIN_MARKER_CHARS = 4

_TIME_MS = {"ms": 1, "s": 1000, "m": 60_000}
_PACE_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}
_SIZE_BYTES = {"": 1, "b": 1, "kib": KIB, "kb": KIB, "mib": MIB, "mb": MIB}


def _amount(text: str, number: str, units: Mapping[str, int]) -> float:
    """Parse a number, whose pattern is given, and its unit."""
    match = re.fullmatch(rf"({number})\s*({'|'.join(units)})", text)
    if match is None:
        raise ValueError
    return float(match.group(1)) * units[match.group(2)]


def _within(value: _Number, least: float, most: float) -> _Number:
    if not least <= value <= most:
        raise ValueError
    return value


def read_rate(text: str) -> float:
    """Parse a number from 0 to 1, or a percentage."""
    return _within(float(text.removesuffix("%")) / (100 if text.endswith("%") else 1), 0, 1)


def read_duration_ms(text: str) -> int:
    """Parse ``250ms``, ``2s`` or ``5m``."""
    return round(_within(_amount(text, r"\d+(?:\.\d+)?", _TIME_MS), 0, MAX_FLUSH_TIMEOUT_MS))


def read_linger_ms(text: str) -> int | None:
    """Parse a duration; return None for ``auto``, which depends on the sink."""
    return None if text.lower() == "auto" else read_duration_ms(text)


def read_interval_ms(text: str) -> int:
    """Parse a duration that is long enough to fetch settings at."""
    return _within(read_duration_ms(text), MIN_REFRESH_INTERVAL_MS, MAX_FLUSH_TIMEOUT_MS)


def read_metrics_interval_ms(text: str) -> int:
    """Parse an interval such as ``30s``, ``1m`` or ``1h``; return 0 for ``off``."""
    if text.lower() == "off":
        return 0
    interval_ms = int(_amount(text, "[0-9]{1,6}", _PACE_MS))
    return _within(interval_ms, MIN_METRICS_INTERVAL_MS, MAX_METRICS_INTERVAL_MS)


def read_fleet(text: str) -> str:
    """Parse the name of a fleet: printable ASCII, as a dimension's value has to be (AWS: CloudWatch API, Dimension)."""
    if not (
        text.isascii() and text.isprintable() and text.strip() and len(text) <= MAX_FLEET_CHARS
    ):
        raise ValueError
    return text


def read_pace(text: str) -> Pace:
    """Parse ``120/m``, ``1/10s`` or ``5/h``."""
    match = re.fullmatch(r"([0-9]{1,9})\s*/\s*([0-9]{0,6})\s*([smh])", text)
    if match is None:
        raise ValueError
    count, per_ms = int(match.group(1)), int(match.group(2) or 1) * _PACE_MS[match.group(3)]
    if not count or not per_ms:
        raise ValueError
    return Pace(count, per_ms)


def read_size_bytes(text: str) -> int:
    """Parse ``512KiB`` or ``8MiB``, or a number of bytes."""
    size = int(_amount(text.lower(), "[0-9]{1,12}", _SIZE_BYTES))
    if size < MIN_BUFFER_BYTES:
        raise ValueError
    return size


def read_boolean(text: str) -> bool:
    """Parse true or false, in the usual spellings."""
    word = text.lower()
    if word in {"false", "0", "no", "off"}:
        return False
    if word not in {"true", "1", "yes", "on"}:
        raise ValueError
    return True


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts these words, in any case."""
    return lambda text: words[words.index(text.lower())]


def member_of(kind: type[_Member]) -> Callable[[str], _Member]:
    """Return a parser that accepts the values of an enumeration, in any case."""
    return lambda text: kind(text.lower())


def read_level(text: str) -> int:
    """Parse the name of a level, or OFF."""
    level = OFF if text.upper() == "OFF" else level_named(text)
    if level is None:
        raise ValueError
    return int(level)


SAME_RATE = "SAMPLE_RATE"


def read_level_rate(text: str) -> float | None:
    """Parse the rate of one level; return None if SAMPLE_RATE applies to it."""
    return None if text.upper() == SAME_RATE else read_rate(text)


def read_share(text: str) -> float:
    """Parse a share above 0, up to 1, or a percentage."""
    share = read_rate(text)
    if not share:
        raise ValueError
    return share


def read_history(text: str) -> int:
    """Parse a number of invocations."""
    return _within(int(text), 0, MAX_HISTORY)


def _is_same_in_json(text: str) -> bool:
    """Tell whether a JSON encoder writes this text as it is."""
    return bool(text) and text.isascii() and text.isprintable() and not {'"', "\\"} & set(text)


def read_marker(text: str) -> str:
    """Parse a marker: text that looks the same in a JSON line and in any other line."""
    if len(text) < MIN_MARKER_CHARS or not _is_same_in_json(text):
        raise ValueError
    return text


def read_fields(text: str) -> tuple[str, ...]:
    """Parse names of fields, separated by commas; ``none`` for no field at all."""
    names = tuple(name.strip() for name in text.split(","))
    if text.lower() == "none":
        return ()
    if not all(_is_same_in_json(name) for name in names):
        raise ValueError
    return names


DOCUMENT_FORMS = "a reference: ssm:/PATH, secretsmanager:NAME or s3://BUCKET/KEY"


def read_document_place(_text: str) -> str:
    """Refuse what is no reference; :mod:`extension.config.references` reads the others."""
    raise Unusable("it is no reference")


# Patterns -----------------------------------------------------------------------------------------------------------

PATTERN_FORM = "a regular expression without backreferences and lookaround"
"""The form that :mod:`extension.regex.pattern` accepts."""

PRESET_NAMES = (
    *(
        "aws-keys",
        "bearer-tokens",
        "card-numbers",
        "emails",
        "passwords",
        "private-keys",
        "vendor-tokens",
    ),
)
"""Names of :data:`extension.redaction.patterns.PRESETS`. That module is loaded only where REDACT or EXCLUDE is set."""


def read_pattern(text: str) -> "Pattern":
    """Compile a regular expression."""
    from extension.regex.pattern import Pattern

    return Pattern(text)


def read_level_pattern(text: str) -> "LevelPattern":
    """Compile a regular expression with a group named ``level``."""
    from extension.regex.level_pattern import LevelPattern

    return LevelPattern(text)


def read_redactions(text: str) -> "Patterns":
    """Parse REDACT; the result holds the patterns that cannot be used, since nothing may leave unmasked."""
    from extension.redaction.patterns import read_patterns

    return read_patterns(text)


def read_exclusions(text: str) -> "Patterns":
    """Parse EXCLUDE; the result holds the patterns that cannot be used."""
    from extension.redaction.patterns import read_exclusions as read

    return read(text)


# Sinks --------------------------------------------------------------------------------------------------------------

SINK_FORMS = (
    "cloudwatch:[GROUP] (also own+, records+), s3://BUCKET/PREFIX, firehose:STREAM, otlp+https://…,"
    " https://… (also json+, loki+, splunk+, elasticsearch+, datadog+, logzio+; http for https), file:PATH or stdout:"
)

_HTTP_FORMATS = "json+ loki+ splunk+ elasticsearch+ datadog+ logzio+ otlp+ otlp-json+"
_URL = r"([a-z-]+\+)?https?://[^/?#\s][^\s]*"

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""AWS: PutRetentionPolicy, retentionInDays."""


AWS_SINKS = frozenset({"cloudwatch", "s3", "firehose"})
"""Kinds of sinks that name a resource of AWS; :mod:`extension.model.aws_targets` reads them."""

CLOUDWATCH_SCHEMES = (
    "cloudwatch",
    "records+cloudwatch",
    "own+cloudwatch",
    "records+own+cloudwatch",
)
"""``records+`` writes each line as a record; ``own+`` writes to the function's own log group."""


def kind_of_sink(url: str) -> str:
    """Return the scheme of a sink; ``cloudwatch`` whichever way the sink writes."""
    return url.partition(":")[0].lower().removeprefix("records+").removeprefix("own+")


def read_sink(text: str) -> str:
    """Check the form of a sink's URL; add the colon that may be left out."""
    if text in {"stdout", *CLOUDWATCH_SCHEMES}:
        text += ":"
    scheme = text.partition(":")[0].lower()
    if scheme == "stdout":
        good = text.lower() == "stdout:"
    elif scheme == "file":
        good = bool(text[len("file:") :].removeprefix("//"))
    elif scheme in {*AWS_SINKS, *CLOUDWATCH_SCHEMES}:
        good = text.endswith("cloudwatch:") or _names_target(text)
    else:
        known = scheme.removesuffix("https").removesuffix("http") in ("", *_HTTP_FORMATS.split())
        good = known and re.fullmatch(_URL, text, re.IGNORECASE) is not None
    if not good:
        raise ValueError
    return text


def _names_target(text: str) -> bool:
    """Tell whether a sink of AWS has the form of one; raise Unusable if it names a thing that cannot be one."""
    # Imported here, like patterns: the default sink names nothing.
    from extension.model.aws_targets import read_log_group, read_s3, read_stream

    kind, rest = kind_of_sink(text), text.partition(":")[2]
    try:
        if kind == "s3":
            read_s3(rest.removeprefix("//"))
            return rest.startswith("//")
        read_log_group(rest) if kind == "cloudwatch" else read_stream(rest)
    except ValueError as error:
        raise Unusable(str(error)) from None
    return True


def read_retention_days(text: str) -> int:
    """Parse a retention that CloudWatch Logs offers."""
    return RETENTION_DAYS[RETENTION_DAYS.index(int(text))]


def read_headers(text: str) -> "Headers":
    """Parse headers; the result holds those that can be sent, and names the others."""
    from extension.config.headers import read_headers as read

    return read(text)
