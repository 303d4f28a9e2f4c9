"""What becomes of failed invocations when nearly all of them fail; how it is delivered is in test_keeping.py."""

import pytest

from extension.config.parsers import Pace
from extension.diagnostics.account import Account
from extension.model.segment import Segment
from extension.recorder.evaluator import Flood
from extension.recorder.invocation import Invocation

PACE = Pace(2, 60_000)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def flood(account: Account) -> Flood:
    made = Flood(account)
    made.apply(PACE)
    return made


def admit(flood: Flood, *, now_ms: int = 0) -> Invocation:
    invocation = Invocation("id")
    flood.admit(invocation, now_ms=now_ms)
    return invocation


def test_so_many_go_whole_and_the_others_do_not(flood: Flood) -> None:
    """Until time has passed for one more, which tells what was held back."""
    withheld = [admit(flood).is_withheld for _ in range(4)]
    after = admit(flood, now_ms=30_000)

    assert withheld == [False, False, True, True]
    assert not after.is_withheld
    assert after.flood == (2, 0)


def test_what_is_held_back_is_counted_and_told(flood: Flood, account: Account) -> None:
    """Lines that say nothing of the failure stay; the account, the invocation and the next one have their number."""
    for _ in range(2):
        admit(flood)
    invocation = admit(flood)
    lines = Segment(b"x", count=7, first_number=0)
    error = Segment(b"x", count=1, first_number=7, vital=True)

    goes = flood.hold_back(invocation, [lines, error])

    assert goes == [error]
    assert invocation.withheld_lines == account.dropped["flood"] == 7
    assert admit(flood, now_ms=60_000).flood == (1, 7)


def test_init_is_always_whole(flood: Flood) -> None:
    """There is one of it in an environment."""
    for _ in range(3):
        admit(flood)
    init = Invocation("")

    flood.admit(init, now_ms=0)

    assert not init.is_withheld


def test_the_same_setting_again_begins_nothing_anew(flood: Flood) -> None:
    """Settings are applied whenever any of them is fetched."""
    for _ in range(2):
        admit(flood)

    flood.apply(PACE)
    still = admit(flood).is_withheld
    flood.apply(None)

    assert still
    assert not admit(flood).is_withheld
