import pytest

from show.report.words import duration_text, first_line, printable, several, time_text
from tests.doubles.kept import FIRST_MS


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (None, ""),
        (0.4, "0 ms"),
        (999, "999 ms"),
        (3000, "3.00 s"),
        (12_340, "12.3 s"),
        (125_000, "2 min 5 s"),
    ],
)
def test_durations_have_three_digits_or_so(duration_ms: float | None, text: str) -> None:
    assert duration_text(duration_ms) == text


def test_times_are_to_the_millisecond() -> None:
    """One beyond the calendar is its end, not a failure."""
    assert time_text(FIRST_MS + 7) == "2026-11-24 12:00:00.007"
    assert time_text(10**20).startswith("9999-12-31")
    assert time_text(-5).startswith("1970-01-01")


def test_a_log_cannot_speak_to_the_terminal() -> None:
    """Neither colours, titles, nor marks that turn the text."""
    text = printable("\x1b[31mred\x1b[0m \x1b]0;title\x07 a\rb \u202egpj.exe \x9b2J\ttab\r\nnext")

    assert text == "red \\x1b]0;title\\x07 a\\rb \\u202egpj.exe \\x9b2J\ttab\nnext"


def test_first_line_is_one_that_has_text() -> None:
    assert (first_line("\n \nx\ny"), first_line("")) == ("x", "")


def test_nouns_follow_their_counts() -> None:
    assert [several(n, "kept line") for n in (0, 1, 2000)] == [
        *("0 kept lines", "1 kept line", "2,000 kept lines"),
    ]
