"""Test columns and paragraphs."""

from terminal.layout import WIDTH, Column, fit, paragraph, row_text, side_by_side, table
from terminal.paint import Paint

COLUMNS = (Column("name", 6), Column("n", 3, right=True))


def test_numbers_are_set_right_and_long_text_is_shortened() -> None:
    """A cell never breaks its column."""
    assert row_text(COLUMNS, ["abcdefgh", 7]) == "abc...    7"


def test_groups_are_set_apart() -> None:
    """Titles, a rule, and an empty line between groups only."""
    assert table(COLUMNS, [[["a", 1]], [["b", 2]]]) == [
        "name      n",
        "------  ---",
        "a         1",
        "",
        "b         2",
    ]


def test_text_is_shown_in_ascii_on_one_line() -> None:
    """Whatever a log line holds."""
    assert fit("caf\u00e9\tau\nlait\n", 20) == "caf? au lait"


def test_paragraphs_and_sides_keep_to_the_width() -> None:
    """Long words too."""
    words = " ".join(["word"] * 60) + " " + "x" * 250

    lines = [*paragraph(words, indent="  "), *side_by_side([words], [words], left_width=60)]

    assert max(map(len, lines)) <= WIDTH


def test_the_shorter_side_is_filled_up() -> None:
    """Both stand from the top."""
    assert side_by_side(["a", "b"], ["c"], left_width=3) == ["a   | c", "b   |"]


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    """Plain text for files and pipes."""
    assert Paint(enabled=False)("a", "red") == "a"
    assert Paint(enabled=True)("a", "red") == "\x1b[31ma\x1b[0m"
