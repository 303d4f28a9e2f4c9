import pytest

from extension.sinks import cloudwatch_events, firehose
from whatif.model.prices import (
    EVENT_BYTES,
    FIREHOSE_RECORD_BYTES,
    GB,
    SINKS,
    Volume,
    month_factor,
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


def test_month_factor_needs_an_hour_of_log() -> None:
    """A shorter log says nothing of a month."""
    assert month_factor(3599) is None
    assert month_factor(86_400) == 30


def test_sizes_are_those_that_the_sinks_count_with() -> None:
    """Whatif has figures of AWS of its own, and the extension's must not differ from them."""
    assert EVENT_BYTES == cloudwatch_events.EVENT_BYTES
    assert FIREHOSE_RECORD_BYTES == firehose.PACK_BYTES
