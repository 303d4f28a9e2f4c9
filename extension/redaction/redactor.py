r"""Mask the matches of REDACT's patterns in a line.

Promises: every match in a line is masked. In JSON, patterns match keys, strings and numbers decoded, and also the text
that spans them. A JSON line stays JSON, and every byte outside of masks stays the same. In doubt more is masked: a
pattern that cannot be used, or an error of our own, masks the whole line. JSON in the middle of text counts as text.

Pure. A match may reach from a key to its value, as users see lines. A match in the JSON text does not count if it lies
within one string, where escapes would match. A match that began in a string ends with it:
``password=\S+`` masks nothing behind the string.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from extension.redaction.patterns import MASK, Patterns
from extension.redaction.prefilter import Prefilter
from extension.regex.automaton import Match

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
"""String or number of JSON text. Linear: no two alternatives begin alike."""

_WRITTEN_CHAR = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]",
    re.DOTALL,
)
"""One character of a JSON string, escaped or not (RFC 8259, section 7)."""

_EVENT_BEGIN = b'{"time":"'

_RECORD = '"record":'


class _Edit(NamedTuple):
    """Replacement for a part of a text."""

    start: int
    end: int
    text: str


class Redactor:
    """Masker of lines. It keeps no state, so threads may share it and its patterns."""

    def __init__(self, patterns: Patterns) -> None:
        self._masks = patterns.masks
        self._masks_all = bool(patterns.problems)
        self._prefilter = Prefilter(patterns.masks)

    def redact(self, event: bytes) -> bytes:
        """Return a ``function`` event, as JSON, with the matches in its record masked."""
        if self._masks_all:
            return mask_all(event)
        is_usual = event.startswith(_EVENT_BEGIN) and event.endswith(b"}")
        if is_usual and not self._prefilter.may_hold(event):
            return event
        try:
            return self._redact(event)
        except Exception:  # noqa: BLE001 - no error may let a secret out
            return mask_all(event)

    def _redact(self, event: bytes) -> bytes:
        text = event.decode("utf-8")
        at = text.find(_RECORD) + len(_RECORD)
        end = text.rindex("}")
        record = text[at:end]
        value = json.loads(record)
        if json.loads(text)["record"] != value:
            raise ValueError  # The record is not the last field, so its end is unknown.
        edits = (
            _within_string(record, self._edits(value))
            if isinstance(value, str)
            else self._edits_of_json(record)
        )
        return (text[:at] + _edited(record, edits) + text[end:]).encode() if edits else event

    def _edits(self, text: str) -> list[_Edit]:
        """Find the edits of text that may be JSON: a JSON line in the Text log format, or JSON in JSON."""
        if text.lstrip().startswith(("{", "[")):
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                return self._edits_of_json(text)
        return self._edits_of_text(text)

    def _edits_of_text(self, text: str) -> list[_Edit]:
        return _merged(
            [_Edit(*span, mask) for match, mask in self._found(text) for span in match.meant]
        )

    def _found(self, text: str) -> Iterator[tuple[Match, str]]:
        """Yield the matches in text, each with its mask."""
        for linear, mask, meant, _ in self._masks:
            for match in linear.matches(text):
                if meant is None:
                    yield match, mask
                    continue
                start, end, _ = match
                spans = [(start + first, start + last) for first, last in meant(text[start:end])]
                yield Match(start, end, spans), mask

    def _edits_of_json(self, text: str) -> list[_Edit]:
        tokens = list(_TOKEN.finditer(text))
        own = [self._edits_of_token(token) for token in tokens]
        edits = [edit for each in own for edit in each]
        starts = [token.start() for token in tokens]
        ends = [token.end() for token in tokens]
        places: dict[int, list[int]] = {}
        for match, mask in self._found(text):
            first = bisect_right(ends, match.start)
            if first < len(tokens) and starts[first] <= match.start and match.end <= ends[first]:
                continue
            for start, end in match.meant:
                first = bisect_right(ends, start)
                if first < len(tokens) and _covers(own[first], start):
                    continue
                for number in range(first, bisect_left(starts, end)):
                    written = tokens[number].group()
                    if written[0] != '"':
                        edits.append(_Edit(starts[number], ends[number], json.dumps(mask)))
                        continue
                    if number not in places:
                        places[number] = _places(written)
                    edits += _across(places[number], starts[number] + 1, _Edit(start, end, mask))
        return _merged(edits)

    def _edits_of_token(self, token: re.Match[str]) -> list[_Edit]:
        written, begin = token.group(), token.start()
        if written[0] == '"':
            edits = _within_string(written, self._edits(json.loads(written)))
            return [_Edit(begin + start, begin + end, mask) for start, end, mask in edits]
        found = self._edits_of_text(written)
        return [_Edit(*token.span(), json.dumps(found[0].text))] if found else []


def _covers(edits: list[_Edit], at: int) -> bool:
    before = bisect_right(edits, at, key=lambda edit: edit.start)
    return before > 0 and at < edits[before - 1].end


def _across(places: list[int], begin: int, edit: _Edit) -> list[_Edit]:
    """Cut an edit to a JSON string, and widen it to whole written characters."""
    first = bisect_right(places, max(edit.start - begin, 0)) - 1
    last = bisect_left(places, min(edit.end - begin, places[-1]))
    if first >= last:
        return []
    return [_Edit(begin + places[first], begin + places[last], edit.text)]


def _places(written: str) -> list[int]:
    """Return the offsets of a JSON string's characters behind its quote, and their end."""
    if "\\" not in written:
        return list(range(len(written) - 1))
    starts = [match.start() for match in _WRITTEN_CHAR.finditer(written, 1, len(written) - 1)]
    return [start - 1 for start in starts] + [len(written) - 2]


def _within_string(written: str, edits: list[_Edit]) -> list[_Edit]:
    """Translate edits of a decoded JSON string into edits of the written one."""
    if not edits:
        return []
    begin = 1 + written.index('"')
    at = _places(written[begin - 1 : written.rindex('"') + 1])
    return [
        _Edit(begin + at[start], begin + at[end], json.dumps(text)[1:-1])
        for start, end, text in edits
    ]


def _merged(edits: list[_Edit]) -> list[_Edit]:
    """Sort edits; merge those that overlap into the first."""
    merged: list[_Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if merged and edit.start < merged[-1].end:
            before = merged[-1]
            merged[-1] = before._replace(end=max(before.end, edit.end))
        else:
            merged.append(edit)
    return merged


def _edited(text: str, edits: list[_Edit]) -> str:
    pieces = []
    at = 0
    for start, end, mask in edits:
        pieces += [text[at:start], mask]
        at = end
    return "".join([*pieces, text[at:]])


def mask_all(event: bytes) -> bytes:
    """Return the event with its whole record masked."""
    try:
        time = json.loads(event)["time"]
    except (ValueError, KeyError, TypeError, RecursionError):
        time = ""
    masked = {"time": time if isinstance(time, str) else "", "type": "function", "record": MASK}
    return json.dumps(masked, separators=(",", ":")).encode()
