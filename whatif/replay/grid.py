"""Which settings to try: the user's own, and those that a grid spans over any of them.

Pure: variables are passed in. Values are read by :func:`extension.config.settings.read_settings`, as the extension reads them.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from extension import PREFIX
from extension.config.settings import Settings, read_settings
from extension.config.variables import SETTINGS
from whatif.model.problems import fault_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extension.config.variables import Setting

__all__ = ["DEFAULT_RATES", "MAX_POINTS", "REPLAYED", "GridError", "Point", "grid_of", "read_axis"]

DEFAULT_RATES = ("0", "1%", "5%", "10%", "100%")
REPLAYED = (
    *("SAMPLE_RATE", "SAMPLE_RATE_TRACE", "SAMPLE_RATE_DEBUG", "SAMPLE_RATE_INFO"),
    *("SAMPLE_RATE_WARN", "CORRELATION_FIELDS", "ERROR_LEVEL", "ERROR_PATTERN", "KEEP_MARKER"),
    *("KEEP_COLD_STARTS", "KEEP_SLOWER_THAN", "KEEP_MEMORY_ABOVE", "KEEP_AT_LEAST"),
    *("KEEP_AT_MOST", "HISTORY", "REDACT", "EXCLUDE", "BUFFER_SIZE", "PLATFORM_EVENTS"),
)
"""What decides what is kept. The others say where that goes and when, and whether there is an extension at all."""

MAX_POINTS = 32
"""Each is a recorder of its own for each environment."""

_COMMA = re.compile(r"(?<!\\),")


class GridError(Exception):
    """A setting, or a value of one, that cannot be used; the message says which and what is accepted."""


class Point(NamedTuple):
    """One set of settings.

    Attributes:
        label: What sets it apart from the others.
        settings: As the extension reads them.
        variables: That they are read from.
        is_own: Whether it is what the user has set.
    """

    label: str
    settings: Settings
    variables: Mapping[str, str]
    is_own: bool


def read_axis(text: str) -> tuple[str, list[str]]:
    r"""Read ``NAME=VALUE[,VALUE...]``, the name with or without its prefix; ``\,`` is a comma within a value.

    Raises:
        GridError: There is no such setting, or no value.
    """
    name, equals, values = text.partition("=")
    name = name.strip().removeprefix(PREFIX).upper()
    if not equals:
        raise GridError(f"--set takes NAME=VALUE[,VALUE...], and not {text!r}")
    known = [setting.name for setting in SETTINGS]
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"perhaps {close[0]} was meant" if close else f"there are {', '.join(known)}"
        raise GridError(f"there is no setting {name}; {hint}")
    if name not in REPLAYED:
        raise GridError(f"a replay is the same whatever {name} is; try {', '.join(REPLAYED)}")
    return name, [value.replace("\\,", ",").strip() for value in _COMMA.split(values)]


def grid_of(environ: Mapping[str, str], axes: Sequence[tuple[str, Sequence[str]]]) -> list[Point]:
    """Give the user's own settings and the grid's, each once.

    Args:
        environ: The variables that the function has; others are ignored.
        axes: Settings, without their prefix, and the values of each; SAMPLE_RATE has some of its own if it is none of
            them.

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
        raise GridError(f"that is a grid of {total}; {MAX_POINTS} settings at a time are the most")
    relevant = {
        name: value for name, value in environ.items() if name.startswith((PREFIX, "AWS_LAMBDA_"))
    }
    own = _point(_OWN if _sets_any(environ) else _DEFAULTS, relevant, is_own=True)
    points = [own]
    for values_of_point in product(*spans.values()):
        chosen = dict(zip(spans, values_of_point, strict=True))
        variables = {PREFIX + name: value for name, value in chosen.items()}
        point = _point(_label(chosen, spans), {**relevant, **variables}, is_own=False)
        if _key(point) == _key(own):
            points.append(point._replace(label=f"{point.label} ({own.label})", is_own=True))
        elif all(_key(point) != _key(other) for other in points[1:]):
            points.append(point)
    return points if not any(point.is_own for point in points[1:]) else points[1:]


_PATTERNS = ("redact", "exclude", "error_pattern")


def _key(point: Point) -> tuple[Settings, list[str]]:
    """Give what two points that come to the same have in common: patterns are compared as they are written."""
    written = [
        point.variables.get(PREFIX + setting.name, "").strip()
        for setting in SETTINGS
        if setting.field in _PATTERNS
    ]
    return point.settings._replace(redact=None, exclude=None, error_pattern=None), written


_OWN = "as set"
_DEFAULTS = "default"


def _sets_any(environ: Mapping[str, str]) -> bool:
    return any(name.startswith(PREFIX) for name in environ)


def _label(chosen: Mapping[str, str], spans: Mapping[str, Sequence[str]]) -> str:
    return " ".join(f"{name}={_shown(name, value, spans[name])}" for name, value in chosen.items())


def _shown(name: str, value: str, among: Sequence[str]) -> str:
    """Give a value as it may be shown: if it may hold a secret, by its place among those that are tried."""
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
