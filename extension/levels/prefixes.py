"""Read what stands before a text line's message: the level, the request id, and where the message begins.

A runtime's interface client puts a prefix of its own before what the function writes. Some loggers mark theirs by its first
characters. All others are read by :mod:`extension.levels.grammar`.

Pure. Each form was captured from the program that writes it; ``tests/captured`` and ``tests/data`` have the lines.
"""

import re
from collections.abc import Callable

from extension.levels.forms import (
    CLOCK,
    DATE,
    LOGGER,
    LOOKED_AT_CHARS,
    NODE,
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

# A time of 24 characters, the id (none in init), the level: Node.js, .NET, LLRT.
_NODE = rf"[^\t\r\n]{{4}}-[^\t\r\n]{{19}}\t({UUID}|undefined|-|)\t([A-Za-z]{{3,11}})\t"
_PYTHON = rf"\[([A-Z]{{4,8}})\]\t[^\t\r\n]{{1,30}}\t({UUID})?\t"
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


_MARKED: tuple[tuple[str, Callable[[_Match], Level | None]], ...] = (
    (r"<(\d{1,3})>", _of_syslog),  # RFC 5424, 6.2.1, and systemd's sd-daemon(3)
    (r"([DIWECF])(?:\d{4})?\d{4} \d\d:\d\d:\d\d\.\d{1,9} ", _of_letter),  # glog
    (rf"\[([DIWECF]) (?:\d{{6}}|{DATE}) {CLOCK} [^\]\r\n]{{1,60}}\] ", _of_letter),  # Tornado
    (
        r"(?:\[[^\]\r\n]{1,40}\] )?PHP (Fatal error|Parse error|Warning|Notice|Deprecated): ",
        _of_php,
    ),
    (r"(trce|dbug|info|warn|fail|crit): [\w.`+]+\[\d+\]", _of_word),  # .NET's console
    (r"at=([A-Z]+) ", _of_word),  # logfmter
    # log4j's BasicConfigurator, log4cxx: milliseconds since the start.
    (r"(?=[\d ]{1,5}\[|\d{5})\d{1,9} {1,4}\[[^\]\r\n]{1,60}\] +([A-Z]{4,5}) +[\w.]", _of_word),
    (r"(error|warning|info|debug)\([\w.]{2,40}\): ", _of_word),  # Zig
    (PAIRS, _of_word),
)
"""Forms whose first characters name them, and how their level is read."""


def prefix_of(text: str) -> Prefix:
    """Read the prefix of a text line without colours; ``NOTHING`` where it has none."""
    head = text[:LOOKED_AT_CHARS]
    if match := re.match(_NODE, head, re.ASCII):
        request_id = match[1] if len(match[1]) > len("undefined") else ""
        return Prefix(LEVEL_NAMES.get(match[2].lower()), request_id, match.end(), NODE)
    for pattern, writer in ((_PYTHON, PYTHON), (_RUBY, RUBY)):
        if match := re.match(pattern, head, re.ASCII):
            level = LEVEL_NAMES.get(match[1].lower())
            return Prefix(level, match[2] or "", match.end(), writer)
    if match := re.match(_BREF, head, re.ASCII):
        return Prefix(None, match[1], match.end(), LOGGER)
    for pattern, level_of in _MARKED:
        if (match := re.match(pattern, head, re.ASCII)) and (level := level_of(match)) is not None:
            return Prefix(level, "", match.end(), LOGGER)
    return Grammar(head).read()
