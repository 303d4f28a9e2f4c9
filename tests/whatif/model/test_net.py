import pytest

from extension.diagnostics.metrics import METRICS
from whatif.model.net import (
    COLD_START_MS,
    HOLD_MS,
    METRICS_OF_ONE,
    NOT_WATCHED,
    Pace,
    Upkeep,
    Watching,
    upkeep_of,
    ways_of,
)
from whatif.model.prices import GB, PRICES, TB, Volume

GB_SECOND_USD = PRICES["duration"].usd


def test_upkeep_is_billed_time_by_memory() -> None:
    """A million invocations of 512 MB that are held, and a thousand cold starts of it."""
    upkeep = upkeep_of(Pace(held=1e6, held_mb=512e6, cold_starts=1e3, cold_mb=512e3), NOT_WATCHED)

    assert upkeep.hold == pytest.approx(1e6 * HOLD_MS / 1000 * 0.5 * GB_SECOND_USD)
    assert upkeep.cold_starts == pytest.approx(1e3 * COLD_START_MS / 1000 * 0.5 * GB_SECOND_USD)
    assert upkeep.watching == 0


def test_metrics_cost_where_they_reach_cloudwatch_alone() -> None:
    """Their lines are ingested too; for other sinks the templates switch them off."""
    upkeep = upkeep_of(Pace(metric_lines=1e6), Watching())

    assert upkeep.watching == pytest.approx(18 * 0.30 + 4 * 0.10)
    assert upkeep.metric_lines == pytest.approx(1.4 * 0.50)
    assert upkeep.usd("cloudwatch") == pytest.approx(5.80 + 0.70)
    assert [upkeep.usd(sink) for sink in ("cloudwatch-ia", "s3", "firehose")] == [0.0] * 3
    assert upkeep_of(Pace(metric_lines=1e6), NOT_WATCHED).metric_lines == 0


def test_fleet_shares_its_metrics() -> None:
    """Of 200 functions three pay three shares."""
    watching = Watching(shared_by=200, functions=3)

    assert watching.whole_usd == pytest.approx(5.80)
    assert watching.usd == pytest.approx(5.80 * 3 / 200)
    assert watching.share_of_one().usd == pytest.approx(5.80 / 200)


def test_metrics_are_those_that_the_extension_makes() -> None:
    """But for the age of settings, which only functions with references have."""
    assert len([one for one in METRICS if one.name != "SettingsAge"]) == METRICS_OF_ONE


def test_net_is_what_is_saved_less_all_costs() -> None:
    """100 GB, of which 12 are kept, with a hold of one dollar."""
    written, kept = Volume(100 * GB, 0.0, 0.0, 0), Volume(12 * GB, 12 * GB, 0.0, 1_000_000)

    ways = ways_of(written, kept, Upkeep(1.0, 0.0, 5.8, 0.0))

    assert ways.today_usd == pytest.approx(50.0)
    assert ways.total_usd("cloudwatch") == pytest.approx(6.0 + 1.0 + 5.8)
    assert ways.net_usd("cloudwatch") == pytest.approx(37.2)
    assert ways.net_usd("s3") == pytest.approx(50.0 - 5.0 - 1.0)
    assert ways.native_net_usd("lambda-infrequent") == pytest.approx(25.0)
    assert ways.best_sink == "firehose"


def test_last_function_of_a_large_account_saves_at_the_price_of_the_last_gb() -> None:
    """Beyond 50 TB Lambda's own logs cost less than what is kept of them."""
    written, kept = Volume(100 * GB, 0.0, 0.0, 0), Volume(12 * GB, 12 * GB, 0.0, 0)

    ways = ways_of(written, kept, Upkeep(0.0, 0.0, 0.0, 0.0), other_bytes=60 * TB)

    assert ways.today_usd == pytest.approx(5.0)
    assert ways.net_usd("cloudwatch") == pytest.approx(-1.0)
