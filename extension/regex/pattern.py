"""Run regular expressions of users in time linear in the text.

Python's ``re`` tries one way after another; hostile text makes it try exponentially many. Here a finite automaton runs
the pattern, which Python's own parser reads.

Promises: ``search`` agrees with ``re.search``, and ``matches`` with ``re.finditer``: the leftmost match, and among these
the preferred one, so that ``.*?`` stops early. One thing differs: empty matches are left out. Constructs that are not
regular are refused: backreferences, lookaround, atomic groups and possessive repetition. Pure.

Threads may share a pattern. An automaton grows while it is used, so each thread that searches has one of its own.
"""

import threading

from extension.regex.automaton import Automaton, Match
from extension.regex.syntax import SECRET_GROUP, read_expression


class _Own(threading.local):
    """Automaton of one thread; None until that thread needs one."""

    automaton: Automaton | None = None


class Pattern:
    """A compiled pattern; threads may share it."""

    def __init__(self, pattern: str, *, group: str = SECRET_GROUP) -> None:
        """Compile a pattern; raise ValueError as :func:`extension.regex.syntax.read_expression` does.

        ``group`` names the group whose part of each match is meant.
        """
        self._expression = read_expression(pattern, group=group)
        self.pattern = pattern
        self.needles = self._expression.needles
        self._own = _Own()

    @property
    def has_group(self) -> bool:
        """Whether the pattern has the group that is asked for."""
        return self._expression.meant is not None

    @property
    def _automaton(self) -> Automaton:
        automaton = self._own.automaton
        if automaton is None:
            # Made here: a function waits while settings are read, and most lines need no automaton.
            automaton = self._own.automaton = Automaton(self._expression)
        return automaton

    def search(self, text: str) -> bool:
        """Tell whether the text holds a match."""
        may_match = self.needles is None or self.needles.may_be_in(text)
        return may_match and self._automaton.finds(text)

    def matches(self, text: str) -> list[Match]:
        """Return the non-empty matches, in order."""
        return list(self._automaton.matches(text)) if self.search(text) else []
