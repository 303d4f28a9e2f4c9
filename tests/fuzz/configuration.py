"""Settings of any value: reading never fails, what is used is within bounds, and no secret is in what is said."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.config.references import read_document
from extension.config.settings import read_settings
from extension.config.variables import SETTINGS
from tests.fuzz import corpus
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

SettingsCase = tuple[list[tuple[str, str]], list[tuple[str, str]], str | None]
"""Variables with values, fetched values of references, and a document of settings."""

SECRET = "QuXz7hLm2vPw"
NAMES = tuple(one.name for one in SETTINGS)
SECRETS = frozenset(one.name for one in SETTINGS if one.secret) | {"REDACT", "EXCLUDE"}

PIECES = (
    *("1", "0.5", "5%", "800ms", "3s", "15m", "8MiB", "64KiB", "1/m", "120/10m", "true", "false", "off", "OFF", "auto"),
    *("ERROR", "WARN", "a, b", "none", "all", "emails", "(", ")", "[", "]", "{", "}", "a|b", "(?P<level>a)", "\\d+", "(?=a)"),
    *("cloudwatch:", "s3://bucket/prefix", "firehose:x", "https://x.example/y", "http://[::1]:80/", "http://[", "otlp+http://a"),
    *("file:/tmp/x", "stdout:", "own+cloudwatch:/x", "records+own+cloudwatch:", "loki+https://u:p@h/", "ssm:/a", "secretsmanager:x#y", "arn:aws:s3:::b", "s3://arn:aws:s3:::b/x?owner=123456789012", "cloudwatch:arn:aws:logs:x:123456789012:log-group:y", "é", "\x00", " ", ","),
    *("a=b", "=", "A=b,C", "9" * 400, "-1", "1e5", "NaN", "inf", "0x1", "²", "\u0661", "1" * 20 + "d", "/", ":", "%", "#", "?"),
)  # fmt: skip


class Configuration(Fuzzer):
    """Set some variables to values made of pieces that settings have."""

    def draw(self, random: Random) -> SettingsCase:
        given = [
            (self._name(random), self._value(random)) for _ in range(1 + int(random.random() * 4))
        ]
        return (
            given,
            [
                (name, self._value(random))
                for name, value in given
                if value.startswith(("ssm:", "secretsmanager:", "s3://"))
            ],
            self._document(random),
        )

    def _document(self, random: Random) -> str | None:
        if random.random() < 0.5:
            return None
        kinds: tuple[object, ...] = (None, 1, 0.5, True, [], {}, 1e400)
        document = {
            self._name(random): self._value(random) + SECRET
            if random.random() < 0.7
            else pick(random, kinds)
            for _ in range(int(random.random() * 5))
        }
        text = json.dumps(document)
        return text if random.random() < 0.9 else text[1:]

    def _name(self, random: Random) -> str:
        name = pick(random, NAMES)
        return name if random.random() < 0.97 else name[1:] + "X"

    def _value(self, random: Random) -> str:
        count = pick(random, (1, 1, 2, 3, 6))
        return "".join(
            [
                pick(random, PIECES) if random.random() < 0.9 else corpus.text(random)
                for _ in range(count)
            ]
        )

    def check(self, case: SettingsCase) -> int:
        given, fetched, text = case
        document = None
        if text is not None:
            with contextlib.suppress(ValueError):
                document = read_document(text)
        environ = {
            PREFIX + name: value + (SECRET if name in SECRETS else "") for name, value in given
        }
        environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = "512"
        settings, problems = read_settings(
            environ,
            fetched={PREFIX + name: value + SECRET for name, value in fetched},
            document=document,
        )
        assert 0.0 <= settings.sample_rate <= 1.0
        assert 64 * 1024 <= settings.buffer_bytes <= 256 * 1024 * 1024
        assert 0 <= settings.history <= 100
        assert 0 <= settings.flush_timeout_ms <= 900_000
        assert 30_000 <= settings.refresh_interval_ms <= 900_000
        assert (
            settings.sinks[0].url
            or "SINK" in settings.unresolved
            or settings.sinks[0].variable == "SINK"
        )
        for problem in problems:
            assert problem.variable.startswith(PREFIX)
            assert SECRET not in repr(problem), problem
            assert problem.used
            assert len(problem.value) <= 400
        return 1
