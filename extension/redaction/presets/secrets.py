"""Define the presets of REDACT: what finds the secrets that turn up in logs, and what tells that a line holds none.

A preset finds what it names and leaves other text alone: an identifier of sixteen digits is not a card number. The name
of a secret (``DB_PASSWORD``, ``SecretAccessKey``) stays and its value is masked. Python's ``re`` runs these patterns. They
are written so that it never reads the same characters for two beginnings. Compiled patterns do not change, so threads
share them. Pure.
"""

from collections.abc import Callable, Iterator

from extension.redaction.presets.addresses import command_passwords, emails, url_passwords
from extension.redaction.presets.cards import card_numbers
from extension.redaction.presets.names import Found, named_secrets
from extension.redaction.presets.tokens import access_keys, bearers, private_keys, vendor_tokens
from extension.redaction.presets.values import Span

FINDERS: dict[str, tuple[Callable[[str], Iterator[Span]], ...]] = {
    "aws-keys": (access_keys,),
    "bearer-tokens": (bearers,),
    "card-numbers": (card_numbers,),
    "passwords": (url_passwords, command_passwords),
    "vendor-tokens": (vendor_tokens,),
}
"""What finds secrets by their form, by the name of their preset; names find the others."""

FINDERS_IN_STRINGS: dict[str, Callable[..., Iterator[Span]]] = {
    "emails": emails,
    "private-keys": private_keys,
}
"""The same, for what may hold quotes."""

NAMED = frozenset({"aws-keys", "bearer-tokens", "passwords"})
"""Presets that find secrets by their names."""


def secrets_in(text: str, presets: frozenset[str], *, is_json: bool) -> Iterator[Found]:
    """Yield the secrets of presets in text; ``is_json`` for JSON whose strings hold no backslash."""
    if presets & NAMED:
        yield from named_secrets(text, presets, is_json=is_json)
    for preset in presets:
        for find in FINDERS.get(preset, ()):
            for start, end in find(text):
                yield Found(start, end, preset)
        if preset in FINDERS_IN_STRINGS:
            for start, end in FINDERS_IN_STRINGS[preset](text, is_json=is_json):
                yield Found(start, end, preset)
