"""Define the presets of REDACT: named patterns for the secrets that turn up in logs.

A preset finds what it names and leaves other text alone: an identifier of sixteen digits is not a card number. The name
of a secret (``DB_PASSWORD``, ``SecretAccessKey``) stays and its value is masked. Between them may stand the separators of
text, of JSON, and of JSON within text. Pure.
"""

import re
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

Span = tuple[int, int]


class Preset(NamedTuple):
    """A pattern of a preset.

    Attributes:
        meant: finds the spans to mask within a match, where a pattern alone cannot.
        telltale: matches the undecoded bytes of every line that the pattern matches; for a pattern without fixed text.
            Takes only a few steps from each place.
    """

    pattern: str
    meant: Callable[[str], list[Span]] | None = None
    telltale: re.Pattern[bytes] | None = None


MIN_DIGITS, MAX_DIGITS = 13, 19
"""Digits of a card number (ISO/IEC 7812-1)."""

_CARDS_BEGIN, _SHORT_CARDS_BEGIN = "23456", "4"
"""First digits of the networks (ISO/IEC 7812-1, major industry identifiers), and of numbers with thirteen digits. A time in
milliseconds begins with 1."""

_DOUBLED_MOST = 9


def card_numbers_in(text: str) -> list[Span]:
    """Find card numbers in digits with spaces or hyphens between; a number begins and ends where a group does.

    Numbers that overlap are both found.
    """
    at = [index for index, char in enumerate(text) if char.isdecimal()]
    digits = [int(text[index]) for index in at]
    begins = [n for n, index in enumerate(at) if n == 0 or at[n - 1] != index - 1]
    ends = {n + 1 for n, index in enumerate(at) if n + 1 == len(at) or at[n + 1] != index + 1}
    doubled = [2 * digit - _DOUBLED_MOST * (2 * digit > _DOUBLED_MOST) for digit in digits]
    # Luhn sums up to each digit (ISO/IEC 7812-1, annex B), once with even digits doubled, once with odd ones.
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
        # Access keys, and the other unique ids of IAM that give access (AWS: IAM identifiers).
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
        # A JSON Web Token (RFC 7519): parts in base64; the first one begins like JSON.
        Preset(r"(?:\b|_)(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_.-]*)"),
    ),
    "card-numbers": (
        Preset(
            r"(?:\b|_)[0-9](?:[ -]?[0-9]){12,}(?:\b|_)",
            card_numbers_in,
            re.compile(
                # No letter stands before the first digit, unless it belongs to an escape.
                rb"[0-9](?:(?<![0-9A-Za-z].)|(?<=\\[bfnrt].)|(?<=\\u[0-9a-fA-F]{4}.))(?:[ -]?[0-9]){12}"
            ),
        ),
    ),
    "emails": (Preset(r"[\w.%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b"),),
    "passwords": (
        Preset(rf"{_NAMES_IT}{_IS}\"(?P<secret>(?:[^\"\\]|\\[\s\S])+)"),
        Preset(rf"{_NAMES_IT}{_IS}'(?P<secret>(?:[^'\\]|\\[\s\S])+)"),
        # An escaped quote: JSON within text.
        Preset(rf"{_NAMES_IT}{_IS}\\+[\"'](?P<secret>[^\"'\\]+)"),
        Preset(rf"{_NAMES_IT}{_IS}(?P<secret>[^\s\"'\\&<>=]+)"),
        # A password in a URL.
        Preset(
            r"[a-z]://[^\s/:@\"]*:(?P<secret>[^\s/@\"]+)@",
            telltale=re.compile(rb":\\*/\\*/[^\s/@\"]*@"),
        ),
    ),
    "private-keys": (
        # If the end is missing, as in a line that was cut off, all that follows.
        Preset(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
        ),
    ),
}
"""Patterns by the name that REDACT accepts."""
