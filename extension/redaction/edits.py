r"""Replace what is found in a text, so that JSON stays JSON and every other byte stays the same.

Patterns of users match keys, strings and numbers decoded, and also the JSON text that spans them: a match may reach from a
key to its value, as users see lines. A match in the JSON text does not count if it lies within one string, where escapes
would match. Presets read the JSON text as it is, with strings that hold escapes left blank, and those strings decoded.
A match that began in a string ends with it: ``password=\S+`` masks nothing behind the string. Pure.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from extension.redaction.patterns import Mask
from extension.redaction.presets.secrets import secrets_in
from extension.regex.automaton import Match

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
"""String or number of JSON text. Linear: no two alternatives begin alike."""

_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
"""One escaped character of a JSON string (RFC 8259, section 7)."""

_FOLLOWS_KEY = re.compile(r"\s*:")
_BLANK = "\0"


class Edit(NamedTuple):
    """Replacement for a part of a text."""

    start: int
    end: int
    text: str


class Searches(NamedTuple):
    """What is searched for in one line: the presets that may find something, and patterns of the user's."""

    presets: frozenset[str]
    masks: tuple[Mask, ...]

    def edits(self, text: str) -> list[Edit]:
        """Return the edits of text that may be JSON: a JSON line in the Text log format, or JSON in JSON."""
        if text.lstrip().startswith(("{", "[")):
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                return self.edits_of_json(text)
        return merged(self._found_in_text(text))

    def edits_of_json(self, text: str) -> list[Edit]:
        """Return the edits of JSON text."""
        if not self.masks and "\\" not in text:
            # Most lines that may hold a secret hold none, and need not be taken apart.
            secrets = list(secrets_in(text, self.presets, is_json=True))
            if not secrets:
                return []
            places = _Places(list(_TOKEN.finditer(text)))
            return merged(
                [
                    edit
                    for start, end, preset in secrets
                    for edit in places.edits(start, end, mask_of(preset))
                ]
            )
        tokens = list(_TOKEN.finditer(text))
        inner = [self._edits_of_token(token) for token in tokens]
        edits = [edit for each in inner for edit in each]
        places = _Places(tokens)
        if self.presets:
            plain = _without_escapes(text, tokens)
            for start, end, preset in secrets_in(plain, self.presets, is_json=True):
                edits += places.edits(start, end, mask_of(preset))
        for match, mask in self._matches(text):
            if places.is_within_one(match.start, match.end):
                continue
            for start, end in match.meant:
                first = bisect_right(places.ends, start)
                if first < len(tokens) and _covers(inner[first], start):
                    continue
                edits += places.edits_of_all(start, end, mask)
        return merged(edits)

    def _edits_of_token(self, token: re.Match[str]) -> list[Edit]:
        written, begin = token.group(), token.start()
        if written[0] != '"':
            mask = next((mask for _, mask in self._matches(written)), None)
            return [Edit(*token.span(), f'"{mask}"')] if mask else []
        if "\\" in written:
            edits = within_string(written, self.edits(json.loads(written)))
        elif self.masks:
            edits = within_string(written, merged(self._own_edits(written[1:-1])))
        else:
            return []
        return [Edit(begin + start, begin + end, mask) for start, end, mask in edits]

    def _found_in_text(self, text: str) -> list[Edit]:
        edits = self._own_edits(text)
        if self.presets:
            edits += [
                Edit(start, end, mask_of(preset))
                for start, end, preset in secrets_in(text, self.presets, is_json=False)
            ]
        return edits

    def _own_edits(self, text: str) -> list[Edit]:
        return [Edit(*span, mask) for match, mask in self._matches(text) for span in match.meant]

    def _matches(self, text: str) -> Iterator[tuple[Match, str]]:
        for linear, mask in self.masks:
            for match in linear.matches(text):
                yield match, mask


def mask_of(preset: str) -> str:
    """Return the text that replaces what a preset finds."""
    return f"[REDACTED:{preset}]"


class _Places:
    """Where the strings and numbers of a JSON text stand."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens = tokens
        self._starts = [token.start() for token in tokens]
        self.ends = [token.end() for token in tokens]
        self._chars: dict[int, list[int]] = {}

    def is_within_one(self, start: int, end: int) -> bool:
        """Tell whether a match lies within one string or number."""
        first = bisect_right(self.ends, start)
        return first < len(self.ends) and self._starts[first] <= start and end <= self.ends[first]

    def edits(self, start: int, end: int, mask: str) -> list[Edit]:
        """Return the edit of the string or number in which a secret begins; it ends with that."""
        return self._edits_from(start, end, mask, bisect_right(self.ends, start), 1)

    def edits_of_all(self, start: int, end: int, mask: str) -> list[Edit]:
        """Return the edits of all strings and numbers that a match reaches."""
        first = bisect_right(self.ends, start)
        return self._edits_from(start, end, mask, first, bisect_left(self._starts, end) - first)

    def _edits_from(self, start: int, end: int, mask: str, first: int, count: int) -> list[Edit]:
        edits: list[Edit] = []
        for number in range(first, min(first + count, len(self._starts))):
            begin = self._starts[number]
            written = self._tokens[number].group()
            if begin >= end:
                break
            if written[0] != '"':
                edits.append(Edit(begin, self.ends[number], f'"{mask}"'))
                continue
            if "\\" in written:
                if number not in self._chars:
                    self._chars[number] = _places(written)
                edits += _across(self._chars[number], begin + 1, Edit(start, end, mask))
                continue
            first_char, last_char = max(start, begin + 1), min(end, self.ends[number] - 1)
            if first_char < last_char:
                edits.append(Edit(first_char, last_char, mask))
        return edits


def _without_escapes(text: str, tokens: list[re.Match[str]]) -> str:
    """Return JSON text with every string that holds an escape left blank; of keys, what they say stays."""
    if "\\" not in text:
        return text
    pieces = []
    at = 0
    for token in tokens:
        written = token.group()
        if "\\" not in written:
            continue
        start, end = token.span()
        said = ""
        if _FOLLOWS_KEY.match(text, end):
            said = re.sub(r'["\\\x00-\x1f]', _BLANK, json.loads(written))
        pieces += [text[at:start], '"', said.ljust(end - start - 2, _BLANK), '"']
        at = end
    return "".join([*pieces, text[at:]])


def _covers(edits: list[Edit], at: int) -> bool:
    before = bisect_right(edits, at, key=lambda edit: edit.start)
    return before > 0 and at < edits[before - 1].end


def _across(places: list[int], begin: int, edit: Edit) -> list[Edit]:
    """Cut an edit to a JSON string, and widen it to whole written characters."""
    first = bisect_right(places, max(edit.start - begin, 0)) - 1
    last = bisect_left(places, min(edit.end - begin, places[-1]))
    if first >= last:
        return []
    return [Edit(begin + places[first], begin + places[last], edit.text)]


def _places(written: str) -> list[int]:
    """Return the offsets of a JSON string's characters behind its quote, and their end."""
    places: list[int] = []
    at = 1
    last = len(written) - 1
    for escape in _ESCAPE.finditer(written, 1, last):
        start, end = escape.span()
        places += range(at - 1, start)
        at = end
    places += range(at - 1, last)
    return places


def within_string(written: str, edits: list[Edit]) -> list[Edit]:
    """Translate edits of a decoded JSON string into edits of the written one."""
    if not edits:
        return []
    begin = 1 + written.index('"')
    if "\\" not in written:
        return [Edit(begin + start, begin + end, _escaped(text)) for start, end, text in edits]
    last = written.rindex('"')
    escapes = _ESCAPE.finditer(written, begin, last)
    escape = next(escapes, None)
    # Characters before the place that was looked at last, and where that is.
    count, at = 0, begin
    found: list[int] = []
    for wanted in [place for edit in edits for place in edit[:2]]:
        while escape is not None and count + escape.start() - at < wanted:
            count += escape.start() - at + 1
            at = escape.end()
            escape = next(escapes, None)
        found.append(at + wanted - count)
    return [
        Edit(found[2 * n], found[2 * n + 1], _escaped(edit.text)) for n, edit in enumerate(edits)
    ]


def _escaped(mask: str) -> str:
    """Escape the quotes of a mask that replaces a number."""
    return json.dumps(mask)[1:-1] if '"' in mask else mask


def merged(edits: list[Edit]) -> list[Edit]:
    """Sort edits; merge those that overlap into the first."""
    result: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if result and edit.start < result[-1].end:
            before = result[-1]
            result[-1] = before._replace(end=max(before.end, edit.end))
        else:
            result.append(edit)
    return result


def edited(text: str, edits: list[Edit]) -> str:
    """Return text with edits applied, which are sorted and do not overlap."""
    pieces = []
    at = 0
    for start, end, mask in edits:
        pieces += [text[at:start], mask]
        at = end
    return "".join([*pieces, text[at:]])
