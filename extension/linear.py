"""Regular expressions whose cost is linear in the text, whatever the pattern: for patterns that users give.

Promises: Python's own syntax, read by Python's own parser; what is not regular (backreferences, lookaround, atomic groups,
possessive repetition) is refused when it is read, with a sentence that says so. One look at each character, in a table of
states that is built as they are met and has a bound, so no pattern and no line can stall whoever searches. Of several
matches the leftmost is given, and of those the longest, which is what masking wants; Python's ``re`` prefers the first
alternative. Pure. A little longer than a module should be: what is read, what is built of it and what is searched with are
one thing, and none of it is of use elsewhere.

Source: Thompson, "Regular expression search algorithm" (1968), with the states kept, as RE2 does it.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

try:  # From 3.11 on the parser is a private part of re; it was a module before, which now warns.
    from re import _constants, _parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover - 3.10
    import sre_constants as _constants
    import sre_parse as _parser

MAX_INSTRUCTIONS = 4000
"""Of one pattern, counted repetition written out: a step of the search costs at most as many, each state found anew."""

MAX_CACHED = 8000
"""Of what is kept of one pattern, in units of about 128 bytes, so about a megabyte; then all of it is forgotten. Lines of
ordinary text need some hundreds."""

CACHED_PLACES_A_UNIT = 4

WORK_A_CHARACTER = 200
MIN_WORK = 50_000
"""Nodes that one search may visit to find states it has not met: some ten milliseconds for a line of 200 characters. A
pattern that is large enough, with text that is made for it, needs more; the search is given up then, see each method."""

STEPS_A_CHARACTER = 16
"""When the places of matches are looked for: patterns that run on from every place in the text would cost its square."""

MIN_STEPS = 4096

_CHAR, _SPLIT, _AT, _MATCH = range(4)
_START, _NEWLINE, _WORD, _OTHER, _END, _LAST_NEWLINE = range(6)
"""What stands beside a place in the text, as far as an anchor may ask."""


class _GivenUpError(Exception):
    """A search would take more work than it is worth."""


class _Node(NamedTuple):
    kind: int
    test: Any
    out: list[int]


_State = tuple[frozenset[int], int]


class Linear:
    """One compiled pattern.

    Attributes:
        pattern: as it was written.
        needs: every match holds one of these; empty if that is not known.
    """

    __slots__ = ("_cached", "_nodes", "_states", "_work", "needs", "pattern", "steps")

    def __init__(self, pattern: str) -> None:
        """Compiles.

        Raises:
            ValueError: it is no regular expression, or needs what cannot be had in linear time.
        """
        self.pattern = pattern
        try:
            with warnings.catch_warnings():
                # Python warns of patterns that may mean something else one day, and would print them.
                warnings.simplefilter("ignore")
                tree = _parser.parse(pattern)
        except (re.error, RecursionError, OverflowError):
            raise ValueError("no regular expression") from None
        self._nodes: list[_Node] = []
        self._states: dict[tuple[bool, _State], dict[str, Any]] = {}
        self._cached = 0
        self._work = 0
        self.steps = 0
        end = self._add(_MATCH, None)
        flags = tree.state.flags
        try:
            first = self._compile(tree, flags, end)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        self._nodes.append(_Node(_SPLIT, None, [first]))
        self.needs = _needs(tree, flags) or frozenset()

    def search(self, text: str) -> bool:
        """Tells whether the pattern is found anywhere in the text; not, if it would take too much work to find out."""
        if self.needs and not any(needle in text for needle in self.needs):
            return False
        self._work = 0
        try:
            return self._run(text, 0, anchored=False, longest=False) is not None
        except _GivenUpError:
            return False

    def spans(self, text: str) -> list[tuple[int, int]] | None:
        """Gives where matches are that hold at least a character, in order, without overlaps.

        None, if it would take too much work to find out.
        """
        if self.needs and not any(needle in text for needle in self.needs):
            return []
        self._work = 0
        try:
            return self._find(text)
        except _GivenUpError:
            return None

    def _find(self, text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        budget = self.steps + STEPS_A_CHARACTER * len(text) + MIN_STEPS
        at = 0
        while at < len(text):
            if self._run(text, at, anchored=False, longest=False) is None:
                break
            end = None
            while end is None and at < len(text):
                if self.steps > budget:
                    raise _GivenUpError
                end = self._run(text, at, anchored=True, longest=True)
                if end is None or end == at:
                    end = None
                    at += 1
            if end is not None:
                found.append((at, end))
                at = end
        return found

    # The search -------------------------------------------------------------------------------------------------

    def _run(self, text: str, start: int, *, anchored: bool, longest: bool) -> int | None:
        """Runs through the text; gives where a match ends: the first one seen, or the longest from ``start``."""
        before = _START if start == 0 else _class_of(text[start - 1])
        state: _State = (frozenset((len(self._nodes) - 1,)), before)
        last = len(text) - 1
        found = None
        at = start
        known = self._known(state, anchored=anchored)
        while at <= last:
            char = text[at]
            key = char if char != "\n" or at < last else "\n$"
            step = known.get(key)
            if step is None:
                step = self._step(state, char, key, anchored=anchored)
                if self._work > MIN_WORK + WORK_A_CHARACTER * len(text):
                    raise _GivenUpError
                if self._cached >= MAX_CACHED:
                    self._states.clear()
                    self._cached = 0
                    known = self._known(state, anchored=anchored)
                known[key] = step
                self._cached += 1 + len(step[1][0]) // CACHED_PLACES_A_UNIT
            matched, state, known_next = step
            if matched:
                found = at
                if not longest:
                    self.steps += at - start + 1
                    return found
            if known_next is None:
                self.steps += at - start + 1
                return found
            known = known_next
            at += 1
        self.steps += at - start + 1
        if _MATCH in self._closure(state[0], state[1], _END)[1]:
            found = len(text)
        return found

    def _known(self, state: _State, *, anchored: bool) -> dict[str, Any]:
        return self._states.setdefault((anchored, state), {})

    def _step(self, state: _State, char: str, key: str, *, anchored: bool) -> tuple[Any, ...]:
        nodes = self._nodes
        beside = _LAST_NEWLINE if key == "\n$" else _class_of(char)
        chars, kinds = self._closure(state[0], state[1], beside)
        after = {nodes[one].out[0] for one in chars if nodes[one].test(char)}
        if not anchored:
            after.add(len(nodes) - 1)
        if not after:
            return _MATCH in kinds, state, None
        following: _State = (frozenset(after), _class_of(char))
        return _MATCH in kinds, following, self._known(following, anchored=anchored)

    def _closure(
        self, places: frozenset[int], before: int, beside: int
    ) -> tuple[list[int], set[int]]:
        """Follows what takes no character: gives nodes that take one, and what kinds were met."""
        chars: list[int] = []
        kinds: set[int] = set()
        seen: set[int] = set()
        waiting = list(places)
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            node = self._nodes[one]
            if node.kind == _CHAR:
                chars.append(one)
            elif node.kind == _MATCH:
                kinds.add(_MATCH)
            elif node.kind == _SPLIT or node.test(before, beside):
                waiting += node.out
        self._work += len(seen)
        return chars, kinds

    # Compiling --------------------------------------------------------------------------------------------------

    def _add(self, kind: int, test: Any, *out: int) -> int:
        if len(self._nodes) >= MAX_INSTRUCTIONS:
            raise ValueError("too large when its repetitions are written out")
        self._nodes.append(_Node(kind, test, list(out)))
        return len(self._nodes) - 1

    def _compile(self, tree: Any, flags: int, then: int) -> int:
        """Compiles a sequence, from its end on; gives where it begins."""
        for operation, argument in reversed(list(tree)):
            then = self._compile_one(str(operation), argument, flags, then)
        return then

    def _compile_one(self, operation: str, argument: Any, flags: int, then: int) -> int:
        test = _test_of(operation, argument, flags)
        if test is not None:
            return self._add(_CHAR, test, then)
        if operation == "AT":
            return self._add(_AT, _anchor(str(argument), flags), then)
        if operation == "SUBPATTERN":
            _, added, removed, inner = argument
            return self._compile(inner, (flags | added) & ~removed, then)
        if operation == "BRANCH":
            return self._add(
                _SPLIT, None, *[self._compile(one, flags, then) for one in argument[1]]
            )
        if operation in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(argument, flags, then)
        name = _NOT_REGULAR.get(operation, operation.lower())
        raise ValueError(f"{name} cannot be searched for in linear time")

    def _repeat(self, argument: Any, flags: int, then: int) -> int:
        least, most, inner = argument
        if most is _constants.MAXREPEAT:
            loop = self._add(_SPLIT, None)
            self._nodes[loop].out.extend((self._compile(inner, flags, loop), then))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._add(_SPLIT, None, self._compile(inner, flags, then), end)
        for _ in range(least):
            then = self._compile(inner, flags, then)
        return then


_NOT_REGULAR = {
    "GROUPREF": "a backreference",
    "GROUPREF_EXISTS": "a conditional group",
    "ASSERT": "lookaround",
    "ASSERT_NOT": "lookaround",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "possessive repetition",
}


# Characters and anchors -------------------------------------------------------------------------------------------


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _class_of(char: str) -> int:
    if char == "\n":
        return _NEWLINE
    return _WORD if _is_word(char) else _OTHER


def _test_of(operation: str, argument: Any, flags: int) -> Callable[[str], bool] | None:
    """Gives what tells whether a node takes a character; None if it takes none."""
    ignores_case = bool(flags & re.IGNORECASE)
    if operation == "LITERAL":
        return _one_of(_spellings(chr(argument), ignores_case=ignores_case))
    if operation == "NOT_LITERAL":
        spellings = _spellings(chr(argument), ignores_case=ignores_case)
        return lambda char: char not in spellings
    if operation == "ANY":
        return (lambda _: True) if flags & re.DOTALL else (lambda char: char != "\n")
    if operation == "IN":
        return _class(argument, flags)
    return None


def _one_of(chars: frozenset[str]) -> Callable[[str], bool]:
    return chars.__contains__


def _spellings(char: str, *, ignores_case: bool) -> frozenset[str]:
    if not ignores_case:
        return frozenset((char,))
    others = (char, char.lower(), char.upper(), char.casefold(), char.swapcase())
    return frozenset(one for one in others if len(one) == 1)


def _class(items: Any, flags: int) -> Callable[[str], bool]:
    tests: list[Callable[[str], bool]] = []
    negated = False
    for operation, argument in items:
        name = str(operation)
        if name == "NEGATE":
            negated = True
        elif name == "RANGE":
            tests.append(_range(*argument, ignores_case=bool(flags & re.IGNORECASE)))
        elif name == "CATEGORY":
            tests.append(_category(str(argument), ascii_only=bool(flags & re.ASCII)))
        else:
            test = _test_of(name, argument, flags)
            if test is None:
                raise ValueError(f"{name.lower()} cannot be searched for in linear time")
            tests.append(test)
    if negated:
        return lambda char: not any(test(char) for test in tests)
    return lambda char: any(test(char) for test in tests)


def _range(low: int, high: int, *, ignores_case: bool) -> Callable[[str], bool]:
    if not ignores_case:
        return lambda char: low <= ord(char) <= high
    return lambda char: any(low <= ord(one) <= high for one in _spellings(char, ignores_case=True))


def _category(name: str, *, ascii_only: bool) -> Callable[[str], bool]:
    word = name.rpartition("_")[2]
    test = {"DIGIT": str.isdecimal, "SPACE": str.isspace, "WORD": _is_word}[word]
    negated = "_NOT_" in name
    if ascii_only:
        return lambda char: (char.isascii() and test(char)) != negated
    return lambda char: test(char) != negated


def _anchor(name: str, flags: int) -> Callable[[int, int], bool]:
    """Gives what tells of a place, by what stands before it and behind it, whether an anchor holds there."""
    lines = bool(flags & re.MULTILINE)
    ends = {_END, _LAST_NEWLINE} | ({_NEWLINE} if lines else set())
    begins = {_START} | ({_NEWLINE} if lines else set())
    return {
        "AT_BEGINNING": lambda before, _: before in begins,
        "AT_BEGINNING_STRING": lambda before, _: before == _START,
        "AT_END": lambda _, beside: beside in ends,
        "AT_END_STRING": lambda _, beside: beside == _END,
        "AT_BOUNDARY": lambda before, beside: (before == _WORD) != (beside == _WORD),
        "AT_NON_BOUNDARY": lambda before, beside: (before == _WORD) == (beside == _WORD),
    }[name]


# What every match holds -------------------------------------------------------------------------------------------


def _needs(tree: Any, flags: int) -> frozenset[str] | None:
    """Gives texts of which every match holds one; None if nothing is certain."""
    best: frozenset[str] | None = None
    for found in _needs_in_turn(tree, flags):
        if best is None or _worth(found) > _worth(best):
            best = found
    return best


def _worth(needs: frozenset[str]) -> tuple[int, int]:
    return min(map(len, needs)), -len(needs)


def _needs_in_turn(tree: Any, flags: int) -> Iterator[frozenset[str]]:
    run = ""
    for operation, argument in tree:
        name = str(operation)
        if name == "LITERAL" and not flags & re.IGNORECASE:
            run += chr(argument)
            continue
        if run:
            yield frozenset((run,))
            run = ""
        inner = None
        if name == "SUBPATTERN":
            _, added, removed, parts = argument
            inner = _needs(parts, (flags | added) & ~removed)
        elif name == "BRANCH":
            each = [_needs(one, flags) for one in argument[1]]
            if all(one is not None for one in each):
                inner = frozenset(needle for one in each for needle in one or ())
        elif name in {"MAX_REPEAT", "MIN_REPEAT"} and argument[0]:
            inner = _needs(argument[2], flags)
        if inner:
            yield inner
    if run:
        yield frozenset((run,))
