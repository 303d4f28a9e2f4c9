"""Read the level of a JSON line, under the names and on the scales that loggers use.

Pure. A word or a number is believed only where a log line would have it, because configurations, findings and game scores
have members of the same names.
"""

from functools import lru_cache

from extension.levels.level import LEVEL_NAMES, PLAIN_NAMES, Level, level_of_word

Members = dict[str, object]

_WORD_KEYS = (
    "level",
    "severity",
    "loglevel",  # Python's runtime client: log_level; ECS: log.level; .NET: LogLevel
    "severitytext",  # OpenTelemetry
    "levelname",  # Python; Monolog: level_name; GELF: _level_name
    "lvl",  # log15
    "slevel",  # Dazn's powertools, beside a number on their own scale
    "@l",  # Serilog
    "@level",  # hclog
    "l",  # zap
    "status",  # Datadog
    "priority",
)
"""By how they are believed, and without case and separators, as :func:`plain_key` writes them."""

_ALONE = ("level", "severity")
"""A plain word such as ``error`` is believed here whatever stands beside it."""

_NESTED = (
    ("log", "level"),  # ECS, as Spring Boot writes it
    ("record", "level"),  # loguru
    ("@fields", "level"),  # winston's logstash format
    ("@fields", "levelname"),  # logstash-formatter
    ("context", "logLevel"),  # roarr
    ("_meta", "logLevelName"),  # tslog
)

_MESSAGES = frozenset(
    (
        *("message", "msg", "event", "body", "text", "shortmessage", "logformat"),
        *("errormessage", "renderedmessage", "@message", "@m", "@mt", "messagetemplate"),
    )
)
_TIMES = frozenset(("time", "timestamp", "ts", "t", "@timestamp", "@t", "datetime", "asctime"))

_USUAL = {form(name): level for name, level in PLAIN_NAMES.items() for form in (str, str.upper)}
"""What most lines have under ``level``."""

_PINO = (Level.TRACE, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)
"""10 to 60, of pino, bunyan and roarr."""
_PYTHON = (Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)
"""10 to 50, of Python's logging; logback's ``level_value`` is a thousand times that, from 5000 for TRACE."""
SYSLOG = (*[Level.FATAL] * 3, Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)
"""0 to 7 (RFC 5424, table 2)."""
_MONOLOG = {100: Level.DEBUG, 200: Level.INFO, 250: Level.INFO, 300: Level.WARN, 400: Level.ERROR}
_MONOLOG |= dict.fromkeys((500, 550, 600), Level.FATAL)

_STEP = 10
_LOGBACK_STEP = 10_000
_OTEL_STEP = 4
_OTEL_MAX = 24


def level_of_object(line: Members) -> Level | None:
    """Read the level of a JSON line; None where nothing tells it."""
    word = line.get("level")
    if isinstance(word, str) and word in _USUAL and "_aws" not in line:
        return _USUAL[word]
    members: Members = {}
    for key, value in line.items():
        members.setdefault(plain_key(key), value)
    if "level" in line:
        members["level"] = line["level"]
    if "_aws" in line or "CloudWatchMetrics" in line:
        _leave_out_metrics(members, line.get("_aws", line))
    return _by_word(members) or _by_number(members) or _nested(line, members) or _by_outcome(line)


@lru_cache(maxsize=2048)
def plain_key(key: str) -> str:
    """Write a member's name without case and without ``_``, ``-`` and ``.``: ``log.level`` and ``LogLevel`` are one name."""
    return key.lower().replace("_", "").replace("-", "").replace(".", "")


def number_of(value: object) -> int | None:
    """Read a whole number, also as text or as a float such as 50.0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 6 else None  # noqa: PLR2004 - a scale's digits
    return int(value) if value == value // 1 else None


def _by_word(members: Members) -> Level | None:
    for key in _WORD_KEYS:
        value = members.get(key)
        if isinstance(value, dict):
            value = value.get("name", value.get("levelStr"))  # Twisted; log4js
        if isinstance(value, str) and (level := level_of_word(value)) is not None:
            word = value.strip().lower()
            if (key in _ALONE and word in PLAIN_NAMES) or _is_logged(members, key, word):
                return level
    return None


def _is_logged(members: Members, key: str, word: str) -> bool:
    """Tell whether a level stands in what looks like a log line."""
    if not _MESSAGES.isdisjoint(members):
        return key not in ("status", "priority") or word in LEVEL_NAMES
    timed = not _TIMES.isdisjoint(members)
    return timed and (key == "level" or (word in PLAIN_NAMES and key not in ("status", "priority")))


def _by_number(members: Members) -> Level | None:
    number = number_of(members.get("severitynumber"))  # OpenTelemetry
    if number is not None and 1 <= number <= _OTEL_MAX:
        return tuple(Level)[(number - 1) // _OTEL_STEP]
    number = number_of(members.get("levelno"))
    if number is not None and number >= _STEP:
        return _on_scale(_PYTHON, number)
    number = number_of(members.get("levelvalue"))
    if number is not None and number >= _LOGBACK_STEP // 2:
        return Level.TRACE if number < _LOGBACK_STEP else _on_scale(_PYTHON, number // 1000)
    for key in ("level", "lvl", "loglevel"):
        number = number_of(members.get(key))
        if number is not None:
            return _by_neighbours(members, number)
    number = number_of(members.get("priority"))  # journald
    if number is not None and number < len(SYSLOG) and "message" in members:
        return SYSLOG[number]
    return None


def _by_neighbours(members: Members, number: int) -> Level | None:
    """Read the number of ``level`` on the scale of the logger that writes what stands beside it."""
    if number < len(SYSLOG):
        is_gelf = "shortmessage" in members or ("version" in members and "host" in members)
        return SYSLOG[number] if is_gelf and number >= 0 else None
    is_pino = "v" in members or "msg" in members or ("pid" in members and "hostname" in members)
    if is_pino or isinstance(members.get("time"), (int, float)):
        return _on_scale(_PINO, number) if number <= _STEP * len(_PINO) else None
    if "message" not in members:
        return None
    if number in _MONOLOG:
        return _MONOLOG[number]
    is_python = number % _STEP == 0 and number <= _STEP * len(_PYTHON)
    return _on_scale(_PYTHON, number) if is_python else None


def _on_scale(scale: tuple[Level, ...], number: int) -> Level | None:
    at = number // _STEP - 1
    return scale[min(at, len(scale) - 1)] if at >= 0 else None


def _nested(line: Members, members: Members) -> Level | None:
    for outer, inner in _NESTED:
        inside = line.get(outer)
        value = inside.get(inner) if isinstance(inside, dict) else None
        if isinstance(value, dict):
            value = value.get("name")
        if isinstance(value, str) and (level := level_of_word(value)) is not None:
            return level
        number = number_of(value)
        if number is not None and not _MESSAGES.isdisjoint(members):
            return _on_scale(_PINO, number)
    return None


def _by_outcome(line: Members) -> Level | None:
    # eliot logs actions, and says how they ended instead of a level.
    failed = line.get("action_status") == "failed" and "exception" in line
    return Level.ERROR if failed or line.get("message_type") == "eliot:traceback" else None


def _leave_out_metrics(members: Members, metadata: object) -> None:
    """Leave out what the embedded metric format names as a metric or a dimension (AWS: EMF specification)."""
    directives = metadata.get("CloudWatchMetrics") if isinstance(metadata, dict) else None
    for directive in directives if isinstance(directives, list) else ():
        if not isinstance(directive, dict):
            continue
        for names in directive.get("Dimensions") or ():
            for name in names if isinstance(names, list) else ():
                members.pop(plain_key(str(name)), None)
        for metric in directive.get("Metrics") or ():
            if isinstance(metric, dict):
                members.pop(plain_key(str(metric.get("Name"))), None)
