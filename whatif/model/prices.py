"""What logs cost, from the prices that AWS publishes for us-east-1.

Pure. Requests of Lambda's own, queries, the transfer to other places and volume tiers are left out.
"""

import math
from typing import NamedTuple

REGION = "us-east-1"
AS_OF = "November 2026"
GB = 10**9
DAYS_A_MONTH = 30
MIN_SPAN_S = 3600
"""Of a log that is taken for a sample of a month."""

FIREHOSE_STEP_BYTES = 5 * 1024
FIREHOSE_RECORD_BYTES = 65_000
"""How many bytes of lines the extension packs in one of Firehose's records (extension/sinks/firehose.py)."""


class Price(NamedTuple):
    """One price of AWS's list."""

    name: str
    usd: float
    per: str
    source: str


PRICES = {
    "standard": Price(
        "CloudWatch Logs, Standard class, ingestion",
        0.50,
        "GB",
        "Amazon CloudWatch pricing, Logs, collect; for Lambda's own the first tier, up to 10 TB a month",
    ),
    "infrequent": Price(
        "CloudWatch Logs, Infrequent Access class, ingestion",
        0.25,
        "GB",
        "Amazon CloudWatch pricing, Logs, collect",
    ),
    "archived": Price(
        "CloudWatch Logs, storage, compressed",
        0.03,
        "GB and month",
        "Amazon CloudWatch pricing, Logs, store",
    ),
    "put": Price("S3 Standard, PUT", 0.005, "1,000 requests", "Amazon S3 pricing, requests"),
    "stored": Price(
        "S3 Standard, storage, compressed",
        0.023,
        "GB and month",
        "Amazon S3 pricing, storage, first 50 TB",
    ),
    "firehose": Price(
        "Data Firehose, Direct PUT, each record rounded up to 5 KB",
        0.029,
        "GB",
        "Amazon Data Firehose pricing, first 500 TB",
    ),
}

SINKS = ("cloudwatch", "cloudwatch-ia", "s3", "firehose")
SINK_TITLES = {
    "cloudwatch": "CloudWatch, Standard",
    "cloudwatch-ia": "CloudWatch, Infrequent Access",
    "s3": "S3",
    "firehose": "Firehose to S3",
}


class Volume(NamedTuple):
    """What is delivered.

    Attributes:
        cloudwatch_bytes: As CloudWatch counts: messages, and 26 bytes for each event.
        record_bytes: As NDJSON.
        compressed_share: Of NDJSON that is left by gzip, 0 to 1.
        deliveries: How many requests carry it.
    """

    cloudwatch_bytes: float
    record_bytes: float
    compressed_share: float
    deliveries: int


def usd_of(volume: Volume, sink: str) -> float:
    """Give what it costs to take that in, and to keep it for a month."""
    compressed_gb = volume.record_bytes * volume.compressed_share / GB
    if sink in ("cloudwatch", "cloudwatch-ia"):
        price = PRICES["standard" if sink == "cloudwatch" else "infrequent"]
        stored_gb = volume.cloudwatch_bytes * volume.compressed_share / GB
        return volume.cloudwatch_bytes / GB * price.usd + stored_gb * PRICES["archived"].usd
    stored_usd = compressed_gb * PRICES["stored"].usd
    if sink == "s3":
        return volume.deliveries / 1000 * PRICES["put"].usd + stored_usd
    # A delivery is cut in records of some 65,000 bytes, and each is rounded up: half a step is lost on average, or
    # nearly a whole one where a delivery is less than that.
    records = max(volume.deliveries, math.ceil(volume.record_bytes / FIREHOSE_RECORD_BYTES))
    billed_bytes = volume.record_bytes + records * FIREHOSE_STEP_BYTES / 2
    return billed_bytes / GB * PRICES["firehose"].usd + stored_usd


def month_factor(span_s: float) -> float | None:
    """Give by what a cost is multiplied to be one of a month at this pace; None if the log is too short to tell."""
    return DAYS_A_MONTH * 86_400 / span_s if span_s >= MIN_SPAN_S else None
