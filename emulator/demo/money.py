"""Estimate the cost of logs and of waiting, from the prices that AWS publishes for us-east-1.

Pure. Sources: ``whatif.model.prices``; for durations "AWS Lambda Pricing", x86, first tier. Storage, requests and the
transfer to another sink are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.demo.check import Row
from emulator.demo.receiver import Record
from emulator.telemetry.output import EVENT_OVERHEAD_BYTES
from extension.sinks.cloudwatch_events import report_text
from whatif.model.prices import GB, MIB_PER_GIB, PRICES

INGESTION_USD_PER_GB = PRICES["standard"].usd
DURATION_USD_PER_GB_S = PRICES["duration"].usd
MILLION = 10**6


def ingestion_usd(size_bytes: float) -> float:
    """Return CloudWatch's charge in USD for the ingestion of so many bytes."""
    return size_bytes / GB * INGESTION_USD_PER_GB


def hold_usd(*, held_ms: float, memory_mb: int) -> float:
    """Return Lambda's charge in USD for a million invocations that each wait so long."""
    return MILLION * held_ms / 1e3 * memory_mb / MIB_PER_GIB * DURATION_USD_PER_GB_S


@dataclass(frozen=True, slots=True)
class Volume:
    """A number of invocations, and the bytes that CloudWatch would count: of all lines, and of what is kept of them."""

    invocations: float
    written_bytes: float
    kept_bytes: float

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Volume":
        """Add invocations up."""
        chosen = list(rows)
        return cls(
            len(chosen),
            sum(row.cloudwatch_bytes for row in chosen),
            sum(kept_bytes(row) for row in chosen),
        )

    def a_million(self) -> "Volume":
        """Return a million invocations of the same mix."""
        factor = MILLION / self.invocations if self.invocations else 0.0
        return Volume(MILLION, self.written_bytes * factor, self.kept_bytes * factor)


def kept_bytes(row: Row) -> int:
    """Return the bytes that CloudWatch would count for one invocation's records in the default sink.

    It has lines as the function wrote them, the report as Lambda writes it, and the other records whole; and 26 for each.
    """
    return sum(_message_bytes(record) + EVENT_OVERHEAD_BYTES for record in row.delivered)


def _message_bytes(record: Record) -> int:
    content = record.fields.get("record")
    if record.is_line and isinstance(content, str):
        return len(content.encode())
    if record.fields.get("type") == "platform.report":
        return len(report_text(content).encode()) or record.size_bytes
    return record.size_bytes


def blend(*, certain: Volume, drawn: Volume, sampled: Volume, share: float, rate: float) -> Volume:
    """Return a million invocations, each as large as those seen, with another share kept for certain.

    Args:
        certain: The invocations that failed, or that a rule kept.
        drawn: The healthy invocations, sampled or not.
        sampled: The healthy invocations that were sampled.
        share: The share that fails or that a rule keeps, 0 to 1.
        rate: The sampling rate, 0 to 1.
    """
    sure, rest, kept = certain.a_million(), drawn.a_million(), sampled.a_million()
    return Volume(
        MILLION,
        share * sure.written_bytes + (1 - share) * rest.written_bytes,
        share * sure.kept_bytes + (1 - share) * rate * kept.kept_bytes,
    )
