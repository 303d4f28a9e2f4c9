"""Patterns by name for the secrets that turn up in logs, for REDACT.

Each is meant to find what it names and to let other text be: an identifier is no card number because it has sixteen
digits. Pure.
"""

from collections.abc import Callable
from typing import NamedTuple


class Preset(NamedTuple):
    """A pattern, and what in a match is meant, where that takes more than a pattern: a span, or None for nothing."""

    pattern: str
    meant: Callable[[str], tuple[int, int] | None] | None = None


MIN_DIGITS, MAX_DIGITS = 13, 19
"""Of a card number (ISO/IEC 7812-1)."""

_DOUBLED_MOST = 9


def _has_check_digit(digits: list[int]) -> bool:
    """Tells whether the last digit is that of a card number (ISO/IEC 7812-1, the Luhn formula)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - _DOUBLED_MOST if doubled > _DOUBLED_MOST else doubled
    return total % 10 == 0 and len(set(digits)) > 1


def card_number_in(text: str) -> tuple[int, int] | None:
    """Finds a card number in digits with spaces or hyphens between; it begins and ends where a group of digits does."""
    begins = [at for at in range(len(text)) if at == 0 or not text[at - 1].isdecimal()]
    ends = [at for at in range(1, len(text) + 1) if at == len(text) or not text[at].isdecimal()]
    for begin in begins:
        for end in reversed(ends):
            digits = [int(char) for char in text[begin:end] if char.isdecimal()]
            if MIN_DIGITS <= len(digits) <= MAX_DIGITS and _has_check_digit(digits):
                return begin, end
    return None


_QUOTE = r"[\"']?"

PRESETS: dict[str, tuple[Preset, ...]] = {
    "aws-keys": (
        # Access keys, and the other unique ids of IAM that are as good as one (AWS: IAM identifiers).
        Preset(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
        Preset(
            rf"(?i:aws_?)?(?i:secret_?access_?key|secret_?key|session_?token){_QUOTE}\s*[=:]\s*{_QUOTE}[A-Za-z0-9/+=]{{40,}}"
        ),
    ),
    "bearer-tokens": (
        Preset(
            rf"(?i:\bauthorization){_QUOTE}\s*[=:]\s*{_QUOTE}(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{{3,}}"
        ),
        Preset(r"(?i:\bbearer)\s+[A-Za-z0-9._~+/=-]{16,}"),
        # A JSON Web Token: two or three parts in base64, the first two of which begin like JSON (RFC 7519).
        Preset(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    ),
    "card-numbers": (Preset(r"\b[0-9](?:[ -]?[0-9]){12,30}\b", card_number_in),),
    "emails": (Preset(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b"),),
    "passwords": (
        Preset(
            rf"(?i:\b(?:password|passwd|pwd|api_?key|client_?secret)){_QUOTE}\s*[=:]\s*{_QUOTE}[^\s\"',;&]{{3,}}"
        ),
    ),
    "private-keys": (
        Preset(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"),
    ),
}
"""By the name that REDACT takes."""
