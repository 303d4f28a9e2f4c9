"""Read the patterns of REDACT and EXCLUDE."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from extension.redaction.presets import PRESETS, Span
from extension.regex.pattern import Pattern

MASK = "[REDACTED]"

_NAMES = re.compile(r"[a-z]+(?:-[a-z]+)*(?: *, *[a-z]+(?:-[a-z]+)*)*")


class Mask(NamedTuple):
    """A pattern and the text that replaces its matches."""

    linear: Pattern
    text: str = MASK
    meant: Callable[[str], list[Span]] | None = None
    telltale: re.Pattern[bytes] | None = None


class Patterns(NamedTuple):
    """Value of REDACT or EXCLUDE: patterns that can be used, and why not for each other; never that pattern itself."""

    masks: tuple[Mask, ...] = ()
    problems: tuple[str, ...] = ()


def read_patterns(text: str) -> Patterns:
    """Parse REDACT: names of presets, separated by commas, or one regular expression, or a JSON array of both.

    A value that looks like names is read as names, so that a misspelled name does not become a pattern that never
    matches. To mask a mere word, write ``(word)``.
    """
    return _read(text, _redactions)


def read_exclusions(text: str) -> Patterns:
    """Parse EXCLUDE: one regular expression, or a JSON array of them."""
    return _read(text, lambda item: [Mask(Pattern(item))])


def _read(text: str, read: Callable[[str], list[Mask]]) -> Patterns:
    masks: list[Mask] = []
    problems = []
    for number, item in enumerate(_items(text), 1):
        try:
            masks += read(item)
        except ValueError as error:  # noqa: PERF203 - a pattern that fails must not stop the others
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
    return [text]


def _redactions(item: str) -> list[Mask]:
    if not _NAMES.fullmatch(item):
        return [Mask(Pattern(item))]
    return [mask for name in item.split(",") for mask in _presets_named(name.strip())]


def _presets_named(name: str) -> list[Mask]:
    if name == "all":
        return [mask for each in PRESETS for mask in _presets_named(each)]
    found = next((each for each in PRESETS if name in {each, each.removesuffix("s")}), None)
    if found is None:
        raise ValueError("no preset has this name; a mere word to be masked is written (word)")
    return [
        Mask(Pattern(preset.pattern), f"[REDACTED:{found}]", preset.meant, preset.telltale)
        for preset in PRESETS[found]
    ]
