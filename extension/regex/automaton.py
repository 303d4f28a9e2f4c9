"""Search text with a finite automaton, in time linear in the text.

The automaton reads a text from its end to its beginning. Its state at a place is the set of the expression's positions
that lead from there to the end of a match. States are made when they are first met, and kept: a character costs one look
into a ``dict``. A second pass, for the places of matches, reads forwards. It never goes back, since the first pass has
found every way that leads to a match (Frisch and Cardelli, "Greedy regular expression matching", 2004).

The bound: a character is one step in each pass. An unknown step takes time in proportion to the expression, whose size is
limited. The number of known steps is limited as well; all are forgotten when the limit is reached. Pure.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from extension.regex import syntax
from extension.regex.syntax import BEGIN, EMPTY, FIRST_POSITION, MATCH, CharacterSet, Expression

MAX_KNOWN_STEPS = 2000
"""Bound for one pattern: each step has at most one state of half a kilobyte, so about a megabyte. Ordinary text needs some
hundreds."""

MAX_KNOWN_CHARACTERS = 4096
"""Bound for one pattern, about 100 bytes each. Chinese text uses some three thousand characters."""

BLOCK_CHARS = 4096
"""Length of a block of text. While matches are placed, the states of one block are in memory."""

_START = "\0"
"""Symbol for the beginning of the text, beside the symbols for characters."""

_PLACE = ""
"""Key of the :class:`_Place` in a state; no symbol is empty."""

_NEWLINE, _WORD, _ASCII_WORD, _LAST_NEWLINE, _OUTSIDE = 1, 2, 4, 8, 16
"""Kinds of character beside a place; ``_OUTSIDE`` is the end of the text."""

_KINDS = (CharacterSet("\n"), CharacterSet(r"\w"), CharacterSet(r"\w", re.ASCII))
"""Character sets of the first three kinds, in the order of their bits."""

_BEGINS = 1 << BEGIN
_FOUND = _BEGINS | 1 << EMPTY


class Match(NamedTuple):
    """Place of a match; ``meant`` holds the spans of the group that is asked for, or the whole match without such a group."""

    start: int
    end: int
    meant: list[tuple[int, int]]


class _Symbols(dict[int, str]):
    """Symbol of each character; characters that the expression cannot tell apart share one.

    Attributes:
        matching: positions that match a symbol, as bits, by symbol.
        kinds: kind of the characters of a symbol, as bits, by symbol.
    """

    def __init__(self, expression: Expression) -> None:
        super().__init__()
        self._set_of = expression.set_of
        self._single: dict[str, int] = {}
        self._tests: list[tuple[int, Any]] = []
        self._first_kind = len(expression.sets)
        sets = (*expression.sets, *(_KINDS if expression.asks else ()))
        for number, (source, flags) in enumerate(sets):
            if len(source) == 1:
                self._single[source] = self._single.get(source, 0) | 1 << number
            else:
                self._tests.append((1 << number, re.compile(source, flags).match))
        self._symbol_of: dict[int, str] = {}
        self.matching = {_START: 0}
        self.kinds = {_START: _OUTSIDE}

    def __missing__(self, codepoint: int) -> str:
        character = chr(codepoint)
        sets = self._single.get(character, 0)
        for bit, matches in self._tests:
            if matches(character):
                sets |= bit
        symbol = self._symbol_of.get(sets)
        if symbol is None:
            symbol = self._symbol_of[sets] = chr(len(self._symbol_of) + 1)
            self.matching[symbol] = sum(
                1 << position
                for position, number in enumerate(self._set_of)
                if number >= 0 and sets >> number & 1
            )
            self.kinds[symbol] = sets >> self._first_kind
        if len(self) >= MAX_KNOWN_CHARACTERS:
            self.clear()
        self[codepoint] = symbol
        return symbol


class _Crossing:
    """Step from the positions that match behind a place to those before it.

    Most positions are reached from their neighbour alone: one shift moves them all. The others are joints.
    """

    def __init__(self, expression: Expression, holds: int) -> None:
        before = [0] * len(expression.edges)
        for position, edges in enumerate(expression.edges):
            for asked, target in edges:
                if asked & holds == asked:
                    before[target] |= 1 << position
        self._always = before[MATCH]
        self._neighbours = self._joints = 0
        self._before: dict[int, int] = {}
        for position in range(FIRST_POSITION, len(before)):
            # Positions are numbered from the end of the expression.
            neighbour = 2 << position
            if before[position] & neighbour:
                self._neighbours |= 1 << position
            if before[position] & ~neighbour:
                self._joints |= 1 << position
                self._before[1 << position] = before[position] & ~neighbour

    def back(self, positions: int) -> int:
        found = self._always | (positions & self._neighbours) << 1
        joints = positions & self._joints
        while joints:
            lowest = joints & -joints
            found |= self._before[lowest]
            joints ^= lowest
        return found


class _Place(NamedTuple):
    """State of the automaton at a place, after the character before it.

    Attributes:
        positions: positions that match the character and lead to a match, as bits; also ``BEGIN`` or ``EMPTY`` if a match
            begins at this place.
        kind: kind of the character, as bits.
        holds: assertions of the expression that hold here, as bits.
        hits: next state by symbol, for symbols that show the beginning of a match. They stand apart, so that a search,
            which ends there, tests for them nowhere else.
    """

    positions: int
    kind: int
    holds: int
    hits: dict[str, Any]


_NOWHERE = _Place(0, 0, 0, {})

_State = dict[str, Any]
"""Next state by symbol, and the :class:`_Place`. Nothing in Python is quicker than a plain dict."""


class Automaton:
    """Finite automaton of one expression; used by one thread at a time."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self._symbols = _Symbols(expression)
        self._crossings: dict[int, _Crossing] = {}
        self._states: dict[tuple[int, int, int], _State] = {}
        self._known = 0

    def finds(self, text: str) -> bool:
        """Tell whether the text holds a match."""
        state = self._state(0, _OUTSIDE, 0)
        for symbol in reversed(_START + text.translate(self._symbols)):
            try:
                state = state[symbol]
            except KeyError:  # noqa: PERF203 - costs nothing where nothing is raised, and nearly every step is known
                state = self._step(state, symbol)
                if state[_PLACE].positions & _FOUND:
                    return True
        return False

    def matches(self, text: str) -> Iterator[Match]:
        """Yield the matches that are not empty, in order."""
        edges_of, meant = self._expression.edges, self._expression.meant
        places = _Places(self, _START + text.translate(self._symbols), self._state(0, _OUTSIDE, 0))
        at = places.next_begin(0)
        while at >= 0:
            begin, position, place = at, BEGIN, places.at(at)
            spans: list[tuple[int, int]] = []
            while position != MATCH:
                ahead = places.at(at + 1) if at < len(text) else _NOWHERE
                for asked, target in edges_of[position]:
                    if asked & place.holds == asked and (
                        target == MATCH or ahead.positions >> target & 1
                    ):
                        position = target
                        break
                if position == MATCH:
                    break
                if meant is not None and position in meant:
                    start = spans.pop()[0] if spans and spans[-1][1] == at else at
                    spans.append((start, at + 1))
                place = ahead
                at += 1
            yield Match(begin, at, [(begin, at)] if meant is None else spans)
            at = places.next_begin(at)

    def states_of(self, symbols: str, state: _State) -> list[_State]:
        """Return the state at each symbol, from the state behind the last one."""
        states = []
        for symbol in reversed(symbols):
            try:
                state = state[symbol]
            except KeyError:
                state = state[_PLACE].hits.get(symbol) or self._step(state, symbol)
            states.append(state)
        states.reverse()
        return states

    def _step(self, state: _State, symbol: str) -> _State:
        """Compute the next state for a symbol."""
        self._known += 1
        if self._known > MAX_KNOWN_STEPS:
            self._forget()
        place = state[_PLACE]
        kind = self._symbols.kinds[symbol]
        holds = self._expression.asks & _assertions_between(kind, place.kind)
        crossing = self._crossings.get(holds)
        if crossing is None:
            crossing = self._crossings[holds] = _Crossing(self._expression, holds)
        before = crossing.back(place.positions)
        found = before & _FOUND
        if kind & _NEWLINE and place.kind == _OUTSIDE:
            kind |= _LAST_NEWLINE
        reached = self._state(before & self._symbols.matching[symbol] | found, kind, holds)
        (place.hits if found else state)[symbol] = reached
        return reached

    def _forget(self) -> None:
        """Forget all steps; states in use stay valid."""
        for state in self._states.values():
            place = state[_PLACE]
            place.hits.clear()
            state.clear()
            state[_PLACE] = place
        self._states.clear()
        self._known = 1

    def _state(self, positions: int, kind: int, holds: int) -> _State:
        key = (positions, kind, holds)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = {_PLACE: _Place(*key, {})}
        return state


class _Places:
    """Places of a text, of which one block is in memory."""

    def __init__(self, automaton: Automaton, symbols: str, state: _State) -> None:
        """Find the state behind each block, from the state behind the text; keep the first block."""
        self._automaton = automaton
        self._symbols = symbols
        self._begin = 0
        self._ends: list[_State] = []
        self._block: list[_State] = []
        for begin in reversed(range(0, len(symbols), BLOCK_CHARS)):
            self._ends.append(state)
            self._block = automaton.states_of(symbols[begin : begin + BLOCK_CHARS], state)
            state = self._block[0]
        self._ends.reverse()

    def at(self, at: int) -> _Place:
        """Return a place."""
        if not 0 <= at - self._begin < len(self._block):
            self._load(at)
        place: _Place = self._block[at - self._begin][_PLACE]
        return place

    def next_begin(self, at: int) -> int:
        """Return the first place from ``at`` on where a non-empty match begins; -1 if there is none."""
        while at < len(self._symbols):
            if not 0 <= at - self._begin < len(self._block):
                self._load(at)
            for index in range(at - self._begin, len(self._block)):
                if self._block[index][_PLACE].positions & _BEGINS:
                    return self._begin + index
            at = self._begin + len(self._block)
        return -1

    def _load(self, at: int) -> None:
        number = at // BLOCK_CHARS
        self._begin = number * BLOCK_CHARS
        symbols = self._symbols[self._begin : self._begin + BLOCK_CHARS]
        self._block = self._automaton.states_of(symbols, self._ends[number])


def _assertions_between(left: int, right: int) -> int:
    """Return the assertions that hold between two characters, as bits."""
    differ = left ^ right
    holds = syntax.ASCII_EDGE if differ & _ASCII_WORD else syntax.ASCII_INSIDE
    holds |= syntax.EDGE if differ & _WORD else syntax.INSIDE
    if left & _OUTSIDE:
        holds |= syntax.TEXT_BEGIN
    if left & (_OUTSIDE | _NEWLINE):
        holds |= syntax.LINE_BEGIN
    if right & _OUTSIDE:
        holds |= syntax.TEXT_END
    if right & (_OUTSIDE | _LAST_NEWLINE):
        holds |= syntax.LAST_LINE_END
    if right & (_OUTSIDE | _NEWLINE):
        holds |= syntax.LINE_END
    return holds
