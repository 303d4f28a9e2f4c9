"""The name of a failure that happens again."""

import json
from pathlib import Path
from typing import Any

import pytest

from extension.model.errors.details import details_of
from extension.model.errors.fingerprint import fingerprint_of, without_ids

CAPTURED = [
    json.loads(line)
    for line in Path(__file__).with_name("captured.ndjson").read_text(encoding="utf-8").splitlines()
]


def fingerprint(record: object, *, reason: str = "rule") -> str:
    told = details_of(record)
    return fingerprint_of(reason, error_type=told.type, frames=told.frames, message=told.message)


def changed(record: object) -> Any:
    """Return a line with another id, another time and other line numbers, as the same failure has the next time."""
    text = json.dumps(record)
    for old, new in (
        ("3da1f2dc-3222-475e-9205-e2e6c6318895", "00000000-1111-4222-8333-444444444444"),
        ("2026-11-28", "2027-01-02"),
        ("code: 7", "code: 8"),
        ("code 7", "code 8"),
        (":22)", ":23)"),
        ("line 6", "line 7"),
    ):
        text = text.replace(old, new)
    return json.loads(text)


@pytest.mark.parametrize(
    "captured",
    CAPTURED,
    ids=[f"{one['program']}, {one['config']}, {one['log_format']}" for one in CAPTURED],
)
def test_the_same_failure_has_the_same_fingerprint(captured: dict[str, Any]) -> None:
    """Whatever the request, the time, the numbers and the build."""
    record = captured["record"]

    assert fingerprint(changed(record)) == fingerprint(record)


def python(message: str, *, function: str = "sell", kind: str = "ValueError") -> str:
    return (
        f"[ERROR] {kind}: {message}\nTraceback (most recent call last):\n"
        f'\u00a0\u00a0File "/var/task/shop.py", line 3, in {function}\n\u00a0\u00a0\u00a0\u00a0raise\n'
    )


def node(message: str) -> str:
    error = {
        "errorType": "Error",
        "errorMessage": message,
        "stack": [f"Error: {message}", "    at f (/var/runtime/index.mjs:27:16)"],
    }
    return f"2026-11-28T19:51:44.879Z\tid\tERROR\tInvoke Error \t{json.dumps(error)}\n"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (python("no such order 17"), python("no such order 18"), True),
        (python("no such order 17"), python("the shop is closed"), True),
        (python("x"), python("x", function="buy"), False),
        (python("x"), python("x", kind="KeyError"), False),
        (node("order 17 refused"), node("order 18 refused"), True),
        (node("order 17 refused"), node("the shop is closed"), False),
        ("[ERROR] order 'a-b' refused", "[ERROR] order 'c-d' refused", True),
        ("[ERROR] order 17 refused", "[ERROR] payment of 17 refused", False),
        (
            "order 17: shop.OrderException\nshop.OrderException: order 17\n\tat shop.Handler$$Lambda$14/0x00a1.run(H.java:1)\n",
            "order 18: shop.OrderException\nshop.OrderException: order 18\n\tat shop.Handler$$Lambda$99/0x00ff.run(H.java:2)\n",
            True,
        ),
    ],
    ids=[
        *("another number", "another message from one place", "another place", "another type"),
        *("no frame of its own", "no frame of its own, another message", "quoted", "no frames"),
        "names that a compiler made",
    ],
)
def test_different_failures_have_different_fingerprints(one: str, other: str, same: bool) -> None:
    """The place tells failures apart; where it is not the function's own, the message does."""
    assert (fingerprint(one) == fingerprint(other)) is same


def test_fingerprint_depends_on_the_reason_and_is_hexadecimal() -> None:
    """Sixteen digits, fit for a query and an alarm's name."""
    found = fingerprint("x")

    assert len(found) == 16
    assert int(found, 16) >= 0
    assert fingerprint("x", reason="timeout") != found


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("order 17 refused", "order # refused"),
        ("no user c-7f3a at 10.0.0.1:80", "no user # at #.#.#.#:#"),
        ("key 'a b' and \"c\" of `d`", "key # and # of #"),
        ("nothing", "nothing"),
    ],
)
def test_ids_are_taken_out(text: str, marked: str) -> None:
    """Numbers, ids and what is quoted differ from one request to the next."""
    assert without_ids(text) == marked
