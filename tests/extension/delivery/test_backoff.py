"""How long a sink that fails is left alone."""

import pytest

from extension.delivery.backoff import (
    FIRST_PAUSE_S,
    JITTER,
    MAX_PAUSE_S,
    PATIENCE_ATTEMPTS,
    PATIENCE_S,
    Backoff,
)
from extension.model.receipt import Answer, Receipt

TAKEN = Receipt(Answer.TAKEN, sent_bytes=100)
UNAVAILABLE = Receipt(Answer.UNAVAILABLE)
DENIED = Receipt(Answer.DENIED)
REFUSED = Receipt(Answer.REFUSED)


def after(*receipts: Receipt, random: float = 0.0) -> Backoff:
    backoff = Backoff(lambda: random)
    for receipt in receipts:
        backoff.answered(receipt, 1000.0)
    return backoff


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
def test_pauses_grow_up_to_the_bound(random: float) -> None:
    """Each pause is twice the one before, shortened by the jitter, up to the longest."""
    full = [min(FIRST_PAUSE_S * 2**number, MAX_PAUSE_S) for number in range(15)]

    found = [
        after(*[UNAVAILABLE] * count, random=random).try_at_s - 1000.0 for count in range(1, 16)
    ]

    assert found == pytest.approx([one * (1 - JITTER * random) for one in full])
    assert full[-1] == MAX_PAUSE_S


@pytest.mark.parametrize(
    ("receipts", "pause_s", "failures", "is_down"),
    [
        ([TAKEN], 0.0, 0, False),
        ([UNAVAILABLE], FIRST_PAUSE_S, 1, False),
        ([UNAVAILABLE] * 5 + [TAKEN], 0.0, 0, False),
        ([UNAVAILABLE] * 5 + [TAKEN, UNAVAILABLE], FIRST_PAUSE_S, 1, False),
        ([UNAVAILABLE] * (PATIENCE_ATTEMPTS - 1), 0.8, PATIENCE_ATTEMPTS - 1, False),
        ([UNAVAILABLE] * PATIENCE_ATTEMPTS, 1.6, PATIENCE_ATTEMPTS, True),
        ([UNAVAILABLE] * PATIENCE_ATTEMPTS + [REFUSED], 0.0, 0, True),
        ([DENIED], MAX_PAUSE_S, 1, True),
        ([DENIED, REFUSED], 0.0, 0, True),
        ([DENIED, TAKEN], 0.0, 0, False),
        ([REFUSED], 0.0, 0, False),
        ([Receipt(Answer.UNAVAILABLE, retry_after_s=0.05)], FIRST_PAUSE_S, 1, False),
        ([Receipt(Answer.UNAVAILABLE, retry_after_s=7.0)], 7.0, 1, False),
        ([Receipt(Answer.UNAVAILABLE, retry_after_s=86_400.0)], MAX_PAUSE_S, 1, False),
    ],
)
def test_answers_decide_the_pause(
    receipts: list[Receipt], pause_s: float, failures: int, is_down: bool
) -> None:
    """A denial waits longest, a sink may ask for more time, and any other answer ends the pauses."""
    backoff = after(*receipts)

    assert max(0.0, backoff.try_at_s - 1000.0) == pytest.approx(pause_s)
    assert (backoff.failures, backoff.is_failing) == (failures, failures > 0)
    assert backoff.is_down == is_down


def test_a_sink_has_denied_access_until_its_next_answer() -> None:
    """Another answer means something else."""
    assert [after(*receipts).is_denied for receipts in ((), (DENIED,), (DENIED, UNAVAILABLE))] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("at_s", "is_down"),
    [
        ([1000.0], False),
        ([1000.0, 1000.0 + PATIENCE_S - 0.1], False),
        ([1000.0, 1000.0 + PATIENCE_S], True),
        ([10.0, 20.1], True),
    ],
)
def test_a_sink_that_fails_for_long_is_down_at_its_second_failure(
    at_s: list[float], is_down: bool
) -> None:
    """An attempt may take ten seconds, as where the DNS does not answer; five of them are too many to wait for."""
    backoff = Backoff(lambda: 0.0)

    for now_s in at_s:
        backoff.answered(UNAVAILABLE, now_s)

    assert backoff.is_down == is_down


def test_a_sink_that_was_well_in_between_has_not_failed_for_long() -> None:
    """The time counts from the first failure in a row."""
    backoff = after(UNAVAILABLE, TAKEN)

    backoff.answered(UNAVAILABLE, 1000.0 + PATIENCE_S)

    assert not backoff.is_down


def test_a_late_sink_is_failing_until_its_next_answer() -> None:
    """An invocation that was held for long enough must not be followed by another."""
    backoff = after(TAKEN)

    backoff.is_late = True
    is_failing = backoff.is_failing
    backoff.answered(TAKEN, 0.0)

    assert (is_failing, backoff.is_failing) == (True, False)
