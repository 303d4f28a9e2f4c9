"""Words that name levels."""

import pytest

from extension.levels.level import (
    LEVEL_NAMES,
    OFF,
    PLAIN_NAMES,
    SHORT_NAMES,
    Level,
    level_named,
    level_of_word,
    without_colours,
)


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("Warning", Level.WARN),
        (" error ", Level.ERROR),
        ("FATAL", Level.FATAL),
        ("dbug", Level.DEBUG),  # .NET
        ("severe", Level.ERROR),  # java.util.logging
        ("eror", Level.ERROR),  # log15
        ("warni", Level.WARN),  # cut after five, as Pyramid's format does
        ("criti", Level.FATAL),
        ("emerg", Level.FATAL),
        ("notice", Level.INFO),
    ],
)
def test_level_is_named_by_a_word_in_any_case(word: str, level: Level) -> None:
    """Settings and prefixes name levels so."""
    assert level_named(word) is level


@pytest.mark.parametrize("word", ["", "e", "errors", "loud", "50", None, 50, True, ["ERROR"]])
def test_level_is_not_named_by_anything_else(word: object) -> None:
    """A letter alone is a level only where nothing but one can stand."""
    assert level_named(word) is None


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("E", Level.ERROR),
        ("wrn", Level.WARN),
        ("FTL", Level.FATAL),
        ("DEBG", Level.DEBUG),  # Rust's slog
        ("ERROR+4", Level.ERROR),  # Go's slog
        ("DEBUG-4", Level.DEBUG),
        ("INFO+12", Level.INFO),
        ("\x1b[31merror\x1b[39m", Level.ERROR),
        ("\x1b[1;31mWARN\x1b[0m", Level.WARN),
    ],
)
def test_value_of_a_level_may_be_short_coloured_or_between_two(word: str, level: Level) -> None:
    """That is what loggers write behind ``level``."""
    assert level_of_word(word) is level


@pytest.mark.parametrize(
    "word", ["", "ERROR+", "ERROR+1234", "error+4", "+4", "ERROR-X", "error level"]
)
def test_value_that_is_no_name_is_no_level(word: str) -> None:
    """Slog writes its names in capitals, and a small distance."""
    assert level_of_word(word) is None


def test_every_name_means_one_level() -> None:
    """The tables do not contradict each other, and their words are written small."""
    for names in (PLAIN_NAMES, SHORT_NAMES, LEVEL_NAMES):
        assert all(word == word.lower() for word in names)
    assert PLAIN_NAMES.items() <= LEVEL_NAMES.items()
    assert SHORT_NAMES.keys().isdisjoint(PLAIN_NAMES)
    assert max(Level) < OFF


def test_colours_are_left_out() -> None:
    """Escape sequences that end with a letter; the text between them stays."""
    assert without_colours("\x1b[2m12:00:00\x1b[0m \x1b[38;5;9mERROR\x1b[m m") == "12:00:00 ERROR m"
    assert without_colours("[31m no escape") == "[31m no escape"
