"""Regular expressions read into positions: what is refused, and what every match holds."""

import warnings

import pytest

from extension.regex.syntax import MAX_EDGES, MAX_POSITIONS, read_expression

pytestmark = pytest.mark.every_python


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "no regular expression"),
        ("a{2,1}", "no regular expression"),
        ("(a)\\1", "a backreference"),
        ("a(?=b)", "lookaround"),
        ("a(?!)", "lookaround"),
        ("(?<!a)b", "lookaround"),
        ("(a)?(?(1)b|c)", "a conditional group"),
        ("(?:a{100}){100}", "too large"),
        ("(?:){0,1000000}", "too large"),
        ("(?:a|){4000000}", "too large"),
        ("a{99999999999}", "repeats too often"),
        ("(?:" + "|".join(f"{n}?x?y?" * 20 for n in range(10)) + ")*", "too many alternatives"),
        ("".join(f"[{chr(0x100 + n)}-{chr(0x180 + n)}]" for n in range(101)), "too many different"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deeply"),
    ],
)
def test_syntax_refuses_patterns_beyond_linear_time_with_a_reason(pattern: str, why: str) -> None:
    """When it is read, not when a line comes; the reason does not quote it."""
    with pytest.raises(ValueError, match=why) as raised:
        read_expression(pattern)

    assert pattern not in str(raised.value)


@pytest.mark.parametrize("pattern", ["(?>a+)b", "a++b"])
def test_syntax_refuses_atomic_and_possessive_parts(pattern: str) -> None:
    """Older Pythons do not know it; newer ones find less with it than without."""
    with pytest.raises(ValueError, match=r"atomic|possessive|no regular expression"):
        read_expression(pattern)


def test_syntax_reads_a_large_pattern_within_its_bounds() -> None:
    """Up to the bounds."""
    expression = read_expression(f"a{{{MAX_POSITIONS}}}")

    assert len(expression.set_of) == len(expression.edges) == MAX_POSITIONS + 3
    assert len(expression.sets) == 1
    assert sum(map(len, read_expression("(?:.?){60}").edges)) <= MAX_EDGES


@pytest.mark.parametrize(
    "pattern", ["(?:){4000000000}", "(?:){4000000000,}", "(?:(?:){1000}){1000}"]
)
def test_nothing_a_thousand_times_is_nothing(pattern: str) -> None:
    """It takes no time either."""
    assert len(read_expression(pattern).set_of) == 3


def test_no_warning_is_printed() -> None:
    """Python warns of patterns that may mean something else one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_expression("[[a]")


@pytest.mark.parametrize(
    ("pattern", "strings", "any_case"),
    [
        ("declined", {"declined"}, False),
        ("card \\d+|declined", {"card ", "declined"}, False),
        ("\\d+ (?:items)+ sold", {"items"}, False),
        ("(?:timeout){2,}", {"timeout"}, False),
        ("(?i)Secret", {"secret"}, True),
        ("(?i:Se)CRET", {"CRET"}, False),
        ("(?i:SE)|CRET", {"se", "cret"}, True),
        ("(?i)straße", {"stra"}, True),
        ("Straße", {"Straße"}, False),
        ("a|\\d", None, False),
        ("x*", None, False),
        ("", None, False),
        ("|".join("abcdefghijklmnopqrstuvwxyz!"[n] * 3 for n in range(17)), None, False),
    ],
)
def test_syntax_knows_the_text_that_every_match_holds(
    pattern: str, strings: set[str] | None, any_case: bool
) -> None:
    """Text without any of it need not be looked at."""
    needles = read_expression(pattern).needles

    if strings is None:
        assert needles is None
    else:
        assert needles is not None
        assert (set(needles.strings), needles.any_case) == (strings, any_case)
