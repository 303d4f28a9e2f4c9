"""Every fuzzer for a moment, from one seed, and what each of them is able to find. ``./build.sh fuzz`` runs them for long."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from extension.config import settings
from extension.config.variables import SETTINGS
from extension.delivery import queue
from extension.diagnostics.account import Account
from extension.lambda_api import http1
from extension.lambda_api.listener import Listener
from extension.model import ndjson
from extension.model.receipt import Answer, Receipt
from extension.parsing import batch
from extension.redaction.prefilter import Prefilter
from extension.regex.pattern import Pattern
from extension.sinks.formats import base
from extension.transport import responses
from tests.fuzz import __main__ as program
from tests.fuzz.fuzzers import FUZZERS
from tests.fuzz.running import Fuzzer, breach_of, random_for, run_cases
from tests.fuzz.shrinking import smaller_cases

if TYPE_CHECKING:
    from random import Random

SEED = 1
"""The same cases each time, so that the run says the same each time."""

CASES = {
    "http1": 300,
    "listener": 60,
    "batches": 500,
    "environments": 40,
    "queue": 150,
    "rows": 500,
    "expressions": 60,
    "redaction": 80,
    "settings": 500,
    "answers": 500,
    "sinks": 40,
}
"""So many take a fraction of a second."""

MISTAKES: dict[str, tuple[object, str, Any]] = {
    "http1": (http1, "_number", lambda digits: int(digits or 0) - (digits == b"2")),
    "listener": (
        Listener,
        "_weakest",
        lambda self: max(self._peers, key=lambda at: self._peers[at].rank),
    ),
    "batches": (batch, "is_plain", lambda *_: True),
    "environments": (Account, "drop", lambda _self, _reason, _lines: None),
    "queue": (queue, "without", lambda chunks, _gone: chunks),
    "rows": (ndjson, "members", lambda _fields: b'"reason":'),
    "expressions": (Pattern, "search", lambda _self, _text: False),
    "redaction": (Prefilter, "may_hold", lambda _self, _event: False),
    "settings": (settings, "SETTINGS", [one._replace(secret=False) for one in SETTINGS]),
    "answers": (responses, "retry_after_s", lambda reply: float(reply.headers["Retry-After"])),
    "sinks": (base, "receipt_for", lambda reply, **_: Receipt(Answer.DENIED, str(reply.body))),
}
"""For each fuzzer a mistake in what it tries."""


def test_every_fuzzer_is_tried() -> None:
    """Both ways."""
    assert CASES.keys() == MISTAKES.keys() == FUZZERS.keys()


@pytest.mark.parametrize(
    "name",
    [
        # What re finds differs by version.
        pytest.param(
            name, marks=getattr(pytest.mark, "every_python" if name == "expressions" else "newest")
        )
        for name in FUZZERS
    ],
)
def test_invariants_hold(name: str) -> None:
    """On some hundred cases; a breach shows the smallest case."""
    with closing(FUZZERS[name]()) as fuzzer:
        _, inputs, failed = run_cases(name, fuzzer, seed=SEED, numbers=range(CASES[name]))

    if failed is not None:
        pytest.fail(str(breach_of(name, FUZZERS[name](), seed=SEED, number=failed[0]) or failed[1]))
    assert inputs >= CASES[name]


@pytest.mark.newest
@pytest.mark.parametrize("name", FUZZERS)
def test_fuzzer_finds_a_mistake(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the cases of an ordinary run, so none of them looks the other way."""
    monkeypatch.setattr(*MISTAKES[name])

    with closing(FUZZERS[name]()) as fuzzer:
        _, _, failed = run_cases(name, fuzzer, seed=SEED, numbers=range(CASES[name]))

    assert failed is not None


class Seven(Fuzzer):
    """Breaks on lists in which 7 stands before a text."""

    def draw(self, random: Random) -> list[tuple[int, str]]:
        return [(int(random.random() * 9), "ttt") for _ in range(30)]

    def check(self, case: list[tuple[int, str]]) -> int:
        assert not any(number == 7 and text for number, text in case)
        return len(case)


def test_case_is_made_smaller_as_long_as_it_fails_alike() -> None:
    """What is left is what matters."""
    breach = breach_of("seven", Seven(), seed=SEED, number=0)

    assert breach is not None
    assert breach.case == [(7, "t")]
    assert breach.kind.startswith("AssertionError at ")


@pytest.mark.parametrize("case", [[], "", b"", 0, None, (), (0, [], None)])
def test_nothing_is_smaller_than_nothing(case: object) -> None:
    """So that reducing ends."""
    assert list(smaller_cases(case)) == []


def test_seed_and_number_make_the_case_again() -> None:
    """However many other cases were drawn before."""
    drawn = [Seven().draw(random_for("seven", SEED, number)) for number in (3, 4, 3)]

    assert drawn[0] == drawn[2] != drawn[1]


def test_breach_ends_the_command_with_1_and_says_how_to_run_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seed, smallest case, command."""
    monkeypatch.setitem(FUZZERS, "seven", Seven)
    arguments = ["--only", "seven", "--seed", "1", "--case"]

    assert program.main([*arguments, "0"]) == 1

    shown = capsys.readouterr().out
    assert "smallest: [(7, 't')]" in shown
    assert f"./build.sh fuzz {' '.join(arguments)} 0" in shown


def test_command_sums_up_what_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    """By fuzzer, and in all."""
    status = program.main(
        ["--only", "queue", "--minutes", "0.001", "--seed", "1", "--workers", "1"]
    )

    shown = capsys.readouterr().out
    assert status == 0
    assert "seed 1, 0.001 min on 1 processes: queue" in shown
    assert "0 breaches" in shown
