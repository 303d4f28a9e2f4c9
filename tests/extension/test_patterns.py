import re
import signal
import time
from collections.abc import Iterator

import pytest

from extension.patterns import MAX_SEARCH_S, GuardedPattern

CATASTROPHE = re.compile(r"(a+)+$")
HOSTILE = "a" * 40 + "!"


@pytest.fixture(autouse=True)
def handler_put_back() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def given_up() -> list[str]:
    return []


def guarded(pattern: re.Pattern[str], given_up: list[str]) -> GuardedPattern:
    return GuardedPattern(pattern, given_up=lambda: given_up.append("once"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("payment declined: card 12", True),
        ("payment made", False),
        ("", False),
        ("x" * 300_000 + "declined", True),
    ],
)
def test_an_ordinary_pattern_is_found_or_not(line: str, found: bool, given_up: list[str]) -> None:
    """A pattern that is quick works as without the guard, on long lines too."""
    pattern = guarded(re.compile(r"\bcard \d+|declined$"), given_up)

    assert pattern.search(line) is found
    assert given_up == []


def test_no_timer_is_left_running(given_up: list[str]) -> None:
    """After a search no signal will come that could hit something else."""
    guarded(re.compile("a"), given_up).search("b")

    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_catastrophic_pattern_ends_in_bounded_time_and_once(given_up: list[str]) -> None:
    """The first hostile line costs the bound and counts as found; after that the pattern is not used."""
    pattern = guarded(CATASTROPHE, given_up)
    began = time.monotonic()

    first = pattern.search(HOSTILE)
    first_s = time.monotonic() - began
    others = [pattern.search(HOSTILE) for _ in range(100)]
    all_s = time.monotonic() - began

    assert first
    assert MAX_SEARCH_S * 0.9 <= first_s < MAX_SEARCH_S + 1.0
    assert not any(others)
    assert all_s - first_s < 0.5
    assert given_up == ["once"]


def test_a_pattern_given_up_finds_nothing_any_more(given_up: list[str]) -> None:
    """Once given up, even what it would find at once is not found: an answer must not depend on luck."""
    pattern = guarded(CATASTROPHE, given_up)
    before = pattern.search("aaa")
    pattern.search(HOSTILE)

    assert before
    assert not pattern.search("aaa")
