"""Run regular expressions of users in time linear in the text.

Python's ``re`` tries one way after another; hostile text makes it try exponentially many. Here Python's own parser reads
a pattern (:mod:`extension.regex.syntax`), and a finite automaton runs it (:mod:`extension.regex.automaton`).

Promises: ``search`` agrees with ``re.search``, and ``matches`` with ``re.finditer``: the leftmost match, and among these
the preferred one, so that ``.*?`` stops early. Two things differ. Empty matches are left out. Where a repeated part may
match nothing, as in ``(a??)*``, the same text may be divided into other matches. Constructs that are not regular are
refused: backreferences, lookaround, atomic groups and possessive repetition. Pure.
"""

from functools import cached_property

from extension.regex.automaton import Automaton, Match
from extension.regex.syntax import Needles, read_expression


class Pattern:
    """A compiled pattern. Used by one thread at a time.

    Attributes:
        pattern: text of the pattern.
        needles: strings of which every match holds one; None if they are not known.
    """

    def __init__(self, pattern: str) -> None:
        """Compile a pattern.

        Raises:
            ValueError: the text is not a regular expression, or cannot run in linear time.
        """
        self._expression = read_expression(pattern)
        self.pattern = pattern
        self.needles = self._expression.needles

    @cached_property
    def _automaton(self) -> Automaton:
        # A function waits while settings are read, and most lines need no automaton.
        return Automaton(self._expression)

    def search(self, text: str) -> bool:
        """Tell whether the text holds a match."""
        return may_hold(text, self.needles) and self._automaton.finds(text)

    def matches(self, text: str) -> list[Match]:
        """Return the non-empty matches, in order.

        If the pattern has a group named ``secret``, the match means the spans of that group.
        """
        return list(self._automaton.matches(text)) if self.search(text) else []


def may_hold(text: str, needles: Needles | None) -> bool:
    """Tell whether a text holds any of the needles; True if that is not known."""
    if needles is None:
        return True
    if needles.any_case:
        if not text.isascii():
            return True  # Some letters beyond ASCII equal s or k but for their case.
        text = text.lower()
    # A loop, not a generator: this runs for every line.
    for needle in needles.strings:  # noqa: SIM110
        if needle in text:
            return True
    return False
