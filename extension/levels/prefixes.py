"""Read what stands before a text line's message: the level, the request id, and where the message begins.

A runtime's interface client puts a prefix of its own before what the function writes. Some loggers mark theirs by its first
characters. All others are read by :mod:`extension.levels.grammar`.

Pure. Each form was captured from the program that writes it; ``tests/captured`` and ``tests/data`` have the lines.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from extension.levels.forms import (
    CLOCK,
    DATE,
    DAY,
    LOGGER,
    LOOKED_AT_CHARS,
    MONTH,
    NODE,
    NOTHING,
    PYTHON,
    RUBY,
    TIME,
    UUID,
    Prefix,
)
from extension.levels.grammar import PAIRS, Grammar
from extension.levels.level import LEVEL_NAMES, SHORT_NAMES, Level
from extension.levels.objects import SYSLOG

_Match = re.Match[str]

_FIRST_PAIR_CHARS = 12  # timestamp=

# A time of 24 characters, the id (none in init), the level: Node.js, .NET, LLRT.
_NODE = rf"[ -~]{{4}}-[ -~]{{19}}\t({UUID}|undefined|-|)\t([A-Za-z]{{3,11}})\t"
_PYTHON = rf"\[([A-Z]{{4,8}})\]\t[^\t\r\n]{{1,30}}\t({UUID})?\t"
_PYTHON_ALONE = rf"\[([A-Z]{{4,8}})\]\t[0-9TZ:.-]{{1,30}}\t{UUID}\t(?!\{{)"
"""The same, before text that is no JSON."""
_PYTHON_IN_BATCH = rb"\[([A-Z]{4,8})\]\\t[0-9TZ:.-]{1,30}\\t([0-9a-f-]{36})\\t(?!\{)"
"""The same, with its tabs as they stand in JSON."""
DOTNET_STARTS = frozenset((b"warn: ", b"info: ", b"dbug: ", b"trce: "))
_DOTNET_JSON = rb"\](?:[ \x80-\xff]|\\(?:[nrt]|u001e|u00a0|ufeff|u001b\[[\d;]*[A-Za-z]))*\{"
""".NET's console logger writes the message on a line of its own, behind blanks. If that is JSON, it has a level of its own."""
_RUBY = rf"[A-Z], \[{TIME}[^\]\r\n]{{0,30}}\] +([A-Z]{{3,9}}) (?:({UUID}) )?"
_BREF = rf"({UUID})\t(?=Invoke Error\t\{{)"


def _of_syslog(match: _Match) -> Level | None:
    number = int(match[1])
    return SYSLOG[number % len(SYSLOG)] if number < 24 * len(SYSLOG) else None


def _of_php(match: _Match) -> Level | None:
    word = match[1].lower()
    return Level.ERROR if word.endswith("error") else LEVEL_NAMES.get(word, Level.WARN)


def _of_letter(match: _Match) -> Level | None:
    return Level.FATAL if match[1] == "C" else SHORT_NAMES[match[1].lower()]


def _of_word(match: _Match) -> Level | None:
    return LEVEL_NAMES.get(match[1].lower())


_MARKED: tuple[tuple[str, str, Callable[[_Match], Level | None]], ...] = (
    ("<", r"<(\d{1,3})>", _of_syslog),  # RFC 5424, 6.2.1, and systemd's sd-daemon(3)
    ("DIWECF", r"([DIWECF])(?:\d{4})?\d{4} \d\d:\d\d:\d\d\.\d{1,9} ", _of_letter),  # glog
    ("[", rf"\[([DIWECF]) (?:\d{{6}}|{DATE}) {CLOCK} [^\]\r\n]{{1,60}}\] ", _of_letter),  # Tornado
    (
        "[P",
        r"(?:\[[^\]\r\n]{1,40}\] )?PHP (Fatal error|Parse error|Warning|Notice|Deprecated): ",
        _of_php,
    ),
    ("tdiwfc", r"(trce|dbug|info|warn|fail|crit): [\w.`+]+\[\d+\]", _of_word),  # .NET's console
    ("a", r"at=([A-Z]+) ", _of_word),  # logfmter
    # log4j's BasicConfigurator, log4cxx: milliseconds since the start.
    (
        "0123456789",
        r"(?=[\d ]{1,5}\[|\d{5})\d{1,9} {1,4}\[[^\]\r\n]{1,60}\] +([A-Z]{4,5}) +[\w.]",
        _of_word,
    ),
    ("ewid", r"(error|warning|info|debug)\([\w.]{2,40}\): ", _of_word),  # Zig
)
"""Forms that their first characters name, those characters, and how their level is read."""

STARTS = (
    r"|.{4}-|\d{4}[/.]|\d\d?[:/.-]|(?:1\d|20)\d{3}|\d\d [A-Z]|\d[\d ]{0,4}\["  # times
    r"|" + MONTH + r" [ \d]\d|" + DAY + r"(?:,| [A-Z])"
    r"|[A-Z][A-Z\d,]"  # a level in capitals; glog; Ruby
    r"|\w{1,4}  |[\w.@-]{1,5}=|timest|severi|log_le|logger|caller|dateti"
    r"|error[:(]|fatal:|debug[:(]|warn:|warnin|info[:(]|verbos|trce: |dbug: |fail: |crit: "
    r"|Error |Critic|Init e|Reques|No pub|thread"  # of runtimes and of Lambda
)
"""What a line may begin with that has a prefix, or is a runtime's word, beside brackets, white space and signs."""

_MAY_BEGIN = r"[\[{<\x00-\x20]|[^\x00-\x7f]" + STARTS


def prefix_of(text: str) -> Prefix:
    """Read the prefix of a text line without colours; ``NOTHING`` where it has none."""
    if text[36:37] == "\t" and (match := _compiled(_BREF).match(text)):
        return Prefix(None, match[1], match.end(), LOGGER)
    if _compiled(_MAY_BEGIN).match(text) is None:
        return NOTHING
    head = text[:LOOKED_AT_CHARS]
    return _of_runtime(head) or _marked(head) or Grammar(head).read()


def of_python(text: str) -> _Match | None:
    """Match a line of Python's client, in the form that it nearly always has, up to a message that is no JSON."""
    return _compiled(_PYTHON_ALONE).match(text)


def python_in_batch(line: bytes) -> tuple[Level, bytes] | None:
    """Read the level and the id of such a line as it stands in a batch; None for any other line."""
    told = _in_batch().match(line)
    level = _level_named(told[1]) if told else None
    return None if told is None or level is None else (level, told[2])


def dotnet_has_json(line: bytes) -> bool:
    """Tell whether .NET's console logger says JSON in a line as it stands in a batch."""
    return line[:6] in DOTNET_STARTS and _dotnet_json().search(line) is not None


@cache
def _dotnet_json() -> re.Pattern[bytes]:
    return re.compile(_DOTNET_JSON)


@cache
def _in_batch() -> re.Pattern[bytes]:
    return re.compile(_PYTHON_IN_BATCH)


@lru_cache(maxsize=64)
def _level_named(word: bytes) -> Level | None:
    return LEVEL_NAMES.get(word.decode().lower())


def _of_runtime(head: str) -> Prefix | None:
    if head[24:25] == "\t" and (match := _compiled(_NODE).match(head)):
        request_id = match[1] if len(match[1]) > len("undefined") else ""
        return Prefix(LEVEL_NAMES.get(match[2].lower()), request_id, match.end(), NODE)
    if "]\t" in head[:12] and (match := _compiled(_PYTHON).match(head)):
        level = LEVEL_NAMES.get(match[1].lower())
        return Prefix(level, match[2] or "", match.end(), PYTHON)
    if head.startswith(", [", 1) and (match := _compiled(_RUBY).match(head)):
        level = LEVEL_NAMES.get(match[1].lower())
        return Prefix(level, match[2] or "", match.end(), RUBY)
    return None


def _marked(head: str) -> Prefix | None:
    for firsts, pattern, level_of in _MARKED:
        if head[:1] in firsts and (match := _compiled(pattern).match(head)):
            level = level_of(match)
            if level is not None:
                return Prefix(level, "", match.end(), LOGGER)
    match = _compiled(PAIRS).match(head) if "=" in head[:_FIRST_PAIR_CHARS] else None
    level = _of_word(match) if match else None
    return Prefix(level, "", match.end(), LOGGER) if match and level is not None else None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
