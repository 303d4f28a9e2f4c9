"""REDACT and EXCLUDE: what is masked before a line leaves, and which lines are never recorded.

Promises: what matches is masked wherever it stands in a line, in JSON also behind escapes and in numbers, and a JSON line
stays one; where nothing matches, a line stays byte for byte. When in doubt more is masked: a pattern that cannot be used, a
search that would take too long and an error of our own mask the whole line. Pure.
"""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from .linear import Linear
from .presets import PRESETS

MASK = "[REDACTED]"

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
"""Strings and numbers of JSON text; linear, since no alternative begins like another."""

_RECORD = b'"record":'


class Mask(NamedTuple):
    """One pattern, and what stands in the place of what it finds."""

    linear: Linear
    text: str
    meant: Callable[[str], tuple[int, int] | None] | None = None


class Patterns(NamedTuple):
    """What a setting asks for.

    Attributes:
        masks: what could be read.
        problems: why the rest could not, a sentence each; never the pattern itself, which may hold a secret.
    """

    masks: tuple[Mask, ...] = ()
    problems: tuple[str, ...] = ()


NOTHING = Patterns()


def read_patterns(text: str) -> Patterns:
    """Reads REDACT or EXCLUDE.

    Either names of presets, separated by commas; or one regular expression; or a JSON array of both.
    """
    items = _items(text)
    masks: list[Mask] = []
    problems = []
    for number, item in enumerate(items, 1):
        presets = PRESETS.get(item)
        try:
            if presets is not None:
                masks += [Mask(Linear(p.pattern), f"[REDACTED:{item}]", p.meant) for p in presets]
            else:
                masks.append(Mask(Linear(item), MASK))
        except ValueError as error:
            problems.append(f"pattern {number}: {error}")
    return Patterns(tuple(masks), tuple(problems))


def _items(text: str) -> list[str]:
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return [one for one in listed if one]
    names = [name.strip() for name in text.split(",")]
    if names == ["all"]:
        return list(PRESETS)
    return names if all(name in PRESETS for name in names) else [text]


class Redactor:
    """Masks lines."""

    __slots__ = ("_masks", "_masks_all")

    def __init__(self, patterns: Patterns) -> None:
        """Takes patterns; if one of them could not be read, nothing leaves unmasked."""
        self._masks = patterns.masks
        self._masks_all = bool(patterns.problems)

    def redact(self, event: bytes) -> bytes:
        """Gives the JSON of one ``function`` event with what is to be masked in its record masked."""
        if self._masks_all:
            return mask_all(event)
        try:
            return self._redact(event)
        except Exception:  # noqa: BLE001 - whatever it is, it must not let a secret out
            return mask_all(event)

    def _redact(self, event: bytes) -> bytes:
        text = event.decode("utf-8")
        at = text.find('"record":') + len(_RECORD)
        end = text.rindex("}")
        head, record, tail = text[:at], text[at:end], text[end:]
        if json.loads(text)["record"] != json.loads(record):
            raise ValueError  # The record is not last, so it is not known where it ends.
        masked = self._json_text(record)
        return event if masked == record else (head + masked + tail).encode()

    def _json_text(self, text: str) -> str:
        """Masks JSON text: each string and number by itself, then what is found across them."""

        def token(match: re.Match[str]) -> str:
            written = match.group()
            value = json.loads(written)
            if not isinstance(value, str):
                masked = self._masked(written)
                return written if masked == written else json.dumps(masked)
            masked = self._json_or_text(value)
            return written if masked == value else json.dumps(masked, ensure_ascii=False)

        masked = _TOKEN.sub(token, text)
        across = self._masked(masked)
        if across == masked:
            return masked
        try:
            json.loads(across)
        except ValueError:
            return json.dumps(MASK)
        return across

    def _json_or_text(self, text: str) -> str:
        """Masks text, which may hold JSON: a JSON line in the Text log format, or JSON in a message."""
        if text.lstrip().startswith(("{", "[")):
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                masked = self._json_text(text)
                return MASK if masked == json.dumps(MASK) else masked
        return self._masked(text)

    def _masked(self, text: str) -> str:
        for mask in self._masks:
            spans = mask.linear.spans(text)
            if spans is None:
                return mask.text
            for start, end in reversed(spans):
                if mask.meant is not None:
                    meant = mask.meant(text[start:end])
                    if meant is None:
                        continue
                    start, end = start + meant[0], start + meant[1]  # noqa: PLW2901 - the part that is meant
                text = text[:start] + mask.text + text[end:]
        return text


def mask_all(event: bytes) -> bytes:
    """Gives an event whose whole record is masked."""
    try:
        time = json.loads(event)["time"]
    except (ValueError, KeyError, TypeError, RecursionError):
        time = ""
    masked = {"time": time if isinstance(time, str) else "", "type": "function", "record": MASK}
    return json.dumps(masked, separators=(",", ":")).encode()


class Excluder:
    """Tells which lines are never recorded."""

    __slots__ = ("_masks", "_needles")

    def __init__(self, patterns: Patterns) -> None:
        """Takes patterns; one that could not be read excludes nothing."""
        self._masks = patterns.masks
        needs = [mask.linear.needs for mask in patterns.masks]
        # As they stand in a batch, where Go's encoder escapes what may end an HTML script as well.
        plain = all(needs) and all(
            needle.isascii()
            and json.dumps(needle) == f'"{needle}"'
            and not set(needle) & set("<>&")
            for each in needs
            for needle in each
        )
        self._needles = [needle.encode() for each in needs for needle in each] if plain else None

    def may_match(self, raw: bytes) -> bool:
        """Tells whether any line of a batch may be one: quick, and in doubt true."""
        if not self._masks:
            return False
        return self._needles is None or any(needle in raw for needle in self._needles)

    def excludes(self, event: bytes) -> bool:
        """Tells of the JSON of one event whether its line is excluded."""
        try:
            record = json.loads(event)["record"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        return any(mask.linear.search(text) for mask in self._masks)
