from bench.fleet.flood import ALL, flood

SHORT = ALL._replace(lasts_s=10.0, others_per_s=5.0)


def test_flood_is_the_same_for_a_seed() -> None:
    """Another seed draws other moments."""
    assert flood(20, failing=SHORT) == flood(20, failing=SHORT)
    assert flood(20, failing=SHORT) != flood(20, failing=SHORT, seed=2)


def test_nothing_is_refused_below_the_quota() -> None:
    """A hundred environments make two hundred requests a second of five thousand."""
    seen = flood(100, failing=SHORT)

    assert (seen.refused, seen.others_refused, seen.evicted) == (0.0, 0.0, 0.0)
    assert seen.in_time > 0.98


def test_environments_that_are_throttled_ask_less_often() -> None:
    """At four times the quota, far less than three of four requests are refused, and nothing is given up."""
    seen = flood(200, failing=SHORT, quota_per_s=100.0)

    assert 0.0 < seen.refused < 0.4
    assert seen.asked < 0.6 * 200 * 2 * 10
    assert seen.evicted == 0.0
