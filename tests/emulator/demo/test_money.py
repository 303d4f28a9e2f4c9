"""Test the estimates of cost."""

import pytest

from emulator.demo import money
from tests.doubles.emulator.demo_rows import make_row


def test_gigabyte_of_ingestion_costs_the_listed_price() -> None:
    """AWS's GB has 10^9 bytes."""
    assert money.ingestion_usd(10**6 * 1000) == pytest.approx(0.50)


def test_waiting_is_charged_by_time_and_memory() -> None:
    """A million times 25 ms at 1,024 MB are 25,000 GB-seconds."""
    assert money.hold_usd(held_ms=25, memory_mb=1024) == pytest.approx(0.4167, abs=1e-4)


def test_kept_records_count_as_cloudwatch_counts() -> None:
    """CloudWatch adds 26 bytes to each event."""
    row = make_row()

    assert money.kept_bytes(row) == row.delivered_bytes + 2 * 26


def test_blend_weighs_failures_and_samples() -> None:
    """The demo fails far more often than a real function does."""
    mixed = money.blend(
        certain=money.Volume(2, 2_000, 6_000),
        drawn=money.Volume(10, 5_000, 1_000),
        sampled=money.Volume(1, 500, 1_000),
        share=0.01,
        rate=0.1,
    )

    assert mixed.written_bytes == pytest.approx(10**6 * (0.01 * 1000 + 0.99 * 500))
    assert mixed.kept_bytes == pytest.approx(10**6 * (0.01 * 3000 + 0.99 * 0.1 * 1000))
