"""Make the settings under which invocations with a sign of failure would be kept.

Pure.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple

from extension import PREFIX
from extension.config.parsers import read_pattern
from extension.config.settings import read_settings
from whatif.model.signs import SIGNS, Sign
from whatif.replay.grid import Point

LEVEL_SIGN = Sign("a line at ERROR", "", "")
"""A line whose level the extension reads, and that ERROR_LEVEL lets pass."""


class Suggestion(NamedTuple):
    """The settings that keep what shows some signs.

    Attributes:
        signs: The signs, as far as one pattern can hold all of them.
        changed: Each changed setting without its prefix, with its value.
        variables: All variables.
    """

    signs: tuple[Sign, ...]
    changed: Mapping[str, str]
    variables: Mapping[str, str]


def suggestion_of(own: Point, signs: Collection[Sign] = (LEVEL_SIGN, *SIGNS)) -> Suggestion:
    """Return the user's own settings, changed so that they keep what shows one of the signs."""
    known: list[Sign] = []
    changed: dict[str, str] = {}
    # The value of a reference is unknown here, and no pattern.
    given = own.variables.get(f"{PREFIX}ERROR_PATTERN", "").strip()
    pattern = "" if "ERROR_PATTERN" in own.settings.unresolved else given
    for sign in signs:
        if not sign.pattern:
            if lets_errors_pass(own):
                known.append(sign)
                changed["ERROR_LEVEL"] = "ERROR"
            continue
        longer = f"{pattern}|{sign.pattern}" if pattern else sign.pattern
        if _is_accepted(longer):
            known.append(sign)
            pattern = changed["ERROR_PATTERN"] = longer
    variables = {f"{PREFIX}{name}": value for name, value in changed.items()}
    return Suggestion(tuple(known), changed, {**own.variables, **variables})


def lets_errors_pass(own: Point) -> bool:
    """Tell whether a line at ERROR makes no failed invocation."""
    usual, _ = read_settings({f"{PREFIX}ERROR_LEVEL": "ERROR"})
    return own.settings.error_level > usual.error_level


@cache
def _is_accepted(pattern: str) -> bool:
    """Return whether the pattern is within the bounds of the extension's engine."""
    try:
        read_pattern(pattern)
    except ValueError:
        return False
    return True
