"""A line's level by a pattern of the user's."""

import threading

import pytest

from extension.levels.level import Level
from extension.regex.level_pattern import LOOKED_AT_CHARS, LevelPattern


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("shop <error> refused", Level.ERROR),
        ("shop <WARNING> slow", Level.WARN),
        ("shop <E> refused", Level.ERROR),
        ("shop <loud> refused", None),
        ("shop <> refused", None),
        ("refused", None),
        ("", None),
    ],
)
def test_level_pattern_reads_the_word_of_its_group(text: str, level: Level | None) -> None:
    """Any name of a level will do; another word tells none."""
    assert LevelPattern(r"^\w+ <(?P<level>\w*)>").level_in(text) is level


def test_level_pattern_takes_the_first_match() -> None:
    """What follows may quote another line."""
    assert LevelPattern(r"<(?P<level>\w+)>").level_in("<info> said <error>") is Level.INFO


def test_level_pattern_looks_at_the_beginning_of_a_long_line() -> None:
    """A line may be a megabyte, and its level stands before what is long."""
    pattern = LevelPattern(r"<(?P<level>\w+)>")

    assert pattern.level_in("x" * (LOOKED_AT_CHARS - 7) + "<error>") is Level.ERROR
    assert pattern.level_in("x" * LOOKED_AT_CHARS + "<error>") is None


@pytest.mark.parametrize("text", ["(", "error", "(?P<severity>\\w+)", r"(?P<level>a)\1"])
def test_level_pattern_without_its_group_is_refused(text: str) -> None:
    """Such a value is told once, and another one is used."""
    with pytest.raises(ValueError, match=r"^[a-z ]+"):
        LevelPattern(text)


def test_level_pattern_is_shared_by_threads() -> None:
    """The main thread asks for levels, and each sink's thread does for records."""
    pattern = LevelPattern(r"(x|<)*<(?P<level>\w+)>")
    texts = {f"{'x<' * number}<{word}>": word for number in range(40) for word in ("error", "info")}
    wrong: list[str] = []

    def ask() -> None:
        for _ in range(20):
            for text, word in texts.items():
                level = pattern.level_in(text)
                if level is None or level.name.lower() != word:
                    wrong.append(text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
