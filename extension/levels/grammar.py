"""Read the prefix that a logger writes before a message: some of time, thread, name and level, in an order of its own.

A small grammar reads tokens from the left, and stops at the first word that cannot be one of them. A level word counts only
where loggers put it, so no message is ever searched for a level.

Pure. ``tests/data`` has lines of the loggers that are named here.
"""

import re
from functools import cache

from extension.levels.forms import CLOCK, LOGGER, NOTHING, TIME, UUID, Prefix
from extension.levels.level import LEVEL_NAMES, PLAIN_NAMES, SHORT_NAMES, Level

MAX_TOKENS = 10
"""Before the level. NestJS writes five, Spring Boot one."""

_SIGNS = r"[\u25b6\u203a\u00bb\u2502]"
"""Arrows and a rule of a table, which stand for a dash. go-logging's documentation has one."""

_TOKEN = (
    rf"(?P<time>{TIME})"
    rf"|\[(?P<bracket>[^\[\]\r\n]{{0,80}})\]"
    rf"|<?(?P<id>{UUID})>?"
    r"|<(?P<angle>[A-Za-z]{3,9})>"  # tracer
    r"|(?P<place>[\w./<>-]{1,80}:\d{1,6}:?(?=[ \t]))"  # a file and its line
    r"|(?P<paren>\([^()\r\n]{0,60}\)|\{[\w./:-]{1,60}\})"  # Airflow writes the file in braces
    r"|(?P<pair>[A-Za-z_]\w*=[^\s\"']+)"  # Sidekiq
    r"|(?P<word>[A-Za-z_][\w.$/]*(?:-[\w.$/]+)*)"
    r"|(?P<number>\d+)(?![\w.])"
    rf"|(?P<mark>[|:]|-+|>+|{_SIGNS})"
)
_AFTER_LEVEL = " \t|:]!/[>-\r\n"
_BLANKS = " \t"

PAIRS = (
    r"(?=(?:[\w.@-]{1,5}|timestamp|severity|log_level|logger|caller|datetime)=)"
    r"(?:[\w.@-]{1,40}=(?:\"[^\"\r\n]*\"|'[^'\r\n]*'|[^ \r\n]*) +"
    rf"(?:{CLOCK} +)?){{0,6}}?"  # an ISO time without quotes has two words
    r"(?:level|lvl|severity|log_level)=[\"']?([A-Za-z]+)"
)
"""logfmt, in which the level is one of the first pairs. The first key is one of a few, so that others cost nothing."""
_RUST_SPAN = rf'Lambda runtime invoke\{{requestId="({UUID})"[^}}\r\n]{{0,200}}\}}: '

FIRST_WORDS = (
    PLAIN_NAMES
    | {
        word: LEVEL_NAMES[word]
        for word in (
            "critical",
            "crit",
            "criti",
            "severe",
            "notice",
            "config",
            "fine",
            "finer",
            "finest",
        )
    }
    | {word: SHORT_NAMES[word] for word in ("debu", "debg", "erro", "fata", "pani")}
)
"""In capitals these are a level at a line's start. ``ALERT`` and ``PANIC`` may be the message's first word there."""
_SMALL_FIRST_WORDS = frozenset(("error", "warn", "warning", "info", "debug", "verbose", "fatal"))
"""With a colon behind them these are a level at a line's start (winston)."""
_SHORT_WORDS = frozenset(("trc", "dbg", "inf", "wrn", "ftl"))
_NAME_BEFORE_TIME = rf"\w{{1,4}}  (?={TIME})"  # sanic
_SYMBOL = r"(?:(?:\[[^\]\r\n]{1,40}\] ){1,5}\u203a )?[^\x00-\x7f\w]{1,3} +"
BEHIND_SYMBOL = r"(debug|info|success|warning|error|fatal) {2,}"
"""signale marks its levels with signs, and pads them to a column."""
_NAMED = rf" +(?=[A-Z]{{4,5}} +(?:\[|[\w.$]{{1,80}} +- )|\[[A-Z]{{4,8}} *\])|\[[\w.-]{{1,40}}\]|[ \t]*(?:\||\t| +- | +{_SIGNS})| [\w.-]{{1,40}}\[\d+\]"
"""What follows a name that stands before the level; the last one is a host's before a program's (coloredlogs)."""
_BEHIND_DOTTED = r" +[A-Z]{4,8}[: ]"
"""The same, of a name with dots, as no sentence has one."""
_AFTER_ERR = rf"[!:]| {TIME}"  # npmlog writes ERR!, Nim's chronicles ERR and a time
_LABELLED = r" [\w.-]{1,40} ?:"
"""Swift's logger writes its label and a colon behind the level."""
_TIMED = rf"{TIME}(?:[: ]+([A-Z]{{1,9}})(?:[/ ] *\S+)?)?"
_PIPED = (
    r"([A-Z]{4,8})(?:\|| {1,2})[A-Za-z_][\w.:-]{0,70}"  # transformers; env_logger without a time
)
_MODULE_LEVEL = r"[\w.]{0,60}[#:]([a-z]{3,9})"  # Twisted, Apache


class Grammar:
    """Read a logger's prefix from the left, token by token."""

    def __init__(self, head: str) -> None:
        self._head = head
        self._timed = False
        self._tokens = 0
        self._last = ""
        self._request_id = ""

    def read(self) -> Prefix:
        """Return the prefix up to the level, or up to the message where there is none."""
        head = self._head
        at = len(head) - len(head.lstrip(_BLANKS))
        if match := re.match(_NAME_BEFORE_TIME, head, re.ASCII):
            at = match.end()
        elif not head.isascii() and (match := re.match(_SYMBOL, head)):
            at = match.end()
            if (told := _level_behind_symbol(head, at)) is not None:
                return self._with_level(*told)
        while self._tokens < MAX_TOKENS and (match := _token().match(head, at)):
            kind = match.lastgroup or ""
            level, goes_on = self._take(kind, match)
            at = match.end() if level is not None or goes_on else at
            if level is not None:
                return self._with_level(level, at)
            if not goes_on:
                break
            self._tokens += 1
            self._last = kind
            at += len(head[at:]) - len(head[at:].lstrip(_BLANKS))
        if self._request_id or (self._timed and head[at : at + 1] == "{"):
            return Prefix(None, self._request_id, at, LOGGER)
        return NOTHING

    def _take(self, kind: str, match: re.Match[str]) -> tuple[Level | None, bool]:
        """Return the level that a token is, if it is one, and whether the prefix goes on behind it."""
        token = match.group(kind)
        if kind == "time":
            self._timed = True
        elif kind == "bracket":
            return self._level_in_bracket(token.strip()), True
        elif kind == "angle":
            level = LEVEL_NAMES.get(token.lower()) if self._timed else None
            return level, level is None and self._timed
        elif kind == "word":
            level = self._level_of(token, match.end())
            return level, level is None and self._is_name(token, match.end())
        elif not self._tokens or (kind in ("pair", "place") and not self._timed):
            return None, False  # No logger begins with a number, an id or a separator.
        elif kind == "id":
            self._request_id = self._request_id or token
        elif kind == "paren" and self._timed and token[1:-1].isupper():
            return LEVEL_NAMES.get(token[1:-1].lower()), True
        return None, True

    def _level_of(self, word: str, end: int) -> Level | None:
        after = self._head[end : end + 1] or "\n"
        if after == "=" and self._timed and word in ("level", "lvl", "severity"):
            pair = re.match(PAIRS, self._head[end - len(word) :], re.ASCII)
            return LEVEL_NAMES.get(pair.group(1).lower()) if pair else None
        if after not in _AFTER_LEVEL:
            return None
        if word.isupper():
            return self._level_in_capitals(word.lower(), end)
        if self._timed and after == ":" and ("." in word or "/" in word):
            last = word.split("/")[1] if "/" in word else word.rpartition(".")[2]  # Locust; Monolog
            return LEVEL_NAMES.get(last.lower()) if last.isupper() else None
        return self._level_in_small_letters(word, end, after)

    def _level_in_small_letters(self, word: str, end: int, after: str) -> Level | None:
        if not self._tokens:
            return PLAIN_NAMES[word] if after == ":" and word in _SMALL_FIRST_WORDS else None
        if self._last not in ("time", "bracket") or not word.islower():
            return None
        told = after == ":" or re.match(_LABELLED, self._head[end:]) is not None
        return LEVEL_NAMES.get(word) if told else None

    def _level_in_capitals(self, word: str, end: int) -> Level | None:
        if not self._timed:
            is_short = self._tokens and word in _SHORT_WORDS
            return SHORT_NAMES[word] if is_short else self._first_word(word, end)
        if len(word) == 1 and not self._head.startswith(" [", end):  # semantic_logger
            return None
        return LEVEL_NAMES.get(word) or SHORT_NAMES.get(word)

    def _first_word(self, word: str, end: int) -> Level | None:
        if word == "shout" and self._head.startswith(":", end):
            return SHORT_NAMES[word]  # Dart
        if word == "err" and not self._tokens and not re.match(_AFTER_ERR, self._head[end:]):
            return None
        return FIRST_WORDS.get(word)

    def _level_in_bracket(self, text: str) -> Level | None:
        if re.fullmatch(UUID, text):
            self._request_id = self._request_id or text
            return None
        if match := re.fullmatch(_TIMED, text, re.ASCII):
            self._timed = True
            word = (match.group(1) or "").lower()
            return LEVEL_NAMES.get(word) or SHORT_NAMES.get(word)
        if match := re.fullmatch(_PIPED, text, re.ASCII):
            text = match.group(1)
        word = text.lower()
        if text.isupper():
            names = LEVEL_NAMES | SHORT_NAMES if self._tokens else FIRST_WORDS
            is_short = word in _SHORT_WORDS or word == "err"
            return SHORT_NAMES.get(word) or PLAIN_NAMES.get(word) if is_short else names.get(word)
        if text.islower():
            if self._timed and (match := re.fullmatch(_MODULE_LEVEL, text)):
                word = match.group(1)
            return (LEVEL_NAMES if self._timed else PLAIN_NAMES).get(word)
        if self._timed and text.istitle():  # hertz, fiber, seelog
            return LEVEL_NAMES.get(word) if word in PLAIN_NAMES or word == "critical" else None
        return None

    def _is_name(self, word: str, end: int) -> bool:
        """Tell whether a word is a name before the level, by what stands behind it."""
        pattern = rf"{_NAMED}|{_BEHIND_DOTTED}" if "." in word else _NAMED
        return bool(self._tokens) and re.match(pattern, self._head[end:], re.ASCII) is not None

    def _with_level(self, level: Level, at: int) -> Prefix:
        head = self._head
        at += len(head[at:]) - len(head[at:].lstrip(" \t:|-!"))
        if match := re.match(_RUST_SPAN, head[at:]):
            self._request_id = match.group(1)
            at += match.end()
        return Prefix(level, self._request_id, at, LOGGER)


def _level_behind_symbol(head: str, at: int) -> tuple[Level, int] | None:
    match = re.compile(BEHIND_SYMBOL).match(head, at)
    if match is None:
        return None
    word = match.group(1)
    return PLAIN_NAMES[word] if word in PLAIN_NAMES else SHORT_NAMES[word], match.end()


@cache
def _token() -> re.Pattern[str]:
    return re.compile(_TOKEN, re.ASCII)
