"""Regular expressions whose cost is linear in the text, whatever the pattern: for patterns that users give.

Python's ``re`` tries one way after another, and hostile text makes it try exponentially many. Here a pattern is read by
Python's own parser (:mod:`extension.regex.syntax`) and run as a finite automaton (:mod:`extension.regex.automaton`).

Promises: ``search`` agrees with ``re.search``, and ``matches`` with ``re.finditer``: leftmost, and of those the most
preferred, so that ``.*?`` stops as soon as it can. Two things are not the same: a match of nothing is left out, and where a
part that is repeated may match nothing, as in ``(a??)*``, the same matches may be divided otherwise. What is not regular
(backreferences, lookaround, atomic groups, possessive repetition) is refused when it is read. Pure.
"""

from extension.regex.automaton import Automaton, Match
from extension.regex.syntax import Needles, read_expression


class Pattern:
    """One compiled pattern, for one thread at a time.

    Attributes:
        pattern: as it was written.
        needles: every match holds one of these; None if that is not known.
    """

    __slots__ = ("_expression", "_made", "needles", "pattern")

    def __init__(self, pattern: str) -> None:
        """Compiles.

        Raises:
            ValueError: it is no regular expression, or needs what cannot be had in linear time.
        """
        self._expression = read_expression(pattern)
        self.pattern = pattern
        self.needles = self._expression.needles
        self._made: Automaton | None = None

    @property
    def _automaton(self) -> Automaton:
        # Settings are read while a function waits; most lines need no automaton.
        if self._made is None:
            self._made = Automaton(self._expression)
        return self._made

    @property
    def worked_out(self) -> int:
        """How many steps were worked out so far, the others being known."""
        return 0 if self._made is None else self._made.worked_out

    def search(self, text: str) -> bool:
        """Tells whether the pattern is found anywhere in the text."""
        return may_hold(text, self.needles) and self._automaton.finds(text)

    def matches(self, text: str) -> list[Match]:
        """Gives the matches that hold at least a character, in order.

        Of a pattern with a group named ``secret`` what that group matched is what is meant of a match.
        """
        return list(self._automaton.matches(text)) if self.search(text) else []


def may_hold(text: str, needles: Needles | None) -> bool:
    """Tells whether any of the needles is in a text; in doubt, true."""
    if needles is None:
        return True
    if needles.any_case:
        if not text.isascii():
            return True  # Some letters beyond ASCII are an s or a k but for their case.
        text = text.lower()
    # A loop, not a generator: this runs for every line.
    for needle in needles.strings:  # noqa: SIM110
        if needle in text:
            return True
    return False
