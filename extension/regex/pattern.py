"""Run regular expressions of users in time linear in the text.

Python's ``re`` tries one way after another; hostile text makes it try exponentially many. Here a finite automaton runs
the pattern, which Python's own parser reads.

Promises: ``search`` agrees with ``re.search``, and ``matches`` with ``re.finditer``: the leftmost match, and among these
the preferred one, so that ``.*?`` stops early. Two things differ. Empty matches are left out. Where a repeated part may
match nothing, as in ``(a??)*``, the same text may be divided into other matches. Constructs that are not regular are
refused: backreferences, lookaround, atomic groups and possessive repetition. Pure.
"""

from functools import cached_property

from extension.regex.automaton import Automaton, Match
from extension.regex.syntax import SECRET_GROUP, read_expression


class Pattern:
    """A compiled pattern. Used by one thread at a time."""

    def __init__(self, pattern: str, *, group: str = SECRET_GROUP) -> None:
        """Compile a pattern; raise ValueError as :func:`extension.regex.syntax.read_expression` does.

        ``group`` names the group whose part of each match is meant.
        """
        self._expression = read_expression(pattern, group=group)
        self.pattern = pattern
        self.needles = self._expression.needles

    @property
    def has_group(self) -> bool:
        """Whether the pattern has the group that is asked for."""
        return self._expression.meant is not None

    @cached_property
    def _automaton(self) -> Automaton:
        # A function waits while settings are read, and most lines need no automaton.
        return Automaton(self._expression)

    def search(self, text: str) -> bool:
        """Tell whether the text holds a match."""
        may_match = self.needles is None or self.needles.may_be_in(text)
        return may_match and self._automaton.finds(text)

    def matches(self, text: str) -> list[Match]:
        """Return the non-empty matches, in order."""
        return list(self._automaton.matches(text)) if self.search(text) else []
