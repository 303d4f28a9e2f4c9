"""Judge text lines by their first bytes, as they stand in a batch: can they have a level, or a request id, that matters?

Pure but for what it remembers of beginnings, in bounds, which changes no answer; one thread reads batches, and no other one asks.
Every answer is that of :mod:`extension.levels.prefixes`, or "it may matter", which only costs time.
"""

import json
import re
from collections.abc import Callable
from functools import cache, lru_cache
from operator import itemgetter

from extension.levels.forms import LOGGER, LOOKED_AT_CHARS, NODE, RUBY, SAYS, TIME_HEAD
from extension.levels.grammar import BEHIND_SYMBOL, FIRST_WORDS
from extension.levels.level import LEVEL_NAMES, SHORT_NAMES, Level
from extension.levels.prefixes import (
    DOTNET_STARTS,
    STARTS,
    dotnet_has_json,
    prefix_of,
    python_in_batch,
)

START_BYTES = 6
"""Of a line, by which most lines are passed by. Lines of one statement share them."""

MAX_REMEMBERED = 4096
"""Starts, and beginnings. A function writes some dozens; each costs some 100 bytes."""

_FIFTH = itemgetter(4)
_DASH = ord("-")
_NODE_TIME_BYTES = 24  # 2026-11-24T12:00:00.000Z

MIN_ALIKE = 4
"""Lines, from which on it pays to look for what is alike in them."""

_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)

START = itemgetter(slice(0, START_BYTES))

_MAY_BEGIN_PREFIX = (
    rb"[\[{<\\ \x80-\xff]"  # JSON, brackets, syslog; an escape, white space or a byte order mark before them
    + STARTS.encode()
    + rb"|[^\"\\]{1,5}\\"  # a colour may follow
)

_WORD_OR_NUMBER = (
    rb"[03-9]\d{5}|(?!warnin|timest|severi|logger|caller|dateti|verbos|thread)[a-z]{6}"
)
"""Most starts that may not begin a prefix, told by a quicker pattern."""

_WORDS_OR_NUMBERS = rb"(?:" + _WORD_OR_NUMBER + rb")(?:\n(?:" + _WORD_OR_NUMBER + rb"))*"
"""The same of many starts, one a line."""

_SAYS_BEHIND_TIME = rb"(?:\]|:)? *" + SAYS
_SAYS_BEHIND_TOPIC = rb"\[([A-Za-z][\w./# -]{0,40})\] *" + SAYS
_WORD_IN_CAPITALS = rb"([A-Z]{2}\w*)(?![\w=.$/-]|  )"
_NO_SIGN = (
    rb"\\\"|<(?!\d{1,3}>)"
    rb"|Error (?!raised from handler method)|Critic(?!al exception from handler)"
    rb"|Init e(?!rror when loading handler)|Reques(?!tId: )|No pub(?!lic method)|thread(?! ')|[A-Z]?[a-z]+\\[^u]|\d{5,7} [a-z]"
)
_ESCAPE = b"\\u001b"
_COLOURED_BYTES = 64
_BEFORE_JSON = (b"\xef\xbb\xbf", b"\xc2\xa0")
_DASHED = rb"[a-z]{4}-[a-z]"
_NOT_ASCII = bytes(range(0x80, 0x100))
_PADDED_LEVEL = BEHIND_SYMBOL.encode()
_NO_PAIR = rb"(?![A-Z]+[-.@])[\w.@-]{1,10}="
"""A level in capitals may have a dash behind it."""
_LEVEL_PAIR = rb"(?:level|lvl|severity)="
_OTHERS = frozenset(("php", "lambda_warning", "shout", "err"))

_LEAST, _LONGEST, _STEP = 12, 512, 4
_WINDOWS: tuple[int, ...] = (*range(_LEAST, 72, _STEP), 96, 128, 192, 256, _LONGEST)
"""Lengths at which a beginning is tried. The shortest one that tells a batch's first line mostly tells them all, and holds
little of their messages, so that they are alike."""
_TIMED_MARK = b"\0"
"""Before what is remembered of a beginning whose time is left out. A byte that JSON does not contain."""
_SHORTEST_REST = 2
_REST_WITH_ID = 72
_PYTHON_START = "]\t"
_SPAN = "Lambda runtime invoke{"
_QUOTED_JSON = ('msg="{', 'message="{')
"""As slog writes what Go's client reports."""

_Judgement = tuple[Level, str]
_Filter = Callable[[list[bytes], bytes, int], "list[bytes] | None"]

_harmless_starts: set[bytes] = set()
_judged: dict[bytes, _Judgement | None] = {}
_least_windows: dict[bytes, int] = {}


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def lines_are_plain(
    lines: list[bytes], starts: set[bytes], open_id: bytes, careful_from: int
) -> bool:
    """Tell whether text lines certainly have no level from ``careful_from`` on, and no other id than ``open_id``.

    A line may be followed by more bytes of the batch, from its closing quote on. ``starts`` are those of the lines. JSON
    lines are never plain here.
    """
    if not starts.isdisjoint(DOTNET_STARTS) and any(map(dotnet_has_json, lines)):
        return False
    suspects = _suspicious(starts)
    if not suspects:
        return True
    if len(suspects) < len(starts):
        lines = [line for line in lines if START(line) in suspects]
    others: tuple[_Filter, ...] = (_without_those_alike, _without_tabbed)
    # Other loggers' lines are seldom among those of Node.js's client.
    for without in (_without_pythons, *(others[::-1] if _is_tabbed(lines[0]) else others)):
        left = without(lines, open_id, careful_from)
        if not left:
            return left is not None
        lines = left
    return _heads_are_plain(lines, open_id.decode("utf-8", "replace"), careful_from)


# Each of these returns the lines that are still to be judged; None if one matters.


def _without_pythons(lines: list[bytes], open_id: bytes, careful_from: int) -> list[bytes] | None:
    if not lines[0].startswith(b"[") or _is_of_python(lines[0], open_id, careful_from) is None:
        return lines
    told = [_is_of_python(line, open_id, careful_from) for line in lines]
    if False in told:
        return None
    return [line for line, is_plain in zip(lines, told, strict=True) if is_plain is None]


def _without_tabbed(lines: list[bytes], open_id: bytes, careful_from: int) -> list[bytes] | None:
    tabbed = [line for line in lines if _is_tabbed(line)]
    if not tabbed:
        return lines
    if not tabbed_are_plain(tabbed, open_id, careful_from):
        return None
    return [line for line in lines if not _is_tabbed(line)]


def _without_those_alike(
    lines: list[bytes], open_id: bytes, careful_from: int
) -> list[bytes] | None:
    """Judge lines of one logger, which differ in their times and their messages: what is between these is read once."""
    if len(lines) < MIN_ALIKE:
        return lines
    first = lines[0]
    head = _compiled(TIME_HEAD).match(first)
    end, lead = (head.end(), head[1]) if head else (0, b"")
    if head:
        times = b"".join(map(itemgetter(slice(0, end)), lines))
        if times.translate(_ZEROS) != first[:end].translate(_ZEROS) * len(lines):
            return lines
    says = _compiled(_SAYS_BEHIND_TIME).match
    said = says(first, end) if head and not lead else None
    size = said.end() - end if said else _least_window(first, end)
    if size == _LONGEST:
        return lines  # The first one tells nothing about the others.
    cut = itemgetter(slice(end, end + size))
    undecided = set()
    current = open_id.decode("utf-8", "replace")
    for key in set(map(cut, lines)):
        if said and says(key):
            continue
        mark = _TIMED_MARK + lead if head else b""
        judgement = _judge(mark + key, first[:end] + key)
        if judgement is None:
            undecided.add(key)
        elif _matters(judgement, current, careful_from):
            return None
    return [line for line in lines if cut(line) in undecided] if undecided else []


def _is_tabbed(line: bytes) -> bool:
    return line.startswith(b"\\t", _NODE_TIME_BYTES)


def are_alike(lines: list[bytes], open_id: bytes, careful_from: int) -> bool:
    """Tell whether all lines are of one logger, begin with times of one form, and are plain."""
    is_timed = _compiled(TIME_HEAD).match(lines[0])
    return is_timed is not None and _without_those_alike(lines, open_id, careful_from) == []


def line_is_plain(line: bytes, open_id: bytes, careful_from: int) -> bool:
    """Tell the same of one line."""
    told = _is_of_python(line, open_id, careful_from) if line.startswith(b"[") else None
    starts = {START(line)}
    return lines_are_plain([line], starts, open_id, careful_from) if told is None else told


def _is_of_python(line: bytes, open_id: bytes, careful_from: int) -> bool | None:
    """Tell whether a line of Python's client is plain; None if it is none of these, or may hold JSON."""
    told = python_in_batch(line)
    return None if told is None else told[0] < careful_from and told[1] == open_id


def tabbed_are_plain(lines: list[bytes], open_id: bytes, careful_from: int) -> bool:
    """Judge lines of which each has a time, an id and a level between tabs, as Node.js and .NET write them."""
    before = b"\\t" + open_id + b"\\t"
    body_at = lines[0].find(b"\\t", _NODE_TIME_BYTES + len(before)) + 2
    # All but the last line of a batch are longer than that.
    is_short = len(lines[0]) <= body_at or len(lines[-1]) <= _NODE_TIME_BYTES
    if not open_id or is_short or not lines[0].startswith(before, _NODE_TIME_BYTES):
        return False
    # An escape within the time would move what stands behind it.
    if set(map(_FIFTH, lines)) != {_DASH}:
        return False
    cut = itemgetter(slice(_NODE_TIME_BYTES, body_at + START_BYTES))
    every = set(map(cut, lines))
    starts = {columns[-START_BYTES:] for columns in every}
    suspects = _suspicious(starts)
    usual, size = cut(lines[0])[:-START_BYTES], body_at + START_BYTES - _NODE_TIME_BYTES
    least, most, last = min(every), max(every), cut(lines[-1])
    # What begins the first and the last in order begins all, so that one of them is read for all.
    if not suspects and least.startswith(usual) and most.startswith(usual) and len(last) == size:
        every = {last}
    for columns in every:
        word, tab, body = columns[len(before) :].partition(b"\\t")
        level = LEVEL_NAMES.get(word.decode("utf-8", "replace").lower())
        if not tab or level is None or level >= careful_from or not columns.startswith(before):
            return False
        is_whole = len(columns) == size
        if is_whole and columns.startswith(usual) and columns[-START_BYTES:] not in suspects:
            continue
        if len(body) < START_BYTES or may_begin_prefix(body):
            at = _NODE_TIME_BYTES + len(columns) - len(body)
            bodies = [line[at:] for line in lines if cut(line) == columns]
            if not lines_are_plain(bodies, set(map(START, bodies)), open_id, careful_from):
                return False
    return True


def may_begin_prefix(start: bytes) -> bool:
    """Tell whether the first bytes of a text may begin a prefix or JSON."""
    return bool(_suspicious({start[:START_BYTES]}))


def harmless_of(starts: set[bytes]) -> set[bytes]:
    """Return the starts of ``START_BYTES`` that certainly begin no prefix."""
    return starts - _suspicious(starts)


def _suspicious(starts: set[bytes]) -> set[bytes]:
    unknown = starts - _harmless_starts
    if not unknown:
        return unknown
    match, is_word = _compiled(_MAY_BEGIN_PREFIX).match, _compiled(_WORD_OR_NUMBER).fullmatch
    joined = b"\n".join(unknown)
    if _compiled(_WORDS_OR_NUMBERS).fullmatch(joined):
        # One call for all: messages that begin with a number or a name of their own are all different.
        suspects = set()
    else:
        suspects = {start for start in unknown if not is_word(start) and match(start)}
    if len(_harmless_starts) > MAX_REMEMBERED:
        _harmless_starts.clear()
    _harmless_starts.update(unknown - suspects)
    return suspects


def _heads_are_plain(lines: list[bytes], open_id: str, careful_from: int) -> bool:
    """Judge lines that may begin with a prefix one by one."""
    sizes = iter(_WINDOWS)
    size = next(sizes)
    seen: set[bytes] = set()
    for line in lines:
        if line.startswith(b"{"):
            return False
        unread = _unread(line)
        if unread is None:
            continue
        mark, end = unread
        while (key := mark + line[end : end + size]) not in seen:
            judgement = _judge(key, line[: end + size])
            if judgement is None:
                size = next(sizes, 0)
                if not size:
                    return False
            elif _matters(judgement, open_id, careful_from):
                return False
            else:
                seen.add(key)
    return True


def _unread(line: bytes) -> tuple[bytes, int] | None:
    """Return what marks a line's beginning, and where its time ends; None if it certainly has no prefix."""
    if line.startswith(b"[") and (topic := _compiled(_SAYS_BEHIND_TOPIC).match(line)):
        return (b"", 0) if _is_level(topic[1]) else None
    head = _compiled(TIME_HEAD).match(line)
    if head is None:
        has_none = _has_no_symbol if line[:1] >= b"\x80" else _has_no_prefix
        return None if has_none(line) else (b"", 0)
    if not head[1] and _compiled(_SAYS_BEHIND_TIME).match(line, head.end()):
        return None
    return _TIMED_MARK + head[1], head.end()


def _least_window(line: bytes, end: int) -> int:
    """Return how much of a line behind its time tells its prefix, by halving; what a line like it took is remembered."""
    known = line[end : end + _LEAST]
    size = _least_windows.get(known)
    if size is None:
        least, most = 1, _LONGEST
        while least < most:
            middle = (least + most) // 2
            if _read(line[: end + middle]) is None:
                least = middle + 1
            else:
                most = middle
        if len(_least_windows) > MAX_REMEMBERED:
            _least_windows.clear()
        size = _least_windows[known] = most
    return size


def _matters(judgement: _Judgement, open_id: str, careful_from: int) -> bool:
    level, request_id = judgement
    return level >= careful_from or request_id not in ("", open_id)


def _judge(key: bytes, beginning: bytes) -> _Judgement | None:
    """Read the beginning of a line, or remember how one like it was read."""
    if key in _judged:
        return _judged[key]
    if len(_judged) > MAX_REMEMBERED:
        _judged.clear()
    judgement = _judged[key] = _read(beginning)
    return judgement


@lru_cache(maxsize=256)
def _is_level(topic: bytes) -> bool:
    word = topic.decode("utf-8", "replace").split(" ")[0].lower()
    return word in LEVEL_NAMES or word in SHORT_NAMES


def _has_no_prefix(line: bytes) -> bool:
    """Recognise a line that begins like a prefix, and certainly has none."""
    if _ESCAPE in line[:_COLOURED_BYTES]:
        return False
    if match := _compiled(_WORD_IN_CAPITALS).match(line):
        word = match[1].decode().lower()
        return word not in FIRST_WORDS and word not in _OTHERS
    if line.startswith(b" "):
        return _compiled(_MAY_BEGIN_PREFIX).match(line.lstrip(b" ")) is None
    if _compiled(_DASHED).match(line):
        return b"\\" not in line[: _NODE_TIME_BYTES + 2]
    return _has_no_sign(line)


def _has_no_sign(line: bytes) -> bool:
    if _compiled(_NO_PAIR).match(line):
        level = _compiled(_LEVEL_PAIR).search(line, 0, 2 * LOOKED_AT_CHARS)
        return level is None and not line.startswith(b"at=")
    return _compiled(_NO_SIGN).match(line) is not None


def _has_no_symbol(line: bytes) -> bool:
    """Recognise a line that begins beyond ASCII: with a letter, or with a sign and no level behind it."""
    if _ESCAPE in line[:_COLOURED_BYTES] or line.startswith(_BEFORE_JSON):
        return False
    rest = line.lstrip(_NOT_ASCII)
    behind = rest.lstrip(b" ")
    if behind == rest or behind[:1] >= b"\x80":
        return True  # A letter; or a second sign, behind which no logger writes a level.
    if _compiled(_PADDED_LEVEL).match(behind):
        return False
    return _compiled(_MAY_BEGIN_PREFIX).match(behind) is None or _has_no_prefix(behind)


def _read(raw: bytes) -> _Judgement | None:
    """Read the level and the id from the beginning of a line; None unless more of the line could change neither."""
    inside = _compiled(rb'(?:[^"\\]|\\(?:u[0-9a-fA-F]{4}|[^u]))*').match(raw)
    if inside is None:
        return None
    is_whole = raw[inside.end() : inside.end() + 1] == b'"'
    try:
        text = json.loads('"' + inside[0].decode("utf-8", "replace") + '"', strict=False)
    except ValueError:
        return None
    prefix = prefix_of(text)
    if prefix.level is None or prefix.writer == NODE or "\x1b" in text:
        return None
    rest = text[prefix.end :].lstrip(" \t\r\n\ufeff\u00a0\x1e")
    if rest.startswith(("{", *_QUOTED_JSON)):
        return None
    if not is_whole:
        has_id_behind = prefix.writer == RUBY or (prefix.writer == LOGGER and _PYTHON_START in text)
        least = _REST_WITH_ID if has_id_behind else _SHORTEST_REST
        may_go_on = rest.startswith(_SPAN[: len(rest)]) or any(
            one.startswith(rest) for one in _QUOTED_JSON
        )
        if len(rest) < least or may_go_on:
            return None
    return prefix.level, prefix.request_id
