"""Test columns and paragraphs."""

from terminal.layout import WIDTH, Column, fit, paragraph, row_text, side_by_side, table
from terminal.paint import Paint

COLUMNS = (Column("name", 6), Column("n", 3, right=True))


def test_row_sets_numbers_right_and_shortens_text() -> None:
    """A cell must not break its column."""
    assert row_text(COLUMNS, ["abcdefgh", 7]) == "abc...    7"


def test_table_sets_groups_apart() -> None:
    """Readers look for blocks first."""
    assert table(COLUMNS, [[["a", 1]], [["b", 2]]]) == [
        "name      n",
        "------  ---",
        "a         1",
        "",
        "b         2",
    ]


def test_fit_returns_ascii_on_one_line() -> None:
    """A log line may hold anything."""
    assert fit("caf\u00e9\tau\nlait\n", 20) == "caf? au lait"


def test_paragraphs_and_sides_keep_to_the_width() -> None:
    """A terminal would wrap a longer line in the middle of a column."""
    words = " ".join(["word"] * 60) + " " + "x" * 250

    lines = [*paragraph(words, indent="  "), *side_by_side([words], [words], left_width=60)]

    assert max(map(len, lines)) <= WIDTH


def test_sides_start_at_the_top() -> None:
    """Both stand from the top."""
    assert side_by_side(["a", "b"], ["c"], left_width=3) == ["a   | c", "b   |"]


def test_paint_leaves_text_alone_where_colour_is_off() -> None:
    """Files and pipes get plain text."""
    assert Paint(enabled=False)("a", "red") == "a"
    assert Paint(enabled=True)("a", "red") == "\x1b[31ma\x1b[0m"
