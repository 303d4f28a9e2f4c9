"""Severity levels, and the words and numbers by which loggers name them."""

import re
from collections.abc import Callable
from enum import IntEnum


class Level(IntEnum):
    """Number severities as OpenTelemetry's log data model does (SeverityNumber)."""

    TRACE = 1
    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21


LevelReader = Callable[[str], "Level | None"]
"""Reads the level of a line's text, by LEVEL_PATTERN."""

OFF = 100
"""ERROR_LEVEL above every level: no line's level makes an invocation a failed one."""

PLAIN_NAMES: dict[str, Level] = {
    **dict.fromkeys(("trace", "verbose"), Level.TRACE),
    "debug": Level.DEBUG,
    **dict.fromkeys(("info", "information"), Level.INFO),
    **dict.fromkeys(("warn", "warning", "warni"), Level.WARN),
    **dict.fromkeys(("error", "err", "eror"), Level.ERROR),
    "fatal": Level.FATAL,
}
"""Words that mean a level wherever a level may stand. log15 (Go) writes ``eror``, and Pyramid's format cuts after five."""

SHORT_NAMES: dict[str, Level] = {
    **dict.fromkeys(("trc", "t"), Level.TRACE),
    **dict.fromkeys(("dbg", "debu", "debg", "d"), Level.DEBUG),
    **dict.fromkeys(("inf", "i", "log", "http", "success", "ok"), Level.INFO),
    **dict.fromkeys(("wrn", "w"), Level.WARN),
    **dict.fromkeys(("erro", "e"), Level.ERROR),
    **dict.fromkeys(("ftl", "fata", "pani", "f", "shout"), Level.FATAL),
}
"""Words that mean a level only where nothing but a level stands: behind a time, or beside a message. They are of zerolog,
Serilog, logrus, Rust's slog, semantic_logger, NestJS, loguru and Dart."""

LEVEL_NAMES: dict[str, Level] = {
    **PLAIN_NAMES,
    # .NET shortens its levels to four letters in text (aws-lambda-dotnet, ConsoleLoggerWriter).
    **dict.fromkeys(("trce", "finest", "silly"), Level.TRACE),
    **dict.fromkeys(("dbug", "fine", "finer"), Level.DEBUG),
    **dict.fromkeys(("informational", "notice", "config"), Level.INFO),
    **dict.fromkeys(("fail", "severe"), Level.ERROR),
    **dict.fromkeys(
        ("critical", "crit", "criti", "alert", "emerg", "emergency", "panic", "dpanic"), Level.FATAL
    ),
}
"""Words by which a runtime or a logger names a level. Some of them are topics as well, such as ``alert``."""

_COLOURS = r"\x1b\[[0-9;]*[A-Za-z]"
_OFFSET = r"([A-Z]+)[+-][0-9]{1,3}"
"""Go's slog names a level between its own by the distance, such as ``ERROR+4``."""


def level_named(word: object) -> Level | None:
    """Read a level's name in any case, such as ``Warning``; None for anything else."""
    return LEVEL_NAMES.get(word.strip().lower()) if isinstance(word, str) else None


def level_of_word(word: str) -> Level | None:
    """Read what stands as the value of a level: a name, coloured or not, or one of slog's such as ``ERROR+4``."""
    if "\x1b" in word:
        word = without_colours(word)
    if match := re.fullmatch(_OFFSET, word):
        word = match.group(1)
    key = word.strip().lower()
    return LEVEL_NAMES.get(key) or SHORT_NAMES.get(key)


def without_colours(text: str) -> str:
    """Leave out the escape sequences by which terminals change colours (ECMA-48, SGR)."""
    return re.sub(_COLOURS, "", text)
