"""What is wrong with a setting, in words for whoever has set it. Pure."""

from extension.config.settings import Problem


def fault_text(problem: Problem) -> str:
    """Say what is wrong, for where nothing is used instead; without a full stop.

    Values that may hold a secret are not in it, as they are not in the problem.
    """
    if not problem.accepted:
        return f"{problem.variable}: {problem.fault}"
    if problem.fault:
        return f"{problem.variable} cannot be used: {problem.fault}"
    return f"{_assigned(problem)} cannot be used: accepted is {problem.accepted}"


def problem_text(problem: Problem) -> str:
    """Say what is wrong, and what the extension does then."""
    if not problem.accepted:
        return f"{problem.variable}: {problem.fault}; it has no effect."
    if problem.fault:
        return f"{problem.variable}, {problem.fault}. Because of that {problem.used}."
    return f"{_assigned(problem)}: accepted is {problem.accepted}; used is {problem.used}."


def _assigned(problem: Problem) -> str:
    return f"{problem.variable}={problem.value}" if problem.value else problem.variable
