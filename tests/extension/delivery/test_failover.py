"""FALLBACK_SINK in the place of SINK."""

from collections.abc import Callable

import pytest

from extension.delivery.backoff import PATIENCE_ATTEMPTS
from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.deliveries import DOWN, TAKEN, Deliveries

Make = Callable[..., Deliveries]


@pytest.mark.parametrize(
    ("receipt", "attempts"), [(DOWN, PATIENCE_ATTEMPTS), (Receipt(Answer.DENIED), 1)]
)
def test_a_sink_that_is_down_gives_way_to_the_fallback_until_it_is_back(
    make: Make, receipt: Receipt, attempts: int
) -> None:
    """After a few failures, or one denial, what waits goes to the fallback; now and then the sink is tried."""
    world = make(fallback=True)
    world.sink.answer = lambda _: receipt
    world.put("a")
    for _ in range(attempts):
        world.attempt()
    before = list(world.fallback.taken)
    world.attempt(skip_s=0.01)
    world.put("bb")
    world.attempt(skip_s=0.01)
    during = list(world.fallback.taken)
    world.put("ccc")
    world.attempt()
    world.attempt(skip_s=0.01)
    tried = world.sink.attempts
    world.sink.answer = lambda _: TAKEN
    world.put("dddd")
    world.attempt()
    world.put("eeeee")
    world.attempt(skip_s=0.01)

    assert before == []
    assert during == ["a", "bb"]
    assert world.fallback.taken == ["a", "bb", "ccc"]
    assert world.sink.taken == ["dddd", "eeeee"]
    assert tried == attempts + 1
    assert world.adds_up


def test_failover_leaves_the_fallback_time_when_the_sink_stalls_at_shutdown(make: Make) -> None:
    """Half of the last moments are the fallback's; what the sink has under way goes there as well."""
    world = make(fallback=True)
    world.sink.release.clear()
    world.put("a")

    took_s = world.finish()

    assert world.fallback.taken == ["a"]
    assert took_s < 0.8
    assert world.account.kept == {"crash": 1}
    assert world.adds_up
