"""How the text of a setting is read: each function takes what a variable holds, and raises ValueError for what it is not.

Pure.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from extension.model.levels import OFF, level_named

if TYPE_CHECKING:
    from extension.redaction.patterns import Patterns


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


KIB = 1024

MIB = 1024 * KIB

MIN_BUFFER_BYTES = 64 * KIB
"""Below this not even one batch (262,144 bytes at most) can be held in part."""

MIN_REFRESH_INTERVAL_MS = 30_000
"""All environments refresh in the same second: oftener, and the parameter store's quota would be what they meet."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)")

_DURATION_MS = {"ms": 1, "s": 1000, "m": 60_000}

_SIZE = re.compile(r"([0-9]{1,12})\s*(KiB|MiB|KB|MB|B)?", re.IGNORECASE)

_SIZE_BYTES = {"b": 1, "kib": KIB, "kb": KIB, "mib": MIB, "mb": MIB}

MAX_FLUSH_TIMEOUT_MS = 900_000
"""Lambda's longest function timeout: the deadline of an invocation bounds a flush in any case."""


def read_rate(text: str) -> float:
    """Reads a number from 0 to 1, or a percentage."""
    rate = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0.0 <= rate <= 1.0:
        raise ValueError
    return rate


def read_duration_ms(text: str) -> int:
    """Reads ``250ms``, ``2s`` or ``5m``."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError
    duration_ms = float(match.group(1)) * _DURATION_MS[match.group(2)]
    if duration_ms > MAX_FLUSH_TIMEOUT_MS:
        raise ValueError
    return round(duration_ms)


def read_size_bytes(text: str) -> int:
    """Reads ``512KiB`` or ``8MiB``, or a number of bytes."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError
    size = int(match.group(1)) * _SIZE_BYTES[(match.group(2) or "B").lower()]
    if size < MIN_BUFFER_BYTES:
        raise ValueError
    return size


def read_boolean(text: str) -> bool:
    """Reads true or false, in the usual spellings."""
    word = text.lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off"}:
        return False
    raise ValueError


def read_level(text: str) -> int:
    """Reads the name of a level, or OFF."""
    if text.upper() == "OFF":
        return OFF
    level = level_named(text)
    if level is None:
        raise ValueError
    return int(level)


PATTERN_FORM = "a regular expression without backreferences and lookaround"
"""See :mod:`extension.regex.pattern`."""

PRESET_NAMES = (
    "aws-keys",
    "bearer-tokens",
    "card-numbers",
    "emails",
    "passwords",
    "private-keys",
)
"""Those of :data:`extension.redaction.presets.PRESETS`, which is loaded with the patterns it holds only where one is asked for: as
much code as all other settings take together."""


def read_pattern(text: str) -> Pattern:
    """Reads a regular expression."""
    from extension.regex.pattern import Pattern

    return Pattern(text)


def read_redactions(text: str) -> "Patterns":
    """Reads REDACT; what cannot be used is told by the result, since it must not let anything leave."""
    from extension.redaction.patterns import read_patterns

    return read_patterns(text)


def read_exclusions(text: str) -> "Patterns":
    """Reads EXCLUDE; what cannot be used is told by the result."""
    from extension.redaction.patterns import read_exclusions as read

    return read(text)


def one_of(*words: str) -> Callable[[str], str]:
    """Gives what reads one of these words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return parse


_HTTP_SHAPES = ("", "json+", "loki+", "splunk+", "elasticsearch+", "datadog+", "logzio+")

_HTTP_SCHEMES = (*_HTTP_SHAPES, "otlp+", "otlp-json+")

_URL = re.compile(r"([a-z-]+\+)?https?://[^/?#\s][^\s]*", re.IGNORECASE)

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.IGNORECASE)

_LOG_GROUP = re.compile(r"(records\+)?cloudwatch:[.\-_/#A-Za-z0-9]{0,512}", re.IGNORECASE)

_STREAM = re.compile(r"firehose:[a-zA-Z0-9_.-]{1,64}", re.IGNORECASE)

SINK_FORMS = (
    "cloudwatch:[GROUP], records+cloudwatch:[GROUP], s3://BUCKET/PREFIX, firehose:STREAM, otlp+https://…, https://… (also"
    " json+, loki+, splunk+, elasticsearch+, datadog+, logzio+; http for https), file:PATH or stdout:"
)


def kind_of_sink(url: str) -> str:
    """Gives the scheme that tells what a sink is: ``cloudwatch`` whichever way it writes, else as it stands."""
    return url.partition(":")[0].lower().removeprefix("records+")


def read_sink(text: str) -> str:
    """Checks a sink's form. Names are those that AWS allows (PutLogEvents; S3 bucket naming; CreateDeliveryStream)."""
    if text in {"stdout", "cloudwatch", "records+cloudwatch"}:
        text += ":"
    scheme = text.partition(":")[0].lower()
    if scheme == "stdout":
        good = text.lower() == "stdout:"
    elif scheme == "file":
        good = bool(text[len("file:") :].removeprefix("//"))
    elif scheme in {"cloudwatch", "records+cloudwatch", "s3", "firehose"}:
        good = any(form.fullmatch(text) for form in (_LOG_GROUP, _BUCKET, _STREAM))
        # Such parts of a path are dropped on the way, and the request's signature is wrong then.
        good = good and not {".", ".."} & set(text.split("/"))
    else:
        known = scheme.removesuffix("https").removesuffix("http") in _HTTP_SCHEMES
        good = known and _URL.fullmatch(text) is not None
    if not good:
        raise ValueError
    return text


RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""AWS: PutRetentionPolicy, retentionInDays."""


def read_retention_days(text: str) -> int:
    """Reads a retention that CloudWatch Logs offers."""
    days = int(text)
    if days not in RETENTION_DAYS:
        raise ValueError
    return days


def read_interval_ms(text: str) -> int:
    """Reads a duration that is long enough to fetch settings at."""
    interval_ms = read_duration_ms(text)
    if interval_ms < MIN_REFRESH_INTERVAL_MS:
        raise ValueError
    return interval_ms


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_FIELD = re.compile(r"[\x20-\x7e\t]*")


def read_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Reads ``NAME=VALUE``, several separated by commas; names and values as RFC 9110 allows them."""
    headers = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not _TOKEN.fullmatch(name) or not _FIELD.fullmatch(value):
            raise ValueError
        headers.append((name, value))
    return tuple(headers)


class Pace(NamedTuple):
    """So many in so long.

    Attributes:
        invocations: at least 1.
        per_ms: at least 1.
    """

    invocations: int
    per_ms: int


_PACE = re.compile(r"([0-9]{1,9})\s*/\s*([0-9]{0,6})\s*(s|m|h)")

_PACE_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}


def read_pace(text: str) -> Pace:
    """Reads ``120/m``, ``1/10s`` or ``5/h``."""
    match = _PACE.fullmatch(text)
    if match is None:
        raise ValueError
    count, per_ms = int(match.group(1)), int(match.group(2) or 1) * _PACE_MS[match.group(3)]
    if not count or not per_ms:
        raise ValueError
    return Pace(count, per_ms)


MIN_METRICS_INTERVAL_MS = 10_000
"""A line has 1.1 KB (measured), which CloudWatch bills, and metrics have a minute's resolution in any case."""

MAX_METRICS_INTERVAL_MS = 3_600_000
"""Beyond that an alarm on them would come too late to be one."""

_METRICS_INTERVAL = re.compile(r"([0-9]{1,6})\s*(s|m|h)")


def read_metrics_interval_ms(text: str) -> int:
    """Reads ``off``, which is 0, or how often metrics are written: ``30s``, ``1m``, ``1h``."""
    if text.lower() == "off":
        return 0
    match = _METRICS_INTERVAL.fullmatch(text)
    interval_ms = int(match.group(1)) * _PACE_MS[match.group(2)] if match else 0
    if not MIN_METRICS_INTERVAL_MS <= interval_ms <= MAX_METRICS_INTERVAL_MS:
        raise ValueError
    return interval_ms


SAME_RATE = "SAMPLE_RATE"


def read_level_rate(text: str) -> float | None:
    """Reads a rate; None for the one of all other lines."""
    return None if text.upper() == SAME_RATE else read_rate(text)


def read_share(text: str) -> float:
    """Reads a share above 0, up to 1, or a percentage."""
    share = read_rate(text)
    if not share:
        raise ValueError
    return share


MIN_MARKER_CHARS = 4

_MARKER = re.compile(r"[^\"\\\x00-\x1f\x7f]+")


def read_marker(text: str) -> str:
    """Reads a marker: text that stands in a line of JSON as it stands in any other."""
    if len(text) < MIN_MARKER_CHARS or not text.isascii() or not _MARKER.fullmatch(text):
        raise ValueError
    return text


def read_fields(text: str) -> tuple[str, ...]:
    """Reads names of fields, separated by commas; ``none`` for no field at all."""
    names = tuple(name.strip() for name in text.split(","))
    if text.lower() == "none":
        return ()
    if not all(name.isascii() and _MARKER.fullmatch(name) for name in names):
        raise ValueError
    return names


MAX_HISTORY = 100


def read_history(text: str) -> int:
    """Reads a number of invocations."""
    count = int(text)
    if not 0 <= count <= MAX_HISTORY:
        raise ValueError
    return count
