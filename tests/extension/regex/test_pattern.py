"""Regular expressions in linear time: they find what Python's find."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from extension.regex.pattern import Pattern
from tests.doubles.python_re import PythonRe

pytestmark = pytest.mark.every_python

PATTERNS = [
    "a", "ab|cd", "card \\d+|declined", "^\\s*x", "x$", "\\Ax\\Z", "\\bfoo\\b", "\\Boo", "(?i)äB", "(?i)[a-c]x",
    "[^a-c]x{2,3}$", "a.c", "(?s)a.c", "(?m)^b$", "x*", "x*?y", "(?:ab){2}", "(?P<name>a+)b", "(?a)\\w+é",
    "\\w+@\\w+\\.com", "[\\w-]+", "\\S\\D\\W", "(?x) a  b # spaces and comments", "(?i:A)b", "[^\\n]",
    "(?m)^\\s*$|b\\Z", "(?a)\\bx\\B", "(?a:\\w+)é", "(?s:.)x", "(?i)straße|[k-s]", "(a|ab)(c|bcd)", "a{2,}?b{0,2}",
    "(?:a|b)*?c", "",
]  # fmt: skip
TEXTS = [
    "", "a", "ab", "abab", "aaaa!", "my card 12", "declined", "  x", "x\n", "x\n\n", "a foo b", "afoo", "äb ÄB",
    "BX bx", "dxx\n", "dxxx", "a\nc", "b\nb", "mail bob@x.com now", "aé", "a-1_", "日本語 ٣", "\u212a\u017f STRASSE",
    "abcd aab ac",
]  # fmt: skip


def spans_of_python(pattern: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(pattern, text) if match.end() > match.start()]


def spans(pattern: str, text: str) -> list[tuple[int, int]]:
    return [span for match in Pattern(pattern).matches(text) for span in match.meant]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_pythons_own_finds(pattern: str) -> None:
    """The same syntax, the same answer and the same places, for every text."""
    linear = Pattern(pattern)

    for text in TEXTS:
        assert linear.search(text) == bool(re.search(pattern, text)), text
        assert spans(pattern, text) == spans_of_python(pattern, text), text


ATOMS = [
    "a", "b", "c", "A", "é", "\\n", ".", "[ab]", "[^a]", "[^\\W_]", "\\d", "\\w", "\\s", "\\S", "\\b", "^", "$",
    "\\A", "\\Z", "(?i:a)", "(?i:é)", "(?a:\\w)", "(?s:.)", "(?m:^)", "(?m:$)", "(?a:\\b)", "",
]  # fmt: skip
FLAGS = ["", "(?i)", "(?s)", "(?m)", "(?a)", "(?ims)"]
COUNTS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}", "{1,}?"]


@st.composite
def patterns(draw: st.DrawFn, depth: int = 4) -> str:
    """Makes regular expressions of everything that is regular."""
    kind = draw(st.sampled_from(["atom", "both", "either", "repeat"])) if depth else "atom"
    if kind == "atom":
        return draw(st.sampled_from(ATOMS))
    one = draw(patterns(depth=depth - 1))
    if kind == "repeat":
        return f"(?:{one}){draw(st.sampled_from(COUNTS))}"
    other = draw(patterns(depth=depth - 1))
    return one + other if kind == "both" else f"(?:{one}|{other})"


@pytest.fixture(scope="module")
def python_re() -> Iterator[PythonRe]:
    with closing(PythonRe()) as python_re:
        yield python_re


BACKTRACKS = "(?s)(?:(?:(?:.|)){2,}){2,}(?:[^a]\\s){2,}(?:|)"
"""Python's ``re`` does not come back from this one on a dozen characters."""


@settings(max_examples=max(100, settings().max_examples))
@given(patterns(), st.sampled_from(FLAGS), st.text("aabc1A_ é\n", min_size=1, max_size=12))
def test_pattern_agrees_with_python_re_on_any_expression(
    python_re: PythonRe, made: str, flags: str, text: str
) -> None:
    """Users write patterns for ``re``: a match is a match, at the same place where ``re``'s rule is the same."""
    # Not the empty text: \B is not found in it before Python 3.14.
    pattern = flags + made
    expected = python_re.search(pattern, text)
    assume(expected is not None)
    assert expected is not None

    assert Pattern(pattern).search(text) == expected[0]
    assert spans(pattern, text) == expected[1]


EMPTY_PARTS = [
    "^",
    "$",
    "\\b",
    "\\B",
    "",
    "a?",
    "a??",
    "b*",
    "b*?",
    "(?m:^)",
    "(?:a|)",
    "(?:^a)?",
    "(?:\\bb)??",
]
PARTS = ["a", "b", "ab", "a?", "a+", "\\bb", "b$", "(?:a|b)", "."]
AROUND = ["", "^", "a", "b", "$", "\\b", "a?", "."]


@st.composite
def repeated_nothings(draw: st.DrawFn) -> str:
    """Makes repetitions of alternatives of which one may match nothing."""
    empty, part = draw(st.sampled_from(EMPTY_PARTS)), draw(st.sampled_from(PARTS))
    options = draw(st.permutations([empty, part, draw(st.sampled_from(PARTS + EMPTY_PARTS))]))
    counts = st.sampled_from([*COUNTS, "{1,2}", "{3}", "{0,2}", "{0,3}?"])
    around = st.sampled_from(AROUND)
    made = f"{draw(around)}(?:{'|'.join(options)}){draw(counts)}{draw(around)}"
    return draw(st.sampled_from([made, f"{draw(around)}(?:{made}){draw(counts)}"]))


@given(repeated_nothings(), st.text("aab b\n", min_size=1, max_size=7))
@example("^(?:^|b){0,2}", "bba ")
@example("\\b(?:(?:a|)|b){0,2}", "ba")
@example("^(?:(?:a+|b*?){1,}?){0,2}", "baba b")
@example("(?:^(?:b$|^|a){1,3}){0,2}?", "aa")
@example("a?(?:\\b(?:a?|.){0,2}){2,}", " baa  ")
@example("(?:\\w*?)*(.)[^a]", "ba xé")
@example("(?:a??)*", "aa")
@example("(?:(?:^|b*?)+?){2,}.", "bab")
def test_what_may_match_nothing_is_repeated_as_in_python_re(pattern: str, text: str) -> None:
    """A repetition that matches nothing is the last one, wherever it stands among the alternatives."""
    assert spans(pattern, text) == spans_of_python(pattern, text)
    assert Pattern(pattern).search(text) == bool(re.search(pattern, text))


def test_pattern_answers_where_python_re_backtracks_without_end() -> None:
    """A comparison must be able to end ``re``; ours answers the same question at once."""
    with closing(PythonRe(timeout_s=0.2)) as python_re:
        assert python_re.search(BACKTRACKS, "aaaaaaaaaaaaaaaaaaaaaaaaaaa") is None
        assert python_re.search("a+", "caab") == (True, [(1, 3)])
    assert not Pattern(BACKTRACKS).search("aaaaaaaaaaaaaaaaaaaaaaaaaaa")


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("ab|abc", "xabcx", [(1, 3)]),
        ("password=.*?&", "password=a&b=c&", [(0, 11)]),
        ("x*", "aaa", []),
        ("a|a*b", "aaaa", [(0, 1), (1, 2), (2, 3), (3, 4)]),
    ],
)
def test_pattern_finds_the_leftmost_and_preferred_match(
    pattern: str, text: str, found: list[tuple[int, int]]
) -> None:
    """As Python has it; a match without a character is none."""
    assert spans(pattern, text) == found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("pin=(?P<secret>\\d+)", "pin=12 pin=3", [(4, 6), (11, 12)]),
        ("(?:(?P<secret>\\d)-)+", "1-2-3", [(0, 1), (2, 3)]),
        ("(?P<other>\\d)x", "1x", [(0, 2)]),
        ("a(?P<secret>b)?", "a ab", [(3, 4)]),
        ("(?P<secret>a(b))c", "abc", [(0, 2)]),
    ],
)
def test_a_group_named_secret_is_what_is_meant(
    pattern: str, text: str, found: list[tuple[int, int]]
) -> None:
    """What stands around it is left; each time it is repeated counts."""
    assert spans(pattern, text) == found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("declined", "nothing of the kind"),
        ("card \\d+|declined", "nothing of the kind"),
        ("(?i)Declined", "NOTHING OF THE KIND"),
    ],
)
def test_text_without_what_every_match_holds_is_passed_over(pattern: str, text: str) -> None:
    """At the speed of a plain search."""
    linear = Pattern(pattern)

    assert not linear.search(text)
    assert linear.matches(text) == []
    assert linear._own.automaton is None


def test_each_thread_grows_an_automaton_of_its_own() -> None:
    """Two threads that grow one automaton make wrong steps, and secrets pass by them for good."""
    linear = Pattern("[0-9]x")
    grown = {}

    def search() -> None:
        assert linear.search("1x")
        grown[threading.get_ident()] = linear._own.automaton

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    search()

    assert len(set(map(id, grown.values()))) == len(grown) >= 2
    assert None not in grown.values()


def test_letters_that_are_others_but_for_their_case_are_found_too() -> None:
    """A Kelvin sign is a k then, in Python and here; where the text is ASCII it need not be thought of."""
    linear = Pattern("(?i)kelvin")

    assert linear.search("\u212aelvin")
    assert linear.needles is not None
    assert linear.needles.may_be_in("\u212a")
    assert not linear.needles.may_be_in("k")
