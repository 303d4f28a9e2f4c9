"""How long a sink is left alone that fails, throttles, or comes back; what lingers is tested with the queue."""

import pytest

from extension.delivery.pacing import (
    FIRST_PAUSE_S,
    JITTER,
    MAX_PAUSE_S,
    PATIENCE_ATTEMPTS,
    PATIENCE_S,
    PRESSURE_S,
    RELIEF,
    SLOW_START_BATCHES,
    SLOW_START_PAUSE_S,
    Backoff,
)
from extension.model.receipt import Answer, Receipt

TAKEN = Receipt(Answer.TAKEN, sent_bytes=100)
UNAVAILABLE = Receipt(Answer.UNAVAILABLE)
DENIED = Receipt(Answer.DENIED)
THROTTLED = Receipt(Answer.UNAVAILABLE, is_throttled=True)
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
        ([UNAVAILABLE] * 4 + [TAKEN], 0.0, 0, False),
        ([UNAVAILABLE] * 5 + [TAKEN], SLOW_START_PAUSE_S, 0, False),
        ([UNAVAILABLE] * 5 + [TAKEN, UNAVAILABLE], FIRST_PAUSE_S, 1, False),
        ([UNAVAILABLE] * (PATIENCE_ATTEMPTS - 1), 0.8, PATIENCE_ATTEMPTS - 1, False),
        ([UNAVAILABLE] * PATIENCE_ATTEMPTS, 1.6, PATIENCE_ATTEMPTS, True),
        ([UNAVAILABLE] * PATIENCE_ATTEMPTS + [REFUSED], SLOW_START_PAUSE_S, 0, True),
        ([DENIED], MAX_PAUSE_S, 1, True),
        ([DENIED, REFUSED], 0.0, 0, True),
        ([DENIED, TAKEN], 0.0, 0, False),
        ([REFUSED], 0.0, 0, False),
        ([Receipt(Answer.UNAVAILABLE, retry_after_s=0.05)], FIRST_PAUSE_S, 1, False),
        ([Receipt(Answer.UNAVAILABLE, retry_after_s=7.0)], 7.0, 1, False),
        ([Receipt(Answer.UNAVAILABLE, retry_after_s=86_400.0)], MAX_PAUSE_S, 1, False),
        ([THROTTLED], PRESSURE_S, 1, False),
        ([THROTTLED, TAKEN], PRESSURE_S * RELIEF, 0, False),
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


@pytest.mark.parametrize("random", [0.0, 0.25, 0.999])
def test_a_pause_that_a_sink_asks_for_is_lengthened_at_random(random: float) -> None:
    """A sink tells all environments the same, and they must not come back in the same second."""
    backoff = after(Receipt(Answer.UNAVAILABLE, retry_after_s=20.0), random=random)

    assert backoff.try_at_s - 1000.0 == pytest.approx(20.0 * (1 + random))


@pytest.mark.parametrize("random", [0.0, 0.999])
def test_a_sink_that_throttles_gets_fewer_requests_until_it_takes_many(random: float) -> None:
    """Deliveries pause between each other, a little less each time, and then no more."""
    backoff = after(THROTTLED, random=random)
    pauses: list[float] = []

    while backoff.pressure_s and len(pauses) < 1000:
        backoff.answered(TAKEN, 1000.0)
        pauses.append(backoff.try_at_s - 1000.0 if backoff.try_at_s else 0.0)

    assert pauses[0] == pytest.approx(PRESSURE_S * RELIEF * (1 - JITTER * random))
    assert pauses == sorted(pauses, reverse=True)
    assert pauses[-1] == 0.0
    assert 50 < len(pauses) < 100


def test_refused_log_stream_is_no_pressure_on_deliveries() -> None:
    """CreateLogStream has a quota of its own, and the next attempt asks for none."""
    refused = THROTTLED._replace(refused_streams=2)

    backoff = after(refused)

    assert backoff.pressure_s == 0.0
    assert backoff.try_at_s == pytest.approx(1000.0 + FIRST_PAUSE_S)


def test_after_an_outage_batches_go_in_lots_that_grow() -> None:
    """One batch, two, four, each lot after a pause; all environments have a backlog then."""
    backoff = after(*[UNAVAILABLE] * PATIENCE_ATTEMPTS)
    pauses: list[float] = []

    for _ in range(2 * SLOW_START_BATCHES):
        backoff.answered(TAKEN, 1000.0)
        pauses.append(backoff.try_at_s - 1000.0 if backoff.try_at_s else 0.0)

    one, none = SLOW_START_PAUSE_S, 0.0
    # Behind the one that was tried, behind one more, and behind two more.
    assert pauses[:8] == [one, one, none, one, none, none, none, none]
    assert set(pauses[8:]) == {none}


def test_a_short_hiccup_is_no_outage() -> None:
    """A connection that died in a frozen environment is one failure, and no reason to be slow."""
    backoff = after(UNAVAILABLE, TAKEN)

    assert backoff.try_at_s == 0.0


def test_a_long_pause_that_a_sink_asked_for_is_an_outage() -> None:
    """One answer with Retry-After may stand for a minute of silence."""
    backoff = after(Receipt(Answer.UNAVAILABLE, retry_after_s=20.0))

    backoff.answered(TAKEN, 1020.0)

    assert backoff.try_at_s == 1020.0 + SLOW_START_PAUSE_S
