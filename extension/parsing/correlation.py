"""Find the id by which a function's own JSON lines name the transaction (CORRELATION_FIELDS).

Pure. Only events that hold a field's name are parsed, so most lines cost a part of one search over their batch. A field
counts without regard to case and to hyphens and underscores, so ``X-Correlation-Id`` and ``x_correlation_id`` are one name.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property

from extension.levels.reading import is_wide, objects_in
from extension.model.segment import split_events

MAX_ID_CHARS = 256
"""Every record carries the id, so it must not be a document."""

CURIOUS_BYTES = 256 * 1024
"""About a thousand lines. Where so many name no transaction behind a prefix of text or in capitals, later ones hardly will:
loggers put the name on every line. From then on a line that comes alone is searched for both, and the beginning of an
invocation for what stands behind a prefix. Each further search would cost a dropped line a tenth of a microsecond
(measured)."""

BEGINNING_BYTES = 1024
"""Of an invocation: some five lines."""

_NAMES = (
    "attributes context contextmap ctx data extra fields labels mdc payload properties span tags"
)
_NESTS = frozenset(_NAMES.split())
"""Members in which loggers put a line's fields: OpenTelemetry; Monolog, roarr; log4j2; pino; tslog; Monolog, loguru;
tracing, apex; ECS; logback, Quarkus; pino's nestedKey; Serilog; tracing; Sentry."""

_WRAPS = frozenset(("record", "@fields"))
"""Members that hold a whole line, its nests included: of loguru, and of logstash's first format."""

_BOUNDARY = r"[-_.]+|(?<=[a-z0-9])(?=[A-Z])"

_MAX_WORD_CHARS = 10
"""A longer word may be two that somebody else writes apart, as ``traceparent``. Then its first half is searched."""

_IGNORED = str.maketrans("", "", "-_")


class Correlation:
    """Look for the fields of CORRELATION_FIELDS, in order: the first one that a line has counts."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._names = tuple(dict.fromkeys(_plain(field) for field in fields))
        self._stems = _stems(fields)
        self._as_written = tuple(stem.encode() for stem in self._stems)
        self._capitals = tuple(stem.upper().encode() for stem in self._stems)
        self._in_vain_bytes = 0
        self._one_was_found = False

    def found_in(
        self, raw: bytes, count: int, *, is_text: bool = False, is_beginning: bool = False
    ) -> str:
        """Return the first id that the JSON of ``count`` lines names; empty if they name none.

        Args:
            raw: the events.
            count: how many they are.
            is_text: whether no line is JSON; one may hold JSON behind a prefix all the same.
            is_beginning: whether they are the first of an invocation.
        """
        if is_text and count > 1 and self._is_in_vain():
            # The common case of a function whose lines are text: one search, and no more calls than it needs.
            if not is_beginning or not _any_in(self._as_written, raw[:BEGINNING_BYTES]):
                return ""
        elif not self._may_be_in(raw, count, is_text=is_text):
            return ""
        for event in filter(self._pattern.search, split_events(raw, count)):
            found = self._named_by(event)
            if found:
                self._one_was_found = True
                return found
        return ""

    def _is_in_vain(self) -> bool:
        return self._in_vain_bytes >= CURIOUS_BYTES and not self._one_was_found

    def _may_be_in(self, raw: bytes, count: int, *, is_text: bool) -> bool:
        if not is_text and _any_in(self._as_written, raw):
            return True
        if count > 1 and self._is_in_vain():
            return False
        # What few functions write: a name in capitals, and one behind a prefix of text.
        if (is_text and _any_in(self._as_written, raw)) or _any_in(self._capitals, raw):
            return True
        self._in_vain_bytes += len(raw)
        return False

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        # Compiled on first use: most functions name no transaction.
        return re.compile(b"|".join(dict.fromkeys(_patterns(self._names, self._stems))))

    def _named_by(self, event: bytes) -> str:
        found: dict[str, str] = {}
        for one in objects_in(_record_of(event)):
            for fields in _levels_of(one):
                for key, value in fields.items():
                    name = _plain(key)
                    if name in self._names and name not in found and _is_id(value):
                        found[name] = str(value)[:MAX_ID_CHARS]
        return next((found[name] for name in self._names if name in found), "")


def _record_of(event: bytes) -> object:
    """Return what the function wrote, a wide object as its text; None if the event cannot be read."""
    if is_wide(event):
        # Imported here: few functions write such lines.
        from extension.parsing.wide_lines import text_of

        text = text_of(event)
        if text is not None:
            return text
    try:
        parsed = json.loads(event)
    except (ValueError, RecursionError):
        return None
    return parsed.get("record") if isinstance(parsed, dict) else None


def _levels_of(line: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield a line's object, and the objects in it that hold fields of the same line."""
    wrapped = [value for key, value in line.items() if key in _WRAPS and isinstance(value, dict)]
    for one in (line, *wrapped):
        yield one
        for key, value in one.items():
            if isinstance(value, dict) and _plain(key) in _NESTS:
                yield value


def _is_id(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""


def _plain(name: str) -> str:
    return name.lower().translate(_IGNORED)


def _any_in(needles: tuple[bytes, ...], raw: bytes) -> bool:
    # A loop, not a generator: this runs for every batch.
    for needle in needles:  # noqa: SIM110
        if needle in raw:
            return True
    return False


def _stems(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts to search for, one of which is in each spelling of each name but for capitals.

    A stem lies within a word, behind its first letter, so no other case and no separator can be in it.
    """
    stems = sorted({_stem(field) for field in fields}, key=len)
    return tuple(
        stem for n, stem in enumerate(stems) if not any(other in stem for other in stems[:n])
    )


def _stem(field: str) -> str:
    words = re.split(_BOUNDARY, field)
    word = max(words, key=len).lower()
    if len(words) == 1:
        bare = word.removesuffix("id")
        if bare == word and len(word) > _MAX_WORD_CHARS:
            bare = word[: len(word) // 2]
        word = bare or word
    return word[1:]


def _patterns(names: tuple[str, ...], stems: tuple[str, ...]) -> Iterator[bytes]:
    """Yield a pattern for each name, from its stem on to the quote behind it, which may be escaped."""
    for name in names:
        stem = next(one for one in stems if one in name)
        rest = name.partition(stem)[2] if stem else name
        spelled = "".join(f"[-_]*{_any_case(char)}" for char in rest)
        begins = "|".join(map(re.escape, dict.fromkeys((stem, stem.upper()))))
        yield f'(?:{begins}){spelled}[-_]*["\\\\]'.encode()


def _any_case(char: str) -> str:
    return f"[{char}{char.upper()}]" if char.isascii() and char.isalpha() else re.escape(char)
