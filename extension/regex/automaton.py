"""The automaton that finds an expression: one look at each character, backwards, and a second one forwards for the places.

A text is read from its end to its begin, and at each place it is known which positions of the expression lead to the end of a
match. That is a finite automaton, whose states are made when they are first met and kept: a character costs a look into a
``dict``, about what ``re`` takes for it. Where the places of matches are wanted the text is read a second time, forwards; that
never goes back, since each way that leads to a match is known for one (Frisch and Cardelli, "Greedy regular expression
matching", 2004).

The bound: a character is one step each way. A step that is not known takes work in proportion to the expression, whose size
is limited; what is kept is limited as well, and forgotten when that is reached. Pure.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from extension.regex.syntax import (
    ASCII_EDGE,
    ASCII_INSIDE,
    BEGIN,
    EDGE,
    EMPTY,
    FIRST_POSITION,
    INSIDE,
    LAST_LINE_END,
    LINE_BEGIN,
    LINE_END,
    MATCH,
    TEXT_BEGIN,
    TEXT_END,
    CharacterSet,
    Expression,
)

MAX_KNOWN_STEPS = 2000
"""Of one pattern: each with a state at most, of half a kilobyte, so about a megabyte. Lines of ordinary text need some
hundreds."""

MAX_KNOWN_CHARACTERS = 4096
"""Of one pattern, about 100 bytes each. Chinese text has some three thousand in use."""

BLOCK_CHARS = 4096
"""So much of a text has its states held at a time, where places of matches are wanted."""

_START = "\0"
"""Stands for the begin of the text, among the symbols that stand for characters."""

_PLACE = ""
"""Where a state keeps what it is; no symbol is empty."""

_NEWLINE, _WORD, _ASCII_WORD, _LAST_NEWLINE, _OUTSIDE = 1, 2, 4, 8, 16
"""What may stand beside a place, as far as it matters; ``_OUTSIDE``: nothing does."""

_KINDS = (
    (_NEWLINE, CharacterSet("\n")),
    (_WORD, CharacterSet(r"\w")),
    (_ASCII_WORD, CharacterSet(r"\w", re.ASCII)),
)
_BEGINS = 1 << BEGIN
_FOUND = _BEGINS | 1 << EMPTY


class Match(NamedTuple):
    """Where a pattern was found.

    Attributes:
        start: of the whole match.
        end: of the whole match.
        meant: the match as a whole; of a pattern with a group named ``secret`` what that group matched, which may be several
            spans, or none.
    """

    start: int
    end: int
    meant: list[tuple[int, int]]


class _Symbols(dict[int, str]):
    """The symbol of each character: one for all that the expression cannot tell apart.

    Attributes:
        matching: of each symbol, the positions that match it, as bits.
        kinds: of each symbol, what its characters are to the places beside them.
    """

    def __init__(self, expression: Expression) -> None:
        super().__init__()
        self._set_of = expression.set_of
        self._single: dict[str, int] = {}
        self._tests: list[tuple[int, Any]] = []
        self._kind_bits: list[tuple[int, int]] = []
        sets = list(expression.sets)
        if expression.asks:
            for kind, characters in _KINDS:
                self._kind_bits.append((1 << len(sets), kind))
                sets.append(characters)
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
            self.kinds[symbol] = sum(kind for bit, kind in self._kind_bits if sets & bit)
        if len(self) >= MAX_KNOWN_CHARACTERS:
            self.clear()
        self[codepoint] = symbol
        return symbol


class _Crossing:
    """Leads from the positions that match behind a place to those that may match before it, if certain things hold there.

    Most positions are reached from their neighbour alone, so all of these are one shift; the others are joints.
    """

    __slots__ = ("_always", "_before", "_joints", "_neighbours")

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
    """What is known of a place in a text, once the character before it has been read.

    Attributes:
        positions: those that match that character and lead to a match, as bits; also ``BEGIN`` or ``EMPTY``, if a match
            begins at this place.
        kind: what that character is to the places beside it.
        holds: of all that the expression asks, what holds here.
        hits: where symbols lead that show the begin of a match. They are kept apart, so that a search, which ends there,
            need not look out for them anywhere else.
    """

    positions: int
    kind: int
    holds: int
    hits: dict[str, Any]


_NOWHERE = _Place(0, 0, 0, {})

_State = dict[str, Any]
"""Where each symbol leads, and the :class:`_Place`. A plain dict, since nothing in Python is quicker."""


class Automaton:
    """The states that were met, and where they lead."""

    __slots__ = ("_crossings", "_expression", "_known", "_states", "_symbols", "worked_out")

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self._symbols = _Symbols(expression)
        self._crossings: dict[int, _Crossing] = {}
        self._states: dict[tuple[int, int, int], _State] = {}
        self._known = 0
        self.worked_out = 0

    def finds(self, text: str) -> bool:
        """Tells whether a match begins anywhere."""
        state = self._state(0, _OUTSIDE, 0)
        for symbol in reversed(_START + text.translate(self._symbols)):
            try:
                state = state[symbol]
            except KeyError:  # noqa: PERF203 - free where nothing is raised, and what is looked up is known
                state = self._step(state, symbol)
                if state[_PLACE].positions & _FOUND:
                    return True
        return False

    def matches(self, text: str) -> Iterator[Match]:
        """Gives the matches that are not empty, in order."""
        edges_of, secret = self._expression.edges, self._expression.secret
        places = self._places(text)
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
                if secret is not None and position in secret:
                    start = spans.pop()[0] if spans and spans[-1][1] == at else at
                    spans.append((start, at + 1))
                place = ahead
                at += 1
            yield Match(begin, at, [(begin, at)] if secret is None else spans)
            at = places.next_begin(at)

    def _places(self, text: str) -> "_Places":
        symbols = _START + text.translate(self._symbols)
        ends: list[_State] = []
        block: list[_State] = []
        state = self._state(0, _OUTSIDE, 0)
        for begin in reversed(range(0, len(symbols), BLOCK_CHARS)):
            ends.append(state)
            block = self.states_of(symbols[begin : begin + BLOCK_CHARS], state)
            state = block[0]
        ends.reverse()
        return _Places(self, symbols, ends, block)

    def states_of(self, symbols: str, state: _State) -> list[_State]:
        """Gives the state at each of some symbols, from the state behind them."""
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
        """Works out where a symbol leads."""
        self.worked_out += 1
        self._known += 1
        if self._known > MAX_KNOWN_STEPS:
            self._forget()
        place = state[_PLACE]
        kind = self._symbols.kinds[symbol]
        holds = self._expression.asks & _flush_control(kind, place.kind)
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
        """Cuts all states apart; those in use go on, knowing nothing."""
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
    """The places of a text, a block of them at a time."""

    __slots__ = ("_automaton", "_begin", "_block", "_ends", "_symbols")

    def __init__(
        self, automaton: Automaton, symbols: str, ends: list[_State], block: list[_State]
    ) -> None:
        """Takes the states behind each block, and those of the first one."""
        self._automaton = automaton
        self._symbols = symbols
        self._ends = ends
        self._block = block
        self._begin = 0

    def at(self, at: int) -> _Place:
        """Gives a place."""
        if not 0 <= at - self._begin < len(self._block):
            self._load(at)
        place: _Place = self._block[at - self._begin][_PLACE]
        return place

    def next_begin(self, at: int) -> int:
        """Gives the first place, from one on, where a match begins that is not empty; -1 if there is none."""
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


def _flush_control(left: int, right: int) -> int:
    """Tells what holds at a place between two characters."""
    holds = ASCII_INSIDE if bool(left & _ASCII_WORD) == bool(right & _ASCII_WORD) else ASCII_EDGE
    holds |= INSIDE if bool(left & _WORD) == bool(right & _WORD) else EDGE
    if left & _OUTSIDE:
        holds |= TEXT_BEGIN | LINE_BEGIN
    elif left & _NEWLINE:
        holds |= LINE_BEGIN
    if right & _OUTSIDE:
        holds |= TEXT_END | LAST_LINE_END | LINE_END
    elif right & _NEWLINE:
        holds |= LINE_END | (LAST_LINE_END if right & _LAST_NEWLINE else 0)
    return holds
