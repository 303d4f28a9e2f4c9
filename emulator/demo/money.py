"""What logs and waiting cost, from the prices AWS publishes for us-east-1.

Pure. The basis: "Amazon CloudWatch Pricing", Logs, collect (data ingestion), Standard class, first tier; "AWS Lambda
Pricing", duration, x86, first tier. Storage, requests and the transfer to another sink are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.demo.check import Row
from emulator.telemetry.output import EVENT_OVERHEAD_BYTES

INGESTION_USD_PER_GB = 0.50
GB = 10**9
DURATION_USD_PER_GB_S = 0.0000166667
MIB_PER_GIB = 1024  # Lambda's GB-second is of 1,024 MB
MILLION = 10**6


def ingestion_usd(size_bytes: float) -> float:
    """Give what CloudWatch charges for taking in that many bytes."""
    return size_bytes / GB * INGESTION_USD_PER_GB


def hold_usd(*, held_ms: float, memory_mb: int) -> float:
    """Give what Lambda charges a million invocations for waiting that long each."""
    return MILLION * held_ms / 1e3 * memory_mb / MIB_PER_GIB * DURATION_USD_PER_GB_S


@dataclass(frozen=True, slots=True)
class Volume:
    """Some invocations, and their bytes as CloudWatch would count them: all that they wrote, and what was kept."""

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
        """Give the same mix, a million invocations of it."""
        factor = MILLION / self.invocations if self.invocations else 0.0
        return Volume(MILLION, self.written_bytes * factor, self.kept_bytes * factor)


def kept_bytes(row: Row) -> int:
    """Give what CloudWatch would count for one invocation's records: their bytes, and 26 for each."""
    return row.delivered_bytes + EVENT_OVERHEAD_BYTES * len(row.delivered)


def blend(*, certain: Volume, drawn: Volume, sampled: Volume, share: float, rate: float) -> Volume:
    """Give a million invocations of which another share is kept for certain, each as large as those seen.

    Args:
        certain: Those seen that failed, or that a rule kept.
        drawn: Those seen that were left to the draw, sampled or not.
        sampled: Those of them that were kept.
        share: Of a million, how many fail or are kept by a rule, 0 to 1.
        rate: The sampling rate, 0 to 1.
    """
    sure, rest, kept = certain.a_million(), drawn.a_million(), sampled.a_million()
    return Volume(
        MILLION,
        share * sure.written_bytes + (1 - share) * rest.written_bytes,
        share * sure.kept_bytes + (1 - share) * rate * kept.kept_bytes,
    )
