"""Read the patterns of REDACT and EXCLUDE."""

import json
import re
from typing import NamedTuple

from extension.regex.pattern import Pattern

MASK = "[REDACTED]"

PRESETS = (
    *(
        "aws-keys",
        "bearer-tokens",
        "card-numbers",
        "emails",
        "passwords",
        "private-keys",
        "vendor-tokens",
    ),
)
"""Names of presets. What they find is defined in :mod:`extension.redaction.presets.secrets`, which is loaded for the first line
that may hold a secret."""

_NAMES = re.compile(r"[a-z]+(?:-[a-z]+)*(?: *, *[a-z]+(?:-[a-z]+)*)*")


class Mask(NamedTuple):
    """A pattern of the user's and the text that replaces its matches."""

    linear: Pattern
    text: str = MASK


class Patterns(NamedTuple):
    """Value of REDACT or EXCLUDE.

    Attributes:
        masks: the patterns that can be used.
        problems: for each other pattern why it cannot be used; never that pattern itself.
        presets: names of presets.
    """

    masks: tuple[Mask, ...] = ()
    problems: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()


def read_patterns(text: str) -> Patterns:
    """Parse REDACT: names of presets, separated by commas, or one regular expression, or a JSON array of both.

    A value that looks like names is read as names, so that a misspelled name does not become a pattern that never
    matches. To mask a mere word, write ``(word)``.
    """
    masks: list[Mask] = []
    problems: list[str] = []
    presets: dict[str, None] = {}
    for number, item in enumerate(_items(text), 1):
        try:
            if _NAMES.fullmatch(item):
                presets |= dict.fromkeys(
                    preset for name in item.split(",") for preset in _named(name.strip())
                )
            else:
                masks.append(Mask(Pattern(item)))
        except ValueError as error:  # noqa: PERF203 - a pattern that fails must not stop the others
            problems.append(f"pattern {number}: {error}")
    return Patterns(tuple(masks), tuple(problems), tuple(presets))


def read_exclusions(text: str) -> Patterns:
    """Parse EXCLUDE: one regular expression, or a JSON array of them."""
    masks = []
    problems = []
    for number, item in enumerate(_items(text), 1):
        try:
            masks.append(Mask(Pattern(item)))
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


def _named(name: str) -> list[str]:
    if name == "all":
        return list(PRESETS)
    found = [each for each in PRESETS if name in {each, each.removesuffix("s")}]
    if not found:
        raise ValueError("no preset has this name; a mere word to be masked is written (word)")
    return found
