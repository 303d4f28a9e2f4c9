"""Describe a problem with a setting in words. Pure."""

from extension.config.settings import Problem


def fault_text(problem: Problem) -> str:
    """Describe the problem where no other value is used instead; without a full stop.

    Values that may hold a secret are not in the text, as they are not in the problem.
    """
    if not problem.accepted:
        return f"{problem.variable}: {problem.fault}"
    if problem.fault:
        return f"{problem.variable} cannot be used: {problem.fault}"
    return f"{_assigned(problem)} cannot be used; accepted: {problem.accepted}"


def problem_text(problem: Problem) -> str:
    """Describe the problem and its consequence."""
    if not problem.accepted:
        return f"{problem.variable}: {problem.fault}. It has no effect."
    if problem.fault:
        return f"{problem.variable}: {problem.fault}. Consequence: {problem.used}."
    return f"{_assigned(problem)} cannot be used. Accepted: {problem.accepted}. Used instead: {problem.used}."


def _assigned(problem: Problem) -> str:
    return f"{problem.variable}={problem.value}" if problem.value else problem.variable
