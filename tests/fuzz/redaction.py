"""The redactor: no secret leaves in any form, JSON stays JSON, and every byte outside of masks stays."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from tests.doubles.lambda_events import TIME
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

Line = tuple[int, int, str, str, bool]
"""A secret, the form of the line, the text before and behind it, whether other letters than ASCII are escaped."""

RedactionCase = tuple[str, list[Line]]
"""REDACT, and lines."""

WORD = "QuXz7hLm2vPw"
"""Stands in each secret, and nowhere else."""

SECRETS = (
    ("s3cr3t\\w+", "s3cr3tQuXz7hLm2vPw"),
    ("aws-keys", "AKIAQUXZ7HLM2VPWABCD"),
    ("aws-keys", f"aws_secret_access_key={WORD}{'k' * 28}"),
    ("bearer-tokens", f"Authorization: Bearer {WORD}{WORD}"),
    ("bearer-tokens", f"eyJhbGciOiJIUzI1NiJ9.{WORD}.{WORD}"),
    ("card-numbers", "4111 1111 1111 1111"),
    ("emails", f"{WORD}@example.com"),
    ("passwords", f"password={WORD}"),
    ("passwords", f"postgres://shop:{WORD}@db/x"),
    ("private-keys", f"-----BEGIN RSA PRIVATE KEY-----\n{WORD}\n-----END RSA PRIVATE KEY-----"),
)
TELLS = ("s3cr3t", WORD, WORD.upper(), "AKIAQUXZ7HLM2VPWABCD", "4111 1111 1111 1111")

QUIET = (
    "",
    " ",
    "order 17 took 12 ms ",
    "é\u2028 ",
    "\n",
    "{ ",
    "[ ",
    "<&> ",
    "\t",
    "\U0001f680 ",
    "GET /x 200 ",
    "(",
    "\x1b[31m ",
)
"""What stands around a secret without being one, and without touching it."""

FORMS = ("text", "member", "deep", "json in text", "json in json", "key", "object beside", "list")


class Redaction(Fuzzer):
    """Hide secrets of every preset in lines of all forms."""

    def draw(self, random: Random) -> RedactionCase:
        lines = []
        for _ in range(8):
            before, after = pick(random, QUIET), pick(random, QUIET)
            if random.random() < 0.5:
                before += pick(random, QUIET)
            shown = -1 if random.random() < 0.25 else int(random.random() * len(SECRETS))
            lines.append(
                (shown, int(random.random() * len(FORMS)), before, after, random.random() < 0.3)
            )
        return pick(random, ("all", "all", "each")), lines

    def check(self, case: RedactionCase) -> int:
        setting, lines = case
        for secret, form, before, after, escaped in lines:
            preset, text = SECRETS[secret] if secret >= 0 else ("", "nothing of the kind")
            name = setting if setting == "all" and "3" not in preset else preset
            record = _record(FORMS[form % len(FORMS)], f"{before} {text} {after}")
            event = {"time": TIME, "type": "function", "record": record}
            raw = json.dumps(event, ensure_ascii=escaped, separators=(",", ":")).encode()
            masked = _redactor(name or "all").redact(raw)
            shown = json.dumps(json.loads(masked), ensure_ascii=False)
            if secret < 0:
                assert masked == raw, (raw, masked)
                continue
            assert not any(tell in shown for tell in TELLS), (raw, masked)
            assert_rest_stays(raw, masked)
        return len(lines)


def assert_rest_stays(raw: bytes, masked: bytes) -> None:
    """What is not masked is there, in its order, and nothing else."""
    at = 0
    pieces = _pieces(masked)
    assert len(pieces) > 1
    for piece in pieces:
        found = raw.find(piece, at)
        assert found >= 0, (raw, masked)
        at = found + len(piece)
    assert raw.startswith(pieces[0])
    assert raw.endswith(pieces[-1])


def _pieces(masked: bytes) -> list[bytes]:
    # A number becomes a string, so its quotes are the mask's.
    pieces = [b""]
    rest = masked
    while (at := rest.find(b"[REDACTED")) >= 0:
        end = rest.index(b"]", at) + 1
        pieces[-1] = rest[:at]
        pieces.append(b"")
        rest = rest[end:]
    pieces[-1] = rest
    return pieces


def _record(form: str, text: str) -> object:
    forms: dict[str, object] = {
        "text": text,
        "member": {"level": "INFO", "message": text},
        "deep": {"a": [{"b": {"c": [1, text]}}]},
        "json in text": json.dumps({"message": text}),
        "json in json": {"body": json.dumps({"message": text, "inner": json.dumps([text])})},
        "key": {"a": 1, text: "x"},
        "object beside": {"n": 1.5, "text": text, "t": None, "u": "\u00e9"},
        "list": json.dumps([text, [text]]),
    }
    return forms[form]


@cache
def _redactor(setting: str) -> Redactor:
    return Redactor(read_patterns(setting))
