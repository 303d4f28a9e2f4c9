"""Test the estimates of cost."""

import pytest

from emulator.demo import money
from emulator.demo.receiver import Record
from extension.sinks.cloudwatch_events import report_text
from tests.doubles.emulator.demo_rows import make_row


def test_gigabyte_of_ingestion_costs_the_listed_price() -> None:
    """AWS's GB has 10^9 bytes."""
    assert money.ingestion_usd(10**6 * 1000) == pytest.approx(0.50)


def test_waiting_is_charged_by_time_and_memory() -> None:
    """A million times 25 ms at 1,024 MB are 25,000 GB-seconds."""
    assert money.hold_usd(held_ms=25, memory_mb=1024) == pytest.approx(0.4167, abs=1e-4)


def test_kept_lines_count_as_the_default_sink_writes_them() -> None:
    """CloudWatch has the lines alone, and adds 26 bytes to each event."""
    row = make_row(kept=("größe\n", "b\n"))

    assert money.kept_bytes(row) == len("größe\nb\n".encode()) + 2 * 26


def test_other_records_count_as_the_default_sink_writes_them() -> None:
    """A report is Lambda's line, and a summary the whole record."""
    report = {"requestId": "r-1", "metrics": {"durationMs": 12.5, "memorySizeMB": 128}}
    records = [
        Record({"type": "platform.report", "record": report}, 400),
        Record({"type": "platform.report", "record": {}}, 300),
        Record({"type": "flightRecorder.invocation", "record": {}}, 200),
    ]

    row = make_row()._replace(delivered=tuple(records))

    text_bytes = len(report_text(report))
    assert 0 < text_bytes < 400
    assert money.kept_bytes(row) == text_bytes + 300 + 200 + 3 * 26


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
