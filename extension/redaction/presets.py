"""Patterns by name for the secrets that turn up in logs, for REDACT.

Each is meant to find what it names and to let other text be: an identifier is no card number because it has sixteen
digits. A name that tells of a secret (``DB_PASSWORD``, ``SecretAccessKey``) stays, only its value is masked; between the two
may stand what separates them in text, in JSON, and in JSON within text. Pure.
"""

import re
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

Span = tuple[int, int]


class Preset(NamedTuple):
    """A pattern.

    Attributes:
        pattern: as :class:`extension.regex.pattern.Linear` takes it.
        meant: finds in a match what is meant, where that takes more than a pattern.
        telltale: found in what the pattern is found in, as it was written: for a pattern without any fixed text. It must
            not need more than a few steps from each place.
    """

    pattern: str
    meant: Callable[[str], list[Span]] | None = None
    telltale: re.Pattern[bytes] | None = None


MIN_DIGITS, MAX_DIGITS = 13, 19
"""Of a card number (ISO/IEC 7812-1)."""

_CARDS_BEGIN = "23456"
"""The networks' first digits (ISO/IEC 7812-1, major industry identifiers); a time in milliseconds begins with 1."""
_SHORT_CARDS_BEGIN = "4"
"""Of those with thirteen digits."""

_DOUBLED_MOST = 9


def card_numbers_in(text: str) -> list[Span]:
    """Finds card numbers in digits with spaces or hyphens between; they begin and end where groups of digits do.

    What may be one number or another is found as both.
    """
    at = [index for index, char in enumerate(text) if char.isdecimal()]
    digits = [int(text[index]) for index in at]
    begins = [n for n, index in enumerate(at) if n == 0 or at[n - 1] != index - 1]
    ends = {n + 1 for n, index in enumerate(at) if n + 1 == len(at) or at[n + 1] != index + 1}
    doubled = [2 * digit - _DOUBLED_MOST * (2 * digit > _DOUBLED_MOST) for digit in digits]
    # The Luhn formula (ISO/IEC 7812-1, annex B), summed up to each digit: with every even one doubled, and every odd one.
    sums = [
        list(
            accumulate(
                (twice if n % 2 == parity else once)
                for n, (once, twice) in enumerate(zip(digits, doubled, strict=True))
            )
        )
        for parity in (0, 1)
    ]
    found: list[Span] = []
    for begin in begins:
        for end in range(min(begin + MAX_DIGITS, len(digits)), begin + MIN_DIGITS - 1, -1):
            total = sums[end % 2][end - 1] - (sums[end % 2][begin - 1] if begin else 0)
            firsts = _CARDS_BEGIN if end - begin > MIN_DIGITS else _SHORT_CARDS_BEGIN
            if (
                end in ends
                and total % 10 == 0
                and str(digits[begin]) in firsts
                and len(set(digits[begin:end])) > 1
            ):
                found.append((at[begin], at[end - 1] + 1))
                break
    return found


_QUOTES = r"[\"'\\]{0,4}"
_IS = rf"{_QUOTES}\s*[=:>]{{1,2}}\s*"
_CREDENTIAL = r"(?P<secret>[A-Za-z0-9._~+/=-]"
_NAMES_IT = (
    r"(?i:passw(?:or)?d|passphrase|passcode|pwd|secret(?:[_-]?key)?|api[_-]?key"
    r"|(?:access|refresh|auth|id)[_-]?token)"
)

PRESETS: dict[str, tuple[Preset, ...]] = {
    "aws-keys": (
        # Access keys, and the other unique ids of IAM that are as good as one (AWS: IAM identifiers).
        Preset(r"(?:\b|_)(?P<secret>(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})(?:\b|_)"),
        Preset(
            r"(?i:secret[_-]?access[_-]?key|secret[_-]?key|session[_-]?token|security[_-]?token)"
            rf"{_QUOTES}[\s=:>]{{1,16}}{_QUOTES}(?P<secret>[A-Za-z0-9/+=%]{{40,}})"
        ),
    ),
    "bearer-tokens": (
        Preset(
            rf"(?i:authorization){_IS}{_QUOTES}(?i:bearer|basic|token|apikey|negotiate)\s+{_CREDENTIAL}{{3,}})"
        ),
        Preset(rf"(?i:authorization){_IS}{_QUOTES}{_CREDENTIAL}{{16,}})"),
        Preset(rf"(?i:\bbearer)\s+{_CREDENTIAL}{{16,}})"),
        # A JSON Web Token (RFC 7519): parts in base64, the first of which begins like JSON.
        Preset(r"(?:\b|_)(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_.-]*)"),
    ),
    "card-numbers": (
        Preset(
            r"(?:\b|_)[0-9](?:[ -]?[0-9]){12,}(?:\b|_)",
            card_numbers_in,
            re.compile(
                # Before the first digit stands no letter, unless it is that of an escape.
                rb"[0-9](?:(?<![0-9A-Za-z].)|(?<=\\[bfnrt].)|(?<=\\u[0-9a-fA-F]{4}.))(?:[ -]?[0-9]){12}"
            ),
        ),
    ),
    "emails": (Preset(r"[\w.%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b"),),
    "passwords": (
        Preset(rf"{_NAMES_IT}{_IS}\"(?P<secret>(?:[^\"\\]|\\[\s\S])+)"),
        Preset(rf"{_NAMES_IT}{_IS}'(?P<secret>(?:[^'\\]|\\[\s\S])+)"),
        # A quote that is escaped itself, of JSON within text.
        Preset(rf"{_NAMES_IT}{_IS}\\+[\"'](?P<secret>[^\"'\\]+)"),
        Preset(rf"{_NAMES_IT}{_IS}(?P<secret>[^\s\"'\\&<>=]+)"),
        # In the address of a server.
        Preset(
            r"[a-z]://[^\s/:@\"]*:(?P<secret>[^\s/@\"]+)@",
            telltale=re.compile(rb":\\*/\\*/[^\s/@\"]*@"),
        ),
    ),
    "private-keys": (
        # Without its end, such as where a line is cut off, all that follows.
        Preset(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
        ),
    ),
}
"""By the name that REDACT takes."""
