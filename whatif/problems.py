"""What is wrong with a setting, in words for whoever has set it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.config import PREFIX
from extension.settings import SETTINGS

if TYPE_CHECKING:
    from extension.config import Problem

__all__ = ["fault_text", "problem_text"]

_NAMES = frozenset(setting.name for setting in SETTINGS)
_PATTERN = "pattern "
"""What :mod:`extension.config` begins with where one of several patterns is at fault."""


def fault_text(problem: Problem) -> str:
    """Say what is wrong, for where nothing is used instead; without a full stop.

    Values that may hold a secret are not in it, as they are not in the problem.
    """
    if _is_unknown(problem):
        return f"{problem.variable}: {problem.accepted}"
    if _is_pattern(problem):
        return f"{problem.variable} cannot be used: {problem.accepted}"
    return f"{_assigned(problem)} cannot be used: accepted is {problem.accepted}"


def problem_text(problem: Problem) -> str:
    """Say what is wrong, and what the extension does then."""
    if _is_unknown(problem):
        return f"{problem.variable}: {problem.accepted}; it has no effect."
    if _is_pattern(problem):
        return f"{problem.variable}, {problem.accepted}. Because of that {problem.used}."
    return f"{_assigned(problem)}: accepted is {problem.accepted}; used is {problem.used}."


def _assigned(problem: Problem) -> str:
    return f"{problem.variable}={problem.value}" if problem.value else problem.variable


def _is_unknown(problem: Problem) -> bool:
    return problem.variable.removeprefix(PREFIX) not in _NAMES


def _is_pattern(problem: Problem) -> bool:
    return not problem.value and problem.accepted.startswith(_PATTERN)
