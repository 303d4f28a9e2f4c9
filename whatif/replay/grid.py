"""Make the sets of settings to replay: the user's own, and a grid of values.

Pure: variables are passed in. The extension's own :func:`extension.config.settings.read_settings` reads the values.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from typing import NamedTuple

from extension import PREFIX
from extension.config.settings import Settings, read_settings
from extension.config.variables import SETTINGS, Setting
from whatif.model.problems import fault_text

DEFAULT_RATES = ("0", "1%", "5%", "10%", "100%")
REPLAYED = (
    *("SAMPLE_RATE", "SAMPLE_RATE_TRACE", "SAMPLE_RATE_DEBUG", "SAMPLE_RATE_INFO"),
    *(
        "SAMPLE_RATE_WARN",
        "CORRELATION_FIELDS",
        "ERROR_LEVEL",
        "ERROR_PATTERN",
        "LEVEL_PATTERN",
        "KEEP_MARKER",
    ),
    *("KEEP_COLD_STARTS", "KEEP_SLOWER_THAN", "KEEP_MEMORY_ABOVE", "KEEP_AT_LEAST"),
    *("KEEP_AT_MOST", "HISTORY", "REDACT", "EXCLUDE", "BUFFER_SIZE", "PLATFORM_EVENTS"),
)
"""Settings that decide which lines are kept. The others concern where and when lines are delivered."""

MAX_POINTS = 32
"""Each set of settings needs a recorder of its own in each environment."""

_COMMA = re.compile(r"(?<!\\),")


class GridError(Exception):
    """A setting or its value cannot be used; the message says which, and the accepted values."""


class Point(NamedTuple):
    """One set of settings.

    Attributes:
        label: Its difference from the others, in words.
        settings: As the extension reads them.
        variables: The variables that they are read from.
        is_own: Whether these are the user's own settings.
    """

    label: str
    settings: Settings
    variables: Mapping[str, str]
    is_own: bool


def read_axis(text: str) -> tuple[str, list[str]]:
    r"""Read ``NAME=VALUE[,VALUE...]``, the name with or without its prefix; ``\,`` is a comma within a value.

    Raises:
        GridError: The setting does not exist, or has no value.
    """
    name, equals, values = text.partition("=")
    name = name.strip().removeprefix(PREFIX).upper()
    if not equals:
        raise GridError(f"--set takes NAME=VALUE[,VALUE...], not {text!r}")
    known = [setting.name for setting in SETTINGS]
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"perhaps {close[0]} was meant" if close else f"there are {', '.join(known)}"
        raise GridError(f"there is no setting {name}; {hint}")
    if name not in REPLAYED:
        raise GridError(f"{name} does not change a replay; try {', '.join(REPLAYED)}")
    return name, [value.replace("\\,", ",").strip() for value in _COMMA.split(values)]


def grid_of(environ: Mapping[str, str], axes: Sequence[tuple[str, Sequence[str]]]) -> list[Point]:
    """Return the user's own settings and those of the grid, each once.

    Args:
        environ: The function's variables; others are ignored.
        axes: Settings without their prefix, with the values of each. SAMPLE_RATE has default values.

    Raises:
        GridError: A value cannot be used, or the grid is too large.
    """
    spans: dict[str, list[str]] = {}
    for name, values in axes:
        spans.setdefault(name, []).extend(values)
    if "SAMPLE_RATE" not in spans:
        spans = {"SAMPLE_RATE": list(DEFAULT_RATES), **spans}
    total = 1
    for values in spans.values():
        total *= len(values)
    if total > MAX_POINTS:
        raise GridError(
            f"the grid has {total} sets of settings; at most {MAX_POINTS} are replayed at a time"
        )
    relevant = {
        name: value for name, value in environ.items() if name.startswith((PREFIX, "AWS_LAMBDA_"))
    }
    own = _point(_OWN if _sets_any(environ) else _DEFAULTS, relevant, is_own=True)
    own_key, keys = _key(own), []
    points: list[Point] = []
    for values_of_point in product(*spans.values()):
        chosen = dict(zip(spans, values_of_point, strict=True))
        variables = {PREFIX + name: value for name, value in chosen.items()}
        point = _point(_label(chosen, spans), {**relevant, **variables}, is_own=False)
        key = _key(point)
        if key == own_key:
            points.append(point._replace(label=f"{point.label} ({own.label})", is_own=True))
        elif key not in keys:
            keys.append(key)
            points.append(point)
    return points if any(point.is_own for point in points) else [own, *points]


_PATTERNS = ("redact", "exclude", "error_pattern", "level_pattern")


def _key(point: Point) -> tuple[Settings, list[str]]:
    """Return a key that equal points share. Patterns are compared as text, since compiled ones never are equal."""
    patterns = [PREFIX + setting.name for setting in SETTINGS if setting.field in _PATTERNS]
    others = {name: value for name, value in point.variables.items() if name not in patterns}
    written = [point.variables.get(name, "").strip() for name in patterns]
    return read_settings(others)[0], written


_OWN = "as set"
_DEFAULTS = "default"


def _sets_any(environ: Mapping[str, str]) -> bool:
    return any(name.startswith(PREFIX) for name in environ)


def _label(chosen: Mapping[str, str], spans: Mapping[str, Sequence[str]]) -> str:
    return " ".join(f"{name}={_shown(name, value, spans[name])}" for name, value in chosen.items())


def _shown(name: str, value: str, among: Sequence[str]) -> str:
    """Return a value for a label; a possible secret is shown by its number in the grid."""
    if not value:
        return "(default)"
    return f"(value {among.index(value) + 1})" if _setting(name).secret else value


def _setting(name: str) -> Setting:
    return next(setting for setting in SETTINGS if setting.name == name)


def _point(label: str, variables: Mapping[str, str], *, is_own: bool) -> Point:
    settings, problems = read_settings(variables)
    if problems:
        raise GridError(fault_text(problems[0]))
    return Point(label, settings, variables, is_own)
