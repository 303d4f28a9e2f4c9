"""Colour text for a terminal."""

from typing import Literal, NamedTuple

Colour = Literal["bold", "dim", "red", "green", "cyan", "none"]
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


class Paint(NamedTuple):
    """Colour text, or leave it alone where colours are not wanted."""

    enabled: bool

    def __call__(self, text: str, colour: Colour) -> str:
        """Return the text between the escape sequences of a colour."""
        if not self.enabled or colour == "none":
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
