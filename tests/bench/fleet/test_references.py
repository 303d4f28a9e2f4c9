from bench.fleet.references import INTERVAL_S, ramp, refresh
from extension.config.settings import Settings


def test_interval_is_the_default_of_the_setting() -> None:
    """REFRESH_INTERVAL."""
    assert Settings().refresh_interval_ms / 1000 == INTERVAL_S


def test_refresh_is_the_same_for_a_seed() -> None:
    """Another seed draws other moments."""
    first, again, other = (
        refresh(50, quota_per_s=0.2, settled_intervals=2, seed=seed) for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_thousand_environments_have_a_change_after_one_interval() -> None:
    """With GetParameters' default quota, and nobody's call is refused."""
    seen = refresh(1_000, settled_intervals=2)

    assert seen.fresh_after[0] == 1.0
    assert (seen.refused, seen.others_refused) == (0.0, 0.0)


def test_environments_that_want_more_than_there_is_ask_less_often() -> None:
    """The change is in force everywhere in the end, and most of what others ask for is answered."""
    seen = refresh(3_000, quota_per_s=12.0, others_per_s=3.0, settled_intervals=8)

    assert seen.fresh_after[0] < 1.0
    assert seen.fresh_after[-1] > 0.99
    assert seen.others_refused < 0.2


def test_all_that_begin_at_once_get_their_first_value() -> None:
    """They ask again until they are answered."""
    seen = ramp(200, quota_per_s=8.0)

    assert seen.unanswered == 0.0
    assert seen.refused > 0
    assert seen.asked == 200 + seen.refused
