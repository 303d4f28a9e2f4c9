"""Work out the cost of logs from AWS's list prices for us-east-1.

Pure. Lambda's requests, queries, the transfer to other places and volume tiers are left out.
"""

import math
from typing import NamedTuple

REGION = "us-east-1"
AS_OF = "November 2026"
GB = 10**9
DAYS_A_MONTH = 30
MIN_SPAN_S = 3600
"""The least time span of a log that stands for a month."""

EVENT_BYTES = 26
"""CloudWatch adds this to the message of each event (AWS: CloudWatch Logs API, PutLogEvents)."""

FIREHOSE_STEP_BYTES = 5 * 1024
FIREHOSE_RECORD_BYTES = 65_000
"""The extension packs this many bytes of lines into one Firehose record (extension/sinks/firehose.py)."""


class Price(NamedTuple):
    """One list price of AWS."""

    name: str
    usd: float
    per: str
    source: str


PRICES = {
    "standard": Price(
        "CloudWatch Logs, Standard class, ingestion",
        0.50,
        "GB",
        "Amazon CloudWatch pricing, Logs, collect; for Lambda's own logs the first tier, up to 10 TB a month",
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
    """The size of all deliveries.

    Attributes:
        cloudwatch_bytes: As CloudWatch counts: messages, and 26 bytes for each event.
        record_bytes: As NDJSON.
        compressed_share: The share of the NDJSON that gzip leaves, 0 to 1.
        requests: The number of requests to a sink that bills them.
    """

    cloudwatch_bytes: float
    record_bytes: float
    compressed_share: float
    requests: int


def usd_of(volume: Volume, sink: str) -> float:
    """Return the cost of ingestion and of one month of storage."""
    compressed_gb = volume.record_bytes * volume.compressed_share / GB
    if sink in ("cloudwatch", "cloudwatch-ia"):
        price = PRICES["standard" if sink == "cloudwatch" else "infrequent"]
        stored_gb = volume.cloudwatch_bytes * volume.compressed_share / GB
        return volume.cloudwatch_bytes / GB * price.usd + stored_gb * PRICES["archived"].usd
    stored_usd = compressed_gb * PRICES["stored"].usd
    if sink == "s3":
        return volume.requests / 1000 * PRICES["put"].usd + stored_usd
    # A delivery is cut into records of some 65,000 bytes. Each is rounded up, which costs half a step on average, or
    # nearly a whole one for a small delivery.
    records = max(volume.requests, math.ceil(volume.record_bytes / FIREHOSE_RECORD_BYTES))
    billed_bytes = volume.record_bytes + records * FIREHOSE_STEP_BYTES / 2
    return billed_bytes / GB * PRICES["firehose"].usd + stored_usd


def month_factor(span_s: float) -> float | None:
    """Return the factor from the cost of a time span to that of a month; None if the span is too short."""
    return DAYS_A_MONTH * 86_400 / span_s if span_s >= MIN_SPAN_S else None
