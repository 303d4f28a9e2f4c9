import pytest

from extension.sinks import cloudwatch_events, firehose
from whatif.model.prices import (
    EVENT_BYTES,
    FIREHOSE_RECORD_BYTES,
    GB,
    PRICES,
    SINKS,
    TB,
    TIER_ENDS_BYTES,
    Volume,
    last_gb_usd,
    month_factor,
    native_usd,
    usd_of,
)


@pytest.mark.parametrize(
    ("sink", "volume", "usd"),
    [
        ("cloudwatch", Volume(GB, 0.0, 0.1, 0), 0.50 + 0.1 * 0.03),
        ("cloudwatch-ia", Volume(GB, 0.0, 0.1, 0), 0.25 + 0.1 * 0.03),
        ("s3", Volume(0.0, GB, 0.1, 1000), 0.005 + 0.1 * 0.023),
        ("firehose", Volume(0.0, GB, 0.0, 1), 0.029 * (1 + 15_385 * 2560 / GB)),
        ("firehose", Volume(0.0, GB, 0.0, 1_000_000), 0.029 * (1 + 1e6 * 2560 / GB)),
        *((sink, Volume(0.0, 0.0, 0.0, 0), 0.0) for sink in SINKS),
    ],
)
def test_usd_of_adds_ingestion_requests_and_storage(sink: str, volume: Volume, usd: float) -> None:
    """Stored bytes are compressed, Firehose rounds each record up, and no deliveries cost nothing."""
    assert usd_of(volume, sink) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("way", "size_tb", "usd"),
    [
        ("lambda", 0.1, 50),
        ("lambda", 60, 12_500),
        ("lambda-infrequent", 60, 2500 + 3000 + 1500 + 500),
        ("lambda-s3", 10, 2500),
        ("lambda-s3", 60, 2500 + 3000 + 1500 + 500),
    ],
)
def test_native_usd_falls_with_volume(way: str, size_tb: float, usd: float) -> None:
    """60 TB cost 12,500 dollars, which is AWS's own example of the tiers."""
    assert native_usd(size_tb * TB, way, compressed_share=0.0) == pytest.approx(usd)


def test_native_usd_comes_on_top_of_what_others_send() -> None:
    """The tiers are those of an account, so a function's last GB has the price of the account's last GB."""
    two_tiers = native_usd(2 * TB, "lambda", compressed_share=0.0, other_bytes=9 * TB)

    assert two_tiers == pytest.approx(500 + 250)
    assert native_usd(GB, "lambda", compressed_share=0.1, other_bytes=60 * TB) == pytest.approx(
        0.05 + 0.1 * 0.03
    )
    assert [last_gb_usd(size * TB, "lambda") for size in (1, 11, 31, 51)] == [0.5, 0.25, 0.1, 0.05]


def test_volume_scales_to_another_length_of_time() -> None:
    """The share that compression leaves is no size."""
    assert Volume(1.0, 2.0, 0.1, 3).times(10) == Volume(10.0, 20.0, 0.1, 30)


def test_prices_have_a_source_and_all_of_their_tiers() -> None:
    """A reader checks them there."""
    assert all("pricing" in price.source for price in PRICES.values())
    assert {len(price.more_usd) for price in PRICES.values()} == {0, len(TIER_ENDS_BYTES)}
    assert PRICES["lambda"].shown == "0.5, 0.25, 0.1, 0.05"


def test_month_factor_needs_an_hour_of_log() -> None:
    """A shorter log says nothing of a month."""
    assert month_factor(3599) is None
    assert month_factor(86_400) == 30


def test_sizes_are_those_that_the_sinks_count_with() -> None:
    """Whatif has figures of AWS of its own, and the extension's must not differ from them."""
    assert EVENT_BYTES == cloudwatch_events.EVENT_BYTES
    assert FIREHOSE_RECORD_BYTES == firehose.PACK_BYTES
