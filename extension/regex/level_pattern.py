"""Read a line's level by LEVEL_PATTERN, where the form of its logger is not known.

Pure. The main thread asks for levels, and so does each sink's thread.
"""

from extension.levels.level import Level, level_of_word
from extension.regex.pattern import Pattern

GROUP = "level"
"""Name of the group that matches the level's word."""

LOOKED_AT_CHARS = 4096
"""Of a line. A level stands before what may be long."""


class LevelPattern:
    """A pattern with a group named ``level``. Threads may share it."""

    def __init__(self, pattern: str) -> None:
        """Compile a pattern.

        Raises:
            ValueError: It is no pattern that runs in linear time, or has no group named ``level``.
        """
        self._pattern = Pattern(pattern, group=GROUP)
        if not self._pattern.has_group:
            raise ValueError("no group is named level")

    def level_in(self, text: str) -> Level | None:
        """Return the level that the first match names; None without a match, or where it names none."""
        text = text[:LOOKED_AT_CHARS]
        first = next(iter(self._pattern.matches(text)), None)
        if first is None or not first.meant:
            return None
        begin, end = first.meant[0]
        return level_of_word(text[begin:end])
