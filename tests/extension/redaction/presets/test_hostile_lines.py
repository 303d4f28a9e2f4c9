"""Lines made to have presets read them over and over: work grows with the length of a line, and no faster.

``python -m tests.extension.redaction.presets.test_hostile_lines`` measures the processor time of each.
"""

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import settings

from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from tests.conftest import ORDINARY_EXAMPLES
from tests.doubles.lambda_events import compact, line

pytestmark = pytest.mark.newest

SEEDS = [
    "password=",
    "password='",
    "password=\\'",
    'password=\\\\"',
    "passwordpassword",
    '"password":',
    '{"password":',
    '["password",',
    '[["password",',
    "password=[",
    "password={",
    "password: ",
    "a",
    "0",
    "4 ",
    "4",
    "4111 ",
    '"',
    "\\",
    '\\\\"',
    "'",
    "eyJ",
    "eyJ-",
    "eyJa.",
    "-eyJabcdefgh",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN ",
    "@",
    "a@",
    "a@b.c",
    "%40",
    "%40a.bc",
    "a.b%40",
    "://",
    "a://b:c",
    "a://u:p@",
    "://a:/",
    "curl -u ",
    "mysql -p",
    "curl ",
    "'mysql','",
    "authorization: ",
    "Authorization: Bearer ",
    "cookie: ",
    "cookie: a=b; ",
    "Cookie",
    "token=",
    "secret:",
    "key=",
    "api_key",
    "pin=",
    "sig=",
    "code=",
    "?code=",
    "ghp_",
    "sk-",
    "sk-a-",
    "sk-ab-ab-ab-",
    "xoxb-",
    "SG.",
    "SG.aaaaaaaaaa",
    "-",
    "_",
    "AKIA",
    "ASIA",
    "IQoJb3JpZ2luX2Vj",
    '"name":"password",',
    '{"name":"password","value":',
    '"value":"x","name":"password",',
    'name="password"\r\n\r\n',
    "identified by ",
    "password '",
    'password "',
    "<password>",
    '<password a="b"',
    "password%3D",
    "%22password%22%3A%22",
    "password=%",
    "password=&",
    "password=;",
    "password=,a",
    "password=\\n",
    "password=a;",
    "password=a&b",
    "password=|",
    "\u00e4@",
    "\\u00e4",
    "\\u00e4@a",
    "a.",
    "a@a.",
    "a-",
    "[",
    "{",
    "(",
    "({[",
    "b'",
    "Some(",
    "string(1) ",
    "password=Some(",
    "password=#<A b=",
    "auth=('",
    "auth=('a','",
    '{"kty":',
    '"d":"',
    "LS0tLS1CRUdJTi",
    "Private-Lines: 1\n",
    "thin:a/",
    "sqlplus ",
    "hooks.slack.com/",
    "1234567890:AA",
    "M" * 24 + ".",
    "MNOMNO",
    "//",
    "/",
    "=",
    "= ",
    "password = ",
    "password  ",
    "\n",
    "\t",
    "   ",
    ". . ",
    "1.",
    "1-",
    "1 %20",
    "&nbsp;",
    "4&nbsp;",
    "\\n4",
    "bearer ",
    "Bearer%20",
    "key-",
    "0123456789abcdef-",
    "a" * 31 + "-",
    "x" * 70,
    "AWS Secret Access Key ",
    "secret access key [a] ",
    "password:String = ",
    "password::",
    "password->",
    "password=>",
    "&quot;password&quot;:&quot;",
    "--password ",
    "--password",
    "-p ",
    "password_",
    "password_hash",
    "password-",
    "passwordx",
    "pass",
    "next token=",
    "a=",
    'a="',
    "a,b:",
    "S: ",
]

CHARS = 400
MEASURED_CHARS = 8_000
TIMES = 4


def hostile(seed: str, chars: int) -> list[bytes]:
    """Return events of a text that repeats the seed: as it is, and in JSON."""
    text = (seed * (chars // len(seed) + 1))[:chars]
    return [compact(line(text)), compact(line(json.dumps({"m": text})))]


def calls_for(redactor: Redactor, event: bytes) -> int:
    """Count the functions that are called, also those of ``re`` and ``str``, to mask an event."""
    calls = 0

    def count(frame: Any, kind: str, argument: Any) -> None:
        nonlocal calls
        calls += kind in {"call", "c_call"}

    sys.setprofile(count)
    try:
        redactor.redact(event)
    finally:
        sys.setprofile(None)
    return calls


def time_for_ns(redactor: Redactor, event: bytes) -> int:
    best = sys.maxsize
    for _ in range(3):
        begin = time.thread_time_ns()
        redactor.redact(event)
        best = min(best, time.thread_time_ns() - begin)
    return best


def test_hostile_lines_cost_calls_in_proportion_to_their_length() -> None:
    """A line four times as long is read with four times as many steps."""
    redactor = Redactor(read_patterns("all"))
    redactor.redact(compact(line("password=x")))
    wrong = {}

    for seed in SEEDS:
        for short, long in zip(hostile(seed, CHARS), hostile(seed, TIMES * CHARS), strict=True):
            calls = calls_for(redactor, short), calls_for(redactor, long)
            if calls[1] > 2 * TIMES * calls[0]:
                wrong[seed] = calls

    assert wrong == {}


@pytest.mark.hypothesis
@pytest.mark.skipif(
    settings().max_examples == ORDINARY_EXAMPLES, reason="it measures time; run ./build.sh fuzz"
)
def test_hostile_lines_cost_time_in_proportion_to_their_length() -> None:
    """Within ``re`` as well."""
    redactor = Redactor(read_patterns("all"))
    wrong = {}

    for seed in SEEDS:
        pairs = zip(
            hostile(seed, MEASURED_CHARS), hostile(seed, TIMES * MEASURED_CHARS), strict=True
        )
        for short, long in pairs:
            took = time_for_ns(redactor, short), time_for_ns(redactor, long)
            if took[1] > 2 * TIMES * took[0]:
                wrong[seed] = took

    assert wrong == {}


if __name__ == "__main__":
    the_redactor = Redactor(read_patterns("all"))
    rows = []
    for the_seed in SEEDS:
        for shorter, longer in zip(
            hostile(the_seed, MEASURED_CHARS),
            hostile(the_seed, TIMES * MEASURED_CHARS),
            strict=True,
        ):
            took_ns = time_for_ns(the_redactor, longer)
            growth = took_ns / time_for_ns(the_redactor, shorter)
            rows.append((took_ns / TIMES / MEASURED_CHARS, growth, the_seed))
    for cost_ns, growth, the_seed in sorted(rows, reverse=True):
        print(f"{cost_ns:8.0f} ns a character, x{growth:.1f} for x{TIMES}: {the_seed!r}")
