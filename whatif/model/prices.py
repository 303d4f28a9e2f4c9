"""Work out the cost of logs from AWS's list prices for us-east-1.

Pure. Left out: AWS's own requests, queries, free tiers, and the transfer to other places.
"""

import math
from typing import NamedTuple

REGION = "us-east-1"
AS_OF = "November 2026"
GB = 10**9
TB = 10**12
DAYS_A_MONTH = 30
MIN_SPAN_S = 3600
"""The least time span of a log that stands for a month."""

EVENT_BYTES = 26
"""CloudWatch adds this to the message of each event (AWS: CloudWatch Logs API, PutLogEvents)."""

FIREHOSE_STEP_BYTES = 5 * 1024
FIREHOSE_RECORD_BYTES = 65_000
"""The extension packs this many bytes of lines into one Firehose record (extension/sinks/firehose.py)."""

MIB_PER_GIB = 1024
"""Lambda's GB-second is of 1,024 MB of configured memory (AWS Lambda pricing)."""

TIER_ENDS_BYTES = (10 * TB, 30 * TB, 50 * TB)
"""Where the price of Lambda's own logs falls, in the volume of an account and region in a month."""


class Price(NamedTuple):
    """One list price of AWS.

    Attributes:
        name: What is paid for.
        usd: The price, of the first tier if there are several.
        per: The unit.
        source: AWS's page, with the date since which the price is in force where AWS tells one.
        more_usd: The prices beyond each of :data:`TIER_ENDS_BYTES`; empty if the price is flat.
    """

    name: str
    usd: float
    per: str
    source: str
    more_usd: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """All of its tiers, in words for a table."""
        return ", ".join(
            f"{usd:.10f}".rstrip("0").rstrip(".") for usd in (self.usd, *self.more_usd)
        )


_LOGS = "Amazon CloudWatch pricing, Logs"
_VENDED = f"{_LOGS}, vended logs; since 1 May 2025 also for Lambda's; tiers end at 10, 30 and 50 TB a month"

PRICES = {
    "lambda": Price(
        "Lambda's own logs to CloudWatch, Standard class",
        0.50,
        "GB",
        _VENDED,
        (0.25, 0.10, 0.05),
    ),
    "lambda-infrequent": Price(
        "Lambda's own logs to CloudWatch, Infrequent Access class",
        0.25,
        "GB",
        _VENDED,
        (0.15, 0.075, 0.05),
    ),
    "lambda-s3": Price(
        "Lambda's own logs to S3 or Firehose",
        0.25,
        "GB",
        f"{_VENDED}; the two in the middle are taken from the Infrequent Access class",
        (0.15, 0.075, 0.05),
    ),
    "standard": Price(
        "CloudWatch Logs, Standard class, PutLogEvents",
        0.50,
        "GB",
        f"{_LOGS}, collect; the same for any volume",
    ),
    "infrequent": Price(
        "CloudWatch Logs, Infrequent Access class, PutLogEvents",
        0.25,
        "GB",
        f"{_LOGS}, collect; the same for any volume",
    ),
    "archived": Price(
        "CloudWatch Logs, storage, compressed",
        0.03,
        "GB and month",
        f"{_LOGS}, store",
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
    "duration": Price(
        "Lambda, x86, duration",
        0.0000166667,
        "GB-second",
        "AWS Lambda pricing, first tier; init is billed since 1 August 2025",
    ),
    "metric": Price(
        "custom metric", 0.30, "month", "Amazon CloudWatch pricing, Metrics, the first 10,000"
    ),
    "alarm": Price(
        "alarm, standard resolution, for each metric that it reads",
        0.10,
        "month",
        "Amazon CloudWatch pricing, Alarms",
    ),
}

SINKS = ("cloudwatch", "cloudwatch-ia", "s3", "firehose")
SINK_TITLES = {
    "cloudwatch": "CloudWatch, Standard",
    "cloudwatch-ia": "CloudWatch, Infrequent Access",
    "s3": "S3",
    "firehose": "Firehose to S3",
}

NATIVE = ("lambda", "lambda-infrequent", "lambda-s3")
"""Where Lambda itself sends every line, by the names of :data:`PRICES`."""

NATIVE_TITLES = {
    "lambda": "CloudWatch, Standard",
    "lambda-infrequent": "CloudWatch, Infrequent Access",
    "lambda-s3": "S3, by Lambda itself",
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
    requests: float

    def times(self, factor: float) -> "Volume":
        """Return the volume of another length of time."""
        return Volume(
            self.cloudwatch_bytes * factor,
            self.record_bytes * factor,
            self.compressed_share,
            self.requests * factor,
        )


def usd_of(volume: Volume, sink: str) -> float:
    """Return what the extension's deliveries to a sink cost, with one month of storage."""
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


def native_usd(
    cloudwatch_bytes: float, way: str, *, compressed_share: float, other_bytes: float = 0.0
) -> float:
    """Return what it costs in a month that Lambda itself sends all lines, with one month of storage.

    Args:
        cloudwatch_bytes: The size of a month's lines, as CloudWatch counts.
        way: One of :data:`NATIVE`.
        compressed_share: The share that compression leaves, 0 to 1.
        other_bytes: What other functions of the account send in that month. These lines come on top of it, so they have
            the prices of the highest tiers.
    """
    stored = PRICES["stored" if way == "lambda-s3" else "archived"]
    stored_gb = cloudwatch_bytes * compressed_share / GB
    sent_usd = _tiered_usd(other_bytes + cloudwatch_bytes, way) - _tiered_usd(other_bytes, way)
    return sent_usd + stored_gb * stored.usd


def _tiered_usd(size_bytes: float, way: str) -> float:
    price = PRICES[way]
    begins = (0, *TIER_ENDS_BYTES)
    ends = (*TIER_ENDS_BYTES, math.inf)
    return sum(
        max(0.0, min(size_bytes, end) - begin) / GB * usd
        for begin, end, usd in zip(begins, ends, (price.usd, *price.more_usd), strict=True)
    )


def last_gb_usd(size_bytes: float, way: str) -> float:
    """Return what the last GB of a month's volume costs, without storage."""
    price = PRICES[way]
    return (price.usd, *price.more_usd)[sum(end < size_bytes for end in TIER_ENDS_BYTES)]


def month_factor(span_s: float) -> float | None:
    """Return the factor from the cost of a time span to that of a month; None if the span is too short."""
    return DAYS_A_MONTH * 86_400 / span_s if span_s >= MIN_SPAN_S else None
