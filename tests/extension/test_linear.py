"""Regular expressions in linear time: what Python's would find, and what no pattern can do to us."""

import random
import re

import pytest
from hypothesis import assume, given, settings, strategies as st

from extension.linear import MAX_CACHED, MIN_STEPS, STEPS_A_CHARACTER, Linear

PATTERNS = [
    "a",
    "ab|cd",
    "card \\d+|declined",
    "^\\s*x",
    "x$",
    "\\Ax\\Z",
    "\\bfoo\\b",
    "\\Boo",
    "(?i)äB",
    "(?i)[a-c]x",
    "[^a-c]x{2,3}$",
    "a.c",
    "(?s)a.c",
    "(?m)^b$",
    "x*",
    "x*?y",
    "(?:ab){2}",
    "(?P<name>a+)b",
    "(?a)\\w+é",
    "\\w+@\\w+\\.com",
    "[\\w-]+",
    "\\S\\D\\W",
    "(?x) a  b # spaces and comments",
    "(?i:A)b",
    "[^\\n]",
    "",
]
TEXTS = [
    "",
    "a",
    "ab",
    "abab",
    "aaaa!",
    "my card 12",
    "declined",
    "  x",
    "x\n",
    "x\n\n",
    "a foo b",
    "afoo",
    "äb ÄB",
    "BX bx",
    "dxx\n",
    "dxxx",
    "a\nc",
    "b\nb",
    "mail bob@x.com now",
    "aé",
    "a-1_",
    "日本語 ٣",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_pythons_own_finds(pattern: str) -> None:
    """The same syntax, and the same answer, for every text."""
    linear = Linear(pattern)

    for text in TEXTS:
        assert linear.search(text) == bool(re.search(pattern, text)), text


@st.composite
def patterns(draw: st.DrawFn, depth: int = 3) -> str:
    """Makes regular expressions of everything that is regular."""
    if not depth:
        return draw(st.sampled_from(["a", "b", "\\n", ".", "[ab]", "[^a]", "\\w", "\\s", "\\b"]))
    inner = patterns(depth=depth - 1)
    kind = draw(
        st.sampled_from(["one", "both", "either", "many", "some", "maybe", "times", "ends"])
    )
    if kind in {"both", "either"}:
        return draw(inner) + ("|" if kind == "either" else "") + draw(inner)
    if kind == "ends":
        return (
            draw(st.sampled_from(["^", "\\A", ""])) + draw(inner) + draw(st.sampled_from(["$", ""]))
        )
    suffix = {"one": "", "many": "*", "some": "+", "maybe": "?", "times": "{1,3}"}[kind]
    return f"(?:{draw(inner)}){suffix}"


@settings(max_examples=300, deadline=None)
@given(patterns(), st.text("ab \n", max_size=12))
def test_it_agrees_with_pythons_own_on_any_pattern(pattern: str, text: str) -> None:
    """Whether there is a match, and where the leftmost begins that is more than a place."""
    linear = Linear(pattern)
    # Python takes the first alternative, we the longest: both begin at the same place, unless one is empty.
    assert linear.search(text) == bool(re.search(pattern, text))

    spans = linear.spans(text)

    assert spans is not None
    assert all(start < end for start, end in spans)
    assert [one for span in spans for one in span] == sorted(one for span in spans for one in span)
    for start, end in spans:
        compiled = re.compile(f"(?:{pattern})")
        assume("^" not in pattern and "\\A" not in pattern and "$" not in pattern)
        assume("\\b" not in pattern)
        assert compiled.fullmatch(text, start, end)
        assert not any(
            compiled.fullmatch(text, start, longer) for longer in range(end + 1, len(text) + 1)
        )


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        ("ab|abc", "xabcx", [(1, 4)]),
        ("a+", "aa b a", [(0, 2), (5, 6)]),
        ("x*", "aaa", []),
        ("\\w+@\\w+\\.com", "bob@x.com, al@y.com", [(0, 9), (11, 19)]),
        ("a+b", "aaaaaab", [(0, 7)]),
    ],
)
def test_of_several_matches_the_leftmost_and_longest(
    pattern: str, text: str, spans: list[tuple[int, int]]
) -> None:
    """That is what is masked; a match without a character is none."""
    assert Linear(pattern).spans(text) == spans


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "no regular expression"),
        ("a{2,1}", "no regular expression"),
        ("(a)\\1", "a backreference"),
        ("a(?=b)", "lookaround"),
        ("(?<!a)b", "lookaround"),
        ("(a)?(?(1)b|c)", "a conditional group"),
        ("(?:a{100}){100}", "too large"),
        ("(" * 5000 + "a" + ")" * 5000, ""),
    ],
)
def test_what_is_not_regular_is_refused_with_a_reason(pattern: str, why: str) -> None:
    """When it is read, not when a line comes."""
    with pytest.raises(ValueError, match=why or "."):
        Linear(pattern)


HOSTILE = ["(a+)+$", "(a|aa)+$", "(a|a?)+b", "(x+x+)+y", ".*.*=.*", "(?:a?){50}a{50}", "\\w*\\d*z$"]


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("char", ["a", "x", "="])
def test_no_pattern_takes_more_than_a_look_at_each_character(pattern: str, char: str) -> None:
    """Steps are counted, not seconds: as many as there are characters, on lines that other engines never finish."""
    linear = Linear(pattern)
    text = char * 50_000 + "!"

    linear.search(text)

    assert linear.steps <= len(text) + 1


@pytest.mark.parametrize("pattern", HOSTILE)
def test_looking_for_places_has_a_bound_of_its_own(pattern: str) -> None:
    """It is given up where a pattern runs on from every place, and whoever masks takes the whole text then."""
    linear = Linear(pattern)
    text = "a" * 20_000 + "!" + "x" * 20_000

    linear.spans(text)

    assert linear.steps <= (STEPS_A_CHARACTER + 2) * len(text) + MIN_STEPS + len(text)


def test_a_large_pattern_with_text_made_for_it_is_given_up() -> None:
    """What would be linear, but slow, ends as well: not found, and for masking, not known."""
    linear = Linear("a[ab]{900}z")
    chance = random.Random(1)
    text = "".join(chance.choice("ab") for _ in range(3000)) + "z"

    assert linear.search(text) is False
    assert linear.spans(text) is None


def test_what_is_kept_of_a_pattern_is_bounded() -> None:
    """However many different characters come; then it is begun anew, with the same answers."""
    linear = Linear("\\w\\Wz")
    text = "".join(chr(0x4E00 + n) for n in range(20_000))

    assert not linear.search(text + "z")
    assert linear.search(text + "a!z")
    assert linear._cached <= MAX_CACHED + 10
    assert sum(map(len, linear._states.values())) <= MAX_CACHED + 10


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        ("declined", {"declined"}),
        ("card \\d+|declined", {"card ", "declined"}),
        ("\\d+ (?:items)+ sold", {"items"}),
        ("(?i)secret", set()),
        ("a|\\d", set()),
        ("x*", set()),
        ("(?:timeout){2,}", {"timeout"}),
    ],
)
def test_what_every_match_holds_is_known(pattern: str, needs: set[str]) -> None:
    """Text without any of it is passed over at the speed of a plain search."""
    linear = Linear(pattern)

    linear.search("nothing of the kind here")

    assert linear.needs == needs
    assert (linear.steps == 0) == bool(needs)
