r"""Translate a regular expression in Python's syntax into the positions of Glushkov's automaton.

Each character of the expression is a *position* (Glushkov, "The abstract theory of automata", 1961). ``edges[p]`` holds
the positions that may match the character behind that of ``p``, most preferred first, each with the assertions (``^``,
``$``, ``\b`` ...) that must hold in between. Counted repetition is written out.

Pure. Python's own parser, ``re._parser``, reads the expression, so that it means the same as in ``re``, flags included.
Its trees are not documented, so tests compare the result with ``re`` on every Python.
"""

import re
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

try:
    from re import _parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover - Python 3.10
    import sre_parse as _parser

MAX_POSITIONS = 1000
"""Bound for one expression, written out. A state is a set of positions, so it takes 125 bytes at most."""

MAX_NODES = 4 * MAX_POSITIONS
MAX_EDGES = 5000
"""Bound for one expression, about 70 bytes each. Most positions have two; nested repeated alternatives have more."""

MAX_CHARACTER_SETS = 100
"""Bound on sets of more than one character: each new character is compared with each set, in 0.3 us."""

MAX_NEEDLES = 16
"""Searching for more needles before the pattern costs as much time as it saves."""

SECRET_GROUP = "secret"  # noqa: S105 - the name of a group
"""Name of a group that limits a mask: only what the group matches is masked."""

MATCH, BEGIN, EMPTY, FIRST_POSITION = range(4)
"""Positions without a character: end of a match, beginning of a match, and beginning of an empty match."""

TEXT_BEGIN, LINE_BEGIN, TEXT_END, LAST_LINE_END, LINE_END = 1, 2, 4, 8, 16
EDGE, INSIDE, ASCII_EDGE, ASCII_INSIDE = 32, 64, 128, 256
"""Assertions about a place between two characters, as bits."""

ASCII_END = 128

# Plain numbers: operations of the enumeration are slow, and a function waits while settings are read.
_IGNORECASE, _ASCII, _UNICODE, _MULTILINE, _DOTALL = map(
    int, (re.IGNORECASE, re.ASCII, re.UNICODE, re.MULTILINE, re.DOTALL)
)

Edge = tuple[int, int]
"""Assertions that must hold at a place, as bits, and the position that matches there."""


class CharacterSet(NamedTuple):
    """Characters that a position matches: one character, or an expression of ``re`` with its flags."""

    source: str
    flags: int = 0


class Needles(NamedTuple):
    """Strings of which every match holds at least one; in lower case if case is ignored."""

    strings: frozenset[str]
    any_case: bool = False

    def may_be_in(self, text: str) -> bool:
        """Tell whether the text may hold a needle."""
        if self.any_case:
            if not text.isascii():
                return True  # Some letters beyond ASCII equal s or k but for their case.
            text = text.lower()
        # A loop, not a generator: this runs for every line.
        for needle in self.strings:  # noqa: SIM110
            if needle in text:
                return True
        return False


class Expression(NamedTuple):
    """A parsed expression.

    Attributes:
        set_of: number of the set, by position; -1 for positions without a character.
        edges: edges to the next positions, most preferred first, by position.
        meant: positions within the group that is asked for by its name; None if there is no such group.
        asks: all assertions of the expression, as bits.
        needles: strings of which every match holds one; None if they are not known.
    """

    sets: tuple[CharacterSet, ...]
    set_of: tuple[int, ...]
    edges: tuple[tuple[Edge, ...], ...]
    meant: frozenset[int] | None
    asks: int
    needles: Needles | None


def read_expression(text: str, *, group: str = SECRET_GROUP) -> Expression:
    """Parse an expression; ``group`` names the group whose part of a match is meant.

    Raises:
        ValueError: the text is not a regular expression, or cannot run in linear time. The message does not quote it.
    """
    try:
        with warnings.catch_warnings():
            # Python prints a warning, with the pattern, where a future version may read the pattern differently.
            warnings.simplefilter("ignore")
            tree = _parser.parse(text)
        return _Reader(tree, group).expression()
    except re.error:
        raise ValueError("no regular expression") from None
    except OverflowError:
        raise ValueError("repeats too often") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


_NOT_REGULAR = {
    "GROUPREF": "a backreference",
    "GROUPREF_EXISTS": "a conditional group",
    "ASSERT": "lookaround",
    "ASSERT_NOT": "lookaround",
    "FAILURE": "lookaround",  # Python parses (?!) into this.
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "possessive repetition",
}
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_TOO_LARGE = "too large when its repetitions are written out"
_CHAR, _CHOICE, _ASK, _END = range(4)


class _Reader:
    """Builder of an expression, from its end to its beginning.

    Nodes are characters, choices and assertions. The edges of a position lead to the characters that can be reached
    through choices and assertions.
    """

    def __init__(self, tree: Any, group: str) -> None:
        self._tree = tree
        self._group = tree.state.groupdict.get(group)
        self._is_inside = False
        self._meant: set[int] = set()
        self._sets: dict[CharacterSet, int] = {}
        self._wide_sets = 0
        self._set_of = [-1] * FIRST_POSITION
        self._follows = [0] * FIRST_POSITION
        self._nodes: list[tuple[int, Any]] = [(_END, None)]
        self._edge_count = 0
        self._asks = 0

    def expression(self) -> Expression:
        flags = self._tree.state.flags
        entry = self._sequence(self._tree, flags, [0])[0]
        follows = self._follows[FIRST_POSITION:]
        reached = {node: self._reach(node) for node in {entry, *follows}}
        edges: list[tuple[Edge, ...]] = [()] * FIRST_POSITION
        edges[BEGIN] = tuple(edge for edge in reached[entry] if edge[1] != MATCH)
        edges[EMPTY] = tuple(edge for edge in reached[entry] if edge[1] == MATCH)
        edges += [reached[node] for node in follows]
        return Expression(
            tuple(self._sets),
            tuple(self._set_of),
            tuple(edges),
            frozenset(self._meant) if self._group is not None else None,
            self._asks,
            _needles(self._tree, flags),
        )

    def _sequence(
        self, items: Iterable[tuple[Any, Any]], flags: int, follows: list[int]
    ) -> list[int]:
        for op, value in reversed(list(items)):
            follows = self._item(str(op), value, flags, follows)
        return follows

    def _item(self, op: str, value: Any, flags: int, follows: list[int]) -> list[int]:
        """Add an item before the nodes that follow it, and return where it begins.

        There is one such node for each number of repetitions around the item, from the outermost, that have matched a
        character since they began anew; all others have matched nothing yet. A character counts for all of them. Only
        repetitions of what may match nothing are counted.
        """
        if op == "BRANCH":
            options = [self._sequence(one, flags, follows) for one in value[1]]
            return [self._node(_CHOICE, list(nodes)) for nodes in zip(*options, strict=True)]
        if op == "SUBPATTERN":
            group, added, removed, inner = value
            was_inside = self._is_inside
            self._is_inside |= group is not None and group == self._group
            begin = self._sequence(inner, _flags_within(flags, added, removed), follows)
            self._is_inside = was_inside
            return begin
        if op in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(value, flags, follows, greedy=op == "MAX_REPEAT")
        if op == "AT":
            asked = _asked(str(value), flags)
            self._asks |= asked
            return [self._node(_ASK, (asked, node)) for node in follows]
        if op in _NOT_REGULAR:
            raise ValueError(f"{_NOT_REGULAR[op]} cannot be searched for in linear time")
        return [self._char(_character_set(op, value, flags), follows[-1])] * len(follows)

    def _repeat(self, value: Any, flags: int, follows: list[int], *, greedy: bool) -> list[int]:
        least, most, inner = value

        def part(following: int) -> list[int]:
            if inner.getwidth()[0] > 0:
                return self._sequence(inner, flags, [following]) * len(follows)
            # As in ``re``, a repetition that matches nothing is the last one.
            return self._sequence(inner, flags, [*follows, following])[:-1]

        def optional(begin: list[int]) -> list[int]:
            pairs = zip(begin, follows, strict=True)
            return [self._node(_CHOICE, list(pair if greedy else pair[::-1])) for pair in pairs]

        if most == _parser.MAXREPEAT:
            loop = self._node(_CHOICE, None)
            once = part(loop)
            begin = optional(once)
            self._nodes[loop] = self._nodes[begin[-1]]
            if least:
                # If the first matches nothing, a second one would match only what the first tries as well.
                begin = once
                least -= 1
        else:
            begin = follows
            for _ in range(most - least):
                begin = optional(part(begin[-1]))
        for _ in range(least):
            before = len(self._nodes)
            begin = self._sequence(inner, flags, begin)
            if len(self._nodes) == before:
                break  # The part matches nothing, however often.
        return begin

    def _node(self, kind: int, value: Any) -> int:
        if len(self._nodes) >= MAX_NODES:
            raise ValueError(_TOO_LARGE)
        self._nodes.append((kind, value))
        return len(self._nodes) - 1

    def _char(self, characters: CharacterSet, follows: int) -> int:
        position = len(self._follows)
        if position >= FIRST_POSITION + MAX_POSITIONS:
            raise ValueError(_TOO_LARGE)
        if characters not in self._sets:
            self._sets[characters] = len(self._sets)
            self._wide_sets += len(characters.source) > 1
            if self._wide_sets > MAX_CHARACTER_SETS:
                raise ValueError("too many different sets of characters")
        self._set_of.append(self._sets[characters])
        self._follows.append(follows)
        if self._is_inside:
            self._meant.add(position)
        return self._node(_CHAR, position)

    def _reach(self, node: int) -> tuple[Edge, ...]:
        """Return the edges that lead on from a node, most preferred first."""
        edges: dict[Edge, None] = {}
        seen: dict[int, list[int]] = {}
        stack = [(0, node)]
        while stack:
            asked, at = stack.pop()
            before = seen.setdefault(at, [])
            # An earlier visit that asked no more has reached, and preferred, all that this visit can reach.
            if any(earlier & asked == earlier for earlier in before):
                continue
            before.append(asked)
            kind, value = self._nodes[at]
            if kind == _CHOICE:
                stack.extend((asked, option) for option in reversed(value))
            elif kind == _ASK:
                stack.append((asked | value[0], value[1]))
            else:
                edges[asked, MATCH if kind == _END else value] = None
                self._edge_count += 1
                if self._edge_count > MAX_EDGES:
                    raise ValueError("too many alternatives within repetitions")
        return tuple(edges)


def _flags_within(flags: int, added: int, removed: int) -> int:
    """Return the flags inside a group such as ``(?i-s:...)``."""
    if added & (_ASCII | _UNICODE):
        flags &= ~(_ASCII | _UNICODE)  # Each replaces the other.
    return (flags | added) & ~removed


def _asked(place: str, flags: int) -> int:
    by_line = bool(flags & _MULTILINE)
    ascii_only = bool(flags & _ASCII)
    return {
        "AT_BEGINNING": LINE_BEGIN if by_line else TEXT_BEGIN,
        "AT_BEGINNING_STRING": TEXT_BEGIN,
        "AT_END": LINE_END if by_line else LAST_LINE_END,
        "AT_END_STRING": TEXT_END,
        "AT_BOUNDARY": ASCII_EDGE if ascii_only else EDGE,
        "AT_NON_BOUNDARY": ASCII_INSIDE if ascii_only else INSIDE,
    }[place]


def _character_set(op: str, value: Any, flags: int) -> CharacterSet:
    relevant = flags & (_IGNORECASE | _ASCII)
    if op == "ANY":
        return CharacterSet(r"[\s\S]" if flags & _DOTALL else r"[^\n]")
    if op == "NOT_LITERAL":
        return CharacterSet(f"[^{_escaped(value)}]", relevant)
    if op == "IN":
        items = "".join(_set_item(str(kind), item) for kind, item in value)
        return CharacterSet(f"[{items}]", relevant)
    if op != "LITERAL":
        raise ValueError(f"{op.lower()} cannot be searched for in linear time")
    has_case = flags & _IGNORECASE and (value >= ASCII_END or chr(value).isalpha())
    return CharacterSet(f"[{_escaped(value)}]", relevant) if has_case else CharacterSet(chr(value))


def _set_item(op: str, value: Any) -> str:
    if op == "NEGATE":
        return "^"
    if op == "LITERAL":
        return _escaped(value)
    if op == "RANGE":
        return f"{_escaped(value[0])}-{_escaped(value[1])}"
    return _CATEGORIES[str(value)]


def _escaped(character: int) -> str:
    return f"\\U{character:08x}"


def _needles(items: Iterable[tuple[Any, Any]], flags: int) -> Needles | None:
    """Find the best strings of which every match holds one."""
    found: list[Needles] = []
    any_case = bool(flags & _IGNORECASE)
    run = ""
    for op, value in [*items, ("", None)]:
        # Beyond ASCII, lower case does not tell which letters are equal but for their case.
        if str(op) == "LITERAL" and not (any_case and value >= ASCII_END):
            run += chr(value).lower() if any_case else chr(value)
            continue
        if run:
            found.append(Needles(frozenset({run}), any_case))
            run = ""
        inner = _needles_within(str(op), value, flags)
        if inner is not None:
            found.append(inner)
    # Long needles are best, then few.
    return max(found, key=lambda one: (min(map(len, one[0])), -len(one[0])), default=None)


def _needles_within(op: str, value: Any, flags: int) -> Needles | None:
    if op == "SUBPATTERN":
        _, added, removed, inner = value
        return _needles(inner, _flags_within(flags, added, removed))
    if op in {"MAX_REPEAT", "MIN_REPEAT"}:
        return _needles(value[2], flags) if value[0] else None
    if op != "BRANCH":
        return None
    found = [_needles(option, flags) for option in value[1]]
    known = [needles for needles in found if needles is not None]
    strings = {string for needles in known for string in needles.strings}
    if len(known) < len(found) or len(strings) > MAX_NEEDLES:
        return None
    any_case = any(needles.any_case for needles in known)
    return Needles(frozenset(map(str.lower, strings) if any_case else strings), any_case)
