import re
from pathlib import Path

import pytest

from extension.config.parsers import read_pattern
from whatif.model.signs import SIGNS, Sign

BY_NAME = {sign.name: sign for sign in SIGNS}

SHOWN = {
    "Traceback": [
        "Traceback (most recent call last):\n  File x",
        '{"exc_info": "Traceback (most recent call last):\\n  File"}',
    ],
    "Exception or Error": [
        "ValueError: boom",
        "order 17 not stored: KeyError: 'id'",
        "Error: failed to connect",
        "Error: not found",
        "FileNotFoundError: No such file or directory",
        "request error: timeout",
        "java.lang.NullPointerException: null",
        "retry 1: java.util.concurrent.TimeoutException\njava.util.concurrent.TimeoutException\n\tat shop.A.b(A.java:7)",
        "botocore.exceptions.ClientError: An error occurred (AccessDenied)",
        "System.InvalidOperationException: no such order",
        '{"msg":"x","err":{"stack":"TypeError: Cannot read properties of undefined"}}',
    ],
    "panic": [
        "panic: assignment to entry in nil map",
        "got it\nfatal error: all goroutines are asleep - deadlock!",
        "thread 'main' panicked at src/main.rs:4:5:",
    ],
    "level word": [
        "order 17: ERROR payment refused",
        "*** FATAL *** payment refused",
        "worker <CRITICAL> payment refused",
        "2026-11-27 08:00:01,123 ERROR shop payment refused",
        "ERROR connection refused",
        "upstream [error    ] lookup failed",
    ],
    "level word in JSON": [
        '{"kind":"error","message":"payment refused"}',
        '{"msg": "payment refused", "lvlname": "FATAL"}',
    ],
    "status 5xx": [
        '{"statusCode":502,"body":""}',
        '{"statusCode": 500}',
        "upstream said status=503",
        'http.status_code: "500"',
        '"POST /orders HTTP/1.1" 500 17',
        "HTTP 503 from the warehouse",
        "502 Bad Gateway",
    ],
}

HEALTHY = [
    "0 errors",
    "order 17 stored, 0 errors",
    "errors: 0",
    "error: 0",
    "error: none",
    "error: no",
    "error: null",
    "Error: none",
    "error_count=0",
    "error_rate=0.0 errors=0 level=info",
    "ERROR count: 0",
    "0 ERROR lines",
    "LOG_LEVEL=ERROR",
    "the log level is ERROR",
    "on ERROR retry",
    "[Error] 0",
    "no exception",
    "no exceptions were thrown",
    "exception handling enabled",
    "IsError: False, LastError: null",
    "MeanSquaredError: 0.03",
    "handleError(err) registered",
    "ErrorHandler: ready",
    "200",
    "status=200",
    "GET /500/x",
    "GET /500/x 200 3.1 ms",
    "GET /error 200",
    '"GET /orders?status=500 HTTP/1.1" 200 17',
    '"GET /orders HTTP/1.1" 200 500',
    "500 items in stock",
    "took 503 ms",
    "status: 500ms",
    "status: 5000",
    "retry after 502 ms",
    "the critical path has 17 steps",
    "panic button tested",
    "2026-11-20T08:00:00.000Z\tid\tERROR\t(node:8) [DEP0040] DeprecationWarning: old api",
    '{"level":"ERROR","message":"(node:8) [DEP0040] DeprecationWarning: old api"}',
    '{"error":null,"errors":[],"statusCode":200}',
    '{"level":"info","message":"no errors"}',
    '{"severity":"critical","source":"aws.guardduty","state":"archived"}',
    '{"log_level":"critical","table":"orders"}',
    '{"level":60,"player":17}',
]
"""Lines of functions in which nothing failed. A false alarm costs trust."""


def found_in(line: str) -> set[str]:
    return {sign.name for sign in SIGNS if read_pattern(sign.pattern).search(line)}


def test_every_sign_has_a_case() -> None:
    """A sign that nobody tried may be found anywhere."""
    assert SHOWN.keys() == BY_NAME.keys()


@pytest.mark.parametrize(("name", "line"), [(n, one) for n, many in SHOWN.items() for one in many])
def test_sign_is_found(name: str, line: str) -> None:
    """People call these lines failures."""
    assert name in found_in(line)


@pytest.mark.parametrize("line", HEALTHY)
def test_no_sign_is_found_in_a_healthy_line(line: str) -> None:
    """The word alone is no sign, and neither is the number."""
    assert found_in(line) == set()


@pytest.mark.parametrize("sign", SIGNS, ids=BY_NAME)
def test_sign_is_found_in_its_example(sign: Sign) -> None:
    """The table is read by people who wonder what a sign is."""
    assert sign.name in found_in(sign.example)


def test_signs_fit_one_error_pattern() -> None:
    """All of them can be set at once, in any shell's single quotes, and mean the same as in Python."""
    together = "|".join(sign.pattern for sign in SIGNS)
    lines = [*HEALTHY, *(line for many in SHOWN.values() for line in many)]

    pattern = read_pattern(together)

    assert "'" not in together
    assert [pattern.search(line) for line in lines] == [
        re.search(together, line) is not None for line in lines
    ]


def test_docs_list_every_sign() -> None:
    """People read there what is looked for."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "whatif.md").read_text(encoding="utf-8")

    assert all(f"| {sign.name} | `" in text for sign in SIGNS)
