"""The usual secrets by name: what each finds, and what it lets be."""

import pytest

from extension.linear import Linear
from extension.presets import PRESETS, card_number_in
from extension.redaction import Redactor, read_patterns

FOUND = [
    ("aws-keys", "key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("aws-keys", "ASIAY34FZKBOKMUTVV7A", "ASIAY34FZKBOKMUTVV7A"),
    (
        "aws-keys",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    ("bearer-tokens", "Authorization: Bearer abc.def-123456", "abc.def-123456"),
    ("bearer-tokens", "authorization=basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    (
        "bearer-tokens",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "eyJhbGciOiJIUzI1NiJ9",
    ),
    ("card-numbers", "card 4111111111111111 declined", "4111111111111111"),
    ("card-numbers", "card 4111 1111 1111 1111.", "4111 1111 1111 1111"),
    ("card-numbers", "card 3782-822463-10005,", "3782-822463-10005"),
    ("card-numbers", "4111 1111 1111 1111 12 2027", "4111 1111 1111 1111"),
    ("emails", "mail to Ann.O'x+shop@mail.example.co.uk now", "x+shop@mail.example.co.uk"),
    ("passwords", "password=hunter22&user=x", "hunter22"),
    ("passwords", 'api_key: "k-123456"', "k-123456"),
    (
        "private-keys",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "MIIEow",
    ),
]

LET_BE = [
    ("aws-keys", "XAKIAIOSFODNN7EXAMPLE1 and AKIA alone, secret_key=short"),
    ("bearer-tokens", "the bearer of this, basic economics; eyJ.eyJ."),
    ("card-numbers", "order 4111111111111112, time 1732458123123, id 12345678901234567890"),
    ("card-numbers", "0000 0000 0000 0000 and 2026-11-24 10:00:00"),
    ("emails", "user@localhost, @decorator, a@b"),
    ("passwords", "the password was changed; passwords: 3"),
    ("private-keys", "-----BEGIN CERTIFICATE-----"),
]


def masked(name: str, text: str) -> str:
    return Redactor(read_patterns(name))._masked(text)


@pytest.mark.parametrize(("name", "text", "secret"), FOUND)
def test_a_secret_is_found(name: str, text: str, secret: str) -> None:
    """And what stands in its place says of what kind it was."""
    assert secret not in masked(name, text)
    assert f"[REDACTED:{name}]" in masked(name, text)


@pytest.mark.parametrize(("name", "text"), LET_BE)
def test_what_only_looks_alike_is_let_be(name: str, text: str) -> None:
    """A mask in the wrong place hides what somebody is looking for."""
    assert masked(name, text) == text


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_searched_for_in_linear_time(name: str) -> None:
    """None of them is refused, and both tables above have it."""
    for preset in PRESETS[name]:
        Linear(preset.pattern)
    assert name in {one[0] for one in FOUND}
    assert name in {one[0] for one in LET_BE}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("4111111111111111", (0, 16)),
        ("12 4111 1111 1111 1111", (3, 22)),
        ("4111 1111 1111 1111 2027", (0, 19)),
        ("4111111111111112", None),
        ("1111 1111 1111 1111", None),
        ("123456789012", None),
    ],
)
def test_a_card_number_has_its_check_digit(text: str, span: tuple[int, int] | None) -> None:
    """Thirteen to nineteen digits, of whole groups, not all the same."""
    assert card_number_in(text) == span
