import pytest

from bench.fleet.herd import BATCHES, RETRY_AFTER_S, herd

MOST = 2.0


@pytest.mark.parametrize("retry_after_s", [None, RETRY_AFTER_S])
def test_thousand_environments_do_not_come_at_once(retry_after_s: float | None) -> None:
    """Neither while the sink is down nor once it is back, whatever it asks for."""
    seen = herd(1_000, retry_after_s=retry_after_s)

    assert seen == herd(1_000, retry_after_s=retry_after_s)
    assert seen.down_ratio <= MOST
    assert seen.back_ratio <= MOST


def test_everything_is_delivered_in_the_end() -> None:
    """Each environment has as many batches as fit in its buffer."""
    seen = herd(10, retry_after_s=RETRY_AFTER_S)

    assert seen.drained_s > 0.0
    assert seen.back_mean_per_s * (seen.drained_s + 1.0) >= 10 * BATCHES * 0.9
