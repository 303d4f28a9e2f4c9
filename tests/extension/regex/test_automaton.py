"""The automaton: what it costs, counted in steps, and what it keeps."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from extension.regex import automaton
from extension.regex.automaton import MAX_KNOWN_CHARACTERS, MAX_KNOWN_STEPS
from extension.regex.pattern import Pattern

pytestmark = pytest.mark.newest

HOSTILE = [
    *("(a+)+$", "(a|aa)+$", "(a|a?)+b", "(x+x+)+y", ".*.*=.*", "(?:a?){50}a{50}", "\\w*\\d*z$"),
    *("a|a*b", "(?:a|x)*?(?:=|y)", "(.*)*\\d", "(?:a{1,5}){1,5}\\Z", "[^b]*b|a"),
]
LENGTH = 100_000


class CountedEdges(tuple[tuple[int, int], ...]):
    """Edges that count how often they were looked through."""

    looks = 0
    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        type(self).looks += 1
        return super().__iter__()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the symbols of the steps that are computed; all other steps are known."""
    computed: list[str] = []
    step = automaton.Automaton._step

    def counted(self: Any, state: Any, symbol: str) -> Any:
        computed.append(symbol)
        return step(self, state, symbol)

    monkeypatch.setattr(automaton.Automaton, "_step", counted)
    return computed


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("char", ["a", "x", "="])
def test_no_pattern_takes_more_than_a_step_for_each_character(
    pattern: str, char: str, steps: list[str]
) -> None:
    """Steps are counted, not seconds, on lines that other engines never finish: hardly any is not known already."""
    linear = Pattern(pattern)
    text = char * LENGTH + "!"

    linear.search(text)
    linear.matches(text)

    assert len(steps) <= 2_000


@pytest.mark.parametrize("pattern", HOSTILE)
def test_looking_for_places_never_goes_back(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each character of a match is passed once, and a block of text is read again twice at the most."""
    linear = Pattern(pattern)
    inner = linear._automaton
    monkeypatch.setattr(CountedEdges, "looks", 0)
    inner._expression = inner._expression._replace(
        edges=tuple(map(CountedEdges, inner._expression.edges))
    )
    blocks: list[int] = []
    read_block = automaton.Automaton.states_of

    def counted(self: Any, symbols: str, state: Any) -> Any:
        blocks.append(len(symbols))
        return read_block(self, symbols, state)

    monkeypatch.setattr(automaton.Automaton, "states_of", counted)
    text = ("a" * 500 + "b=x") * (LENGTH // 503)
    linear.search(text)

    found = linear.matches(text)

    passed = sum(end - start for start, end, _ in found)
    # Besides, each match has its end, and the crossings of places are made of all edges.
    made = len(inner._crossings) * len(inner._expression.edges)
    assert CountedEdges.looks <= passed + len(found) + made
    assert sum(blocks) <= 4 * (len(text) + 1)


def test_states_that_never_come_again_cost_one_step_each(steps: list[str]) -> None:
    """The worst there is: a pattern and a text made for each other, so that nothing is ever known already."""
    linear = Pattern("[cz][ab]{900}a[ab]*\\Z")
    chance = random.Random(1)
    text = "".join(chance.choice("ab") for _ in range(20_000))

    assert not linear.search(text)
    assert 0 < len(steps) <= len(text) + 1


def test_automaton_bounds_the_states_that_it_keeps() -> None:
    """Begun anew when it is too much, with the same answers."""
    linear = Pattern("[cz][ab]{12}a[ab]*\\Z")
    chance = random.Random(1)
    text = "".join(chance.choice("ab") for _ in range(20_000))

    for _ in range(3):
        assert not linear.search(text)
        assert linear.search("c" + text[:12] + "a" + text)
        kept = linear._automaton._states.values()
        assert len(kept) <= MAX_KNOWN_STEPS + 1
        assert sum(len(one) - 1 + len(one[""].hits) for one in kept) <= MAX_KNOWN_STEPS


def test_however_many_different_characters_come_few_are_kept() -> None:
    """With the same answers."""
    linear = Pattern("\\w\\Wz")
    text = "".join(chr(0x4E00 + n) for n in range(20_000))

    assert not linear.search(text + "z")
    assert linear.search(text + "a!z")
    assert len(linear._automaton._symbols) <= MAX_KNOWN_CHARACTERS


@pytest.mark.parametrize("block_chars", [1, 2, 3, 7])
@pytest.mark.parametrize("known_steps", [1, 3, 2000])
def test_blocks_and_forgetting_do_not_show(
    block_chars: int, known_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same places are found, wherever one block ends and whatever is forgotten in the middle."""
    monkeypatch.setattr(automaton, "BLOCK_CHARS", block_chars)
    monkeypatch.setattr(automaton, "MAX_KNOWN_STEPS", known_steps)

    for pattern in ("\\w", "[^a]", "\\bfoo\\b|x+", "a.c", "(?m)^.+?$", "a|a*b", "(?s).+"):
        for text in ("foo a_c xx\nfoo abc", "aaaa", "b\n\nb", "foofoo foo"):
            found = [(match.start, match.end) for match in Pattern(pattern).matches(text)]
            assert found == [one.span() for one in re.finditer(pattern, text)], (pattern, text)
