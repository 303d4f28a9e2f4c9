"""The usual secrets by name: what each finds, and what it lets be."""

import json

import pytest

from extension.config.parsers import PRESET_NAMES
from extension.redaction.patterns import PRESETS, read_patterns
from extension.redaction.presets.cards import card_numbers
from extension.redaction.presets.secrets import FINDERS, FINDERS_IN_STRINGS
from extension.redaction.redactor import Redactor

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMII+Eow/\n"

FOUND = [
    ("aws-keys", "key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE", "key {} used"),
    ("aws-keys", "ASIAY34FZKBOKMUTVV7A", "ASIAY34FZKBOKMUTVV7A", "{}"),
    ("aws-keys", "k_AKIAIOSFODNN7EXAMPLE_1", "AKIAIOSFODNN7EXAMPLE", "k_{}_1"),
    ("aws-keys", f"AWS_SECRET_ACCESS_KEY={SECRET_KEY}", SECRET_KEY, "AWS_SECRET_ACCESS_KEY={}"),
    ("aws-keys", f"aws_secret_access_key   {SECRET_KEY}", SECRET_KEY, "aws_secret_access_key   {}"),
    ("aws-keys", f'{{"SecretAccessKey":"{SECRET_KEY}"}}', SECRET_KEY, '{{"SecretAccessKey":"{}"}}'),
    ("aws-keys", f"sent {{'sessionToken': '{SECRET_KEY}'}}", SECRET_KEY, "sent {{'sessionToken': '{}'}}"),
    ("bearer-tokens", "Authorization: Bearer abc.def-123456", "abc.def-123456", "Authorization: Bearer {}"),
    ("bearer-tokens", "authorization=basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "authorization=basic {}"),
    ("bearer-tokens", '{"Authorization": "Bearer abc"}', "abc", '{{"Authorization": "Bearer {}"}}'),
    ("bearer-tokens", '{"authorization":"0123456789abcdef"}', "0123456789abcdef", '{{"authorization":"{}"}}'),
    ("bearer-tokens", "with bearer 0123456789abcdef", "0123456789abcdef", "with bearer {}"),
    ("bearer-tokens", f"token {JWT} is", JWT, "token {} is"),
    ("card-numbers", "card 4111111111111111 declined", "4111111111111111", "card {} declined"),
    ("card-numbers", "card 4111 1111 1111 1111.", "4111 1111 1111 1111", "card {}."),
    ("card-numbers", "card 3782-822463-10005,", "3782-822463-10005", "card {},"),
    ("card-numbers", "4111 1111 1111 1111 12 2027", "4111 1111 1111 1111", "{} 12 2027"),
    ("card-numbers", "4222222222222", "4222222222222", "{}"),
    ("card-numbers", "4111 1111 1111 1111 5500 0055 5555 5559", "5555", "{} {}"),
    ("card-numbers", '{"card":4111111111111111}', "4111111111111111", '{{"card":"{}"}}'),
    ("emails", "mail to Ann.O'x+shop@mail.example.co.uk now", "Ann.O'x+shop@", "mail to {} now"),
    ("emails", "a" * 300 + " bob@example.com", "bob@", "a" * 300 + " {}"),
    ("passwords", "password=hunter22&user=x", "hunter22", "password={}&user=x"),
    ("passwords", 'api_key: "k-123456"', "k-123456", 'api_key: "{}"'),
    ("passwords", "stripe_secret_key=sk-1", "sk-1", "stripe_secret_key={}"),
    ("passwords", "DB_PASSWORD: a,b;c d", "a,b;c", "DB_PASSWORD: {} d"),
    ("passwords", 'password = "correct horse \\"battery"', "battery", 'password = "{}"'),
    ("passwords", "clientSecret => 'it is, \\'so'", "so", "clientSecret => '{}'"),
    ("passwords", 'body {\\"pwd\\":\\"hun ter\\"}', "hun ter", 'body {{\\"pwd\\":\\"{}\\"}}'),
    ("passwords", '{"password":"p\\"; x","user":"x"}', "; x", '{{"password":"{}","user":"x"}}'),
    ("passwords", '{"pwd": 123456, "user": "x"}', "123456", '{{"pwd": "{}", "user": "x"}}'),
    ("passwords", "at postgres://admin:hunter2@db:5432/x", "hunter2", "at postgres://admin:{}@db:5432/x"),
    ("private-keys", f"{KEY}-----END RSA PRIVATE KEY-----\nx", "MII+Eow/", "{}\nx"),
    ("private-keys", KEY, "MII+Eow/", "{}"),
    ("private-keys", json.dumps({"key": KEY, "n": 1}), "MII+Eow/", '{{"key": "{}", "n": 1}}'),
    ("vendor-tokens", "with ghp_p7CgQ0PBQFI14zGtSnovm14TUOizwd1iaeOV", "ghp_p7", "with {}"),
    ("private-keys", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ", "lQ", "{}"),
]  # fmt: skip

LET_BE = [
    ("aws-keys", "XAKIAIOSFODNN7EXAMPLE1 and AKIA alone, secret_key=short"),
    ("bearer-tokens", "the bearer of this, basic economics; eyJ.eyJ."),
    ("bearer-tokens", "authorization: denied for bob"),
    ("card-numbers", "order 4111111111111112, time 1732458123123, id 12345678901234567890"),
    ("card-numbers", "0000 0000 0000 0000 and 2026-11-24 10:00:00"),
    ("card-numbers", "in ms 1732458123120 1732458123121 1732458123122 1732458123124 1732458123125"),
    ("emails", "logo@2x.png, @decorator, a@b, git@github.com:o/r.git, lodash@4.17.21.tgz"),
    ("passwords", "the password was changed; passwords: 3"),
    ("passwords", "https://example.com:8080/x?y=z"),
    ("private-keys", "-----BEGIN CERTIFICATE-----"),
    ("vendor-tokens", "risk-assessment-of-something-long, ghp_short, ASK-0123"),
]


def masked(name: str, text: str) -> str:
    event = json.dumps({"time": "", "type": "function", "record": text}).encode()
    record = json.loads(Redactor(read_patterns(name)).redact(event))["record"]
    assert isinstance(record, str)
    return record


@pytest.mark.parametrize(("name", "text", "secret", "left"), FOUND)
def test_a_secret_is_found(name: str, text: str, secret: str, left: str) -> None:
    """What stands in its place says of what kind it was, and what stands around it is left."""
    mask = f"[REDACTED:{name}]"

    assert secret not in masked(name, text)
    assert masked(name, text) == left.format(mask, mask)
    assert secret not in masked("all", text)


@pytest.mark.parametrize(("name", "text"), LET_BE)
def test_presets_leave_lookalikes_unmasked(name: str, text: str) -> None:
    """A mask in the wrong place hides what somebody is looking for."""
    assert masked(name, text) == text


def test_every_preset_finds_something_and_leaves_something() -> None:
    """Both tables above have each of them."""
    assert set(PRESETS) == {one[0] for one in FOUND} == {one[0] for one in LET_BE}
    assert set(PRESETS) == {*FINDERS, *FINDERS_IN_STRINGS}
    # The names stand in the table of settings by themselves, so that nothing is loaded for it.
    assert PRESETS == PRESET_NAMES


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("4111111111111111", [(0, 16)]),
        ("12 4111 1111 1111 1111", [(3, 22)]),
        ("4111 1111 1111 1111 2027", [(0, 19)]),
        ("4111111111111111 4111111111111111", [(0, 16), (17, 33)]),
        ("4 0000 0000 0006 4111 1111 1111 1111", [(0, 16), (17, 36)]),
        *(("4111111111111112", []), ("4444 4444 4444 4444", []), ("1732458123126", [])),
        *(("123456789012", []), ("", [])),
    ],
)
def test_a_card_number_has_its_check_digit(text: str, spans: list[tuple[int, int]]) -> None:
    """Thirteen to nineteen digits, of whole groups, not all the same, and begun as cards are."""
    assert list(card_numbers(text)) == spans


def test_many_digits_take_no_more_than_a_few_looks_each() -> None:
    """A line of nothing but digits is no trap."""
    found = list(card_numbers("4 " * 50_000 + "4111 1111 1111 1111"))

    assert found[-1][1] == 100_019
