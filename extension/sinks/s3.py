"""``s3://bucket/prefix``: one object a batch, gzipped NDJSON, where Athena and DuckDB read it in place.

Promises: the same batch makes the same object under the same key, so that a repetition replaces an object that may have
been written before. No two batches have the same key. Keys lie in Hive's partitions, by function and hour in UTC. The
name ends in ``.gz`` and there is no Content-Encoding: readers go by the name and would decompress twice.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timezone

from extension.aws.client import AwsClient
from extension.aws.endpoints import endpoint_for
from extension.aws.errors import receipt_for_aws
from extension.model.chunk import Chunk
from extension.model.ndjson import numbered_lines
from extension.model.receipt import Receipt
from extension.model.record import records_in, timed
from extension.sinks.base import SinkConfig
from extension.sinks.http import gzipped
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

HASH_DIGITS = 8
"""Of the body's SHA-256, beside the environment's id and a record's number: so that the rest of a batch that was taken in
part, or half of one, does not replace it."""

HEADERS = {"Content-Type": "application/x-ndjson"}
SECOND_NS = 1_000_000_000


def object_key(prefix: str, chunks: list[Chunk], body: bytes, *, otherwise_s: float) -> str:
    """Name the object for a batch, by the first time in it, or else by ``otherwise_s``, in seconds since 1970.

    ``prefix`` has no slashes at its ends, and may be empty.
    """
    first, at_ns = next(timed(records_in(chunks), int(otherwise_s) * SECOND_NS))
    hour = datetime.fromtimestamp(at_ns // SECOND_NS, timezone.utc)
    digits = hashlib.sha256(body).hexdigest()[:HASH_DIGITS]
    folder = f"{prefix}/" if prefix else ""
    return (
        f"{folder}function={first.metadata.function}/{hour:year=%Y/month=%m/day=%d/hour=%H}/"
        f"{first.id}-{digits}.ndjson.gz"
    )


class S3Sink:
    """Put objects into one bucket."""

    def __init__(self, config: SinkConfig, *, wall_s: Callable[[], float] = time.time) -> None:
        """Open nothing yet. ``wall_s`` tells the time in seconds since 1970."""
        bucket, _, prefix = config.url.partition("://")[2].partition("/")
        self._prefix = prefix.strip("/")
        # S3 wants the bucket in the host's name (AWS: Amazon S3, "Virtual hosting of general purpose buckets"). Not
        # where no certificate would match that name, nor on a host that is not S3's own and may not know it.
        host_prefix = "" if "." in bucket else f"{bucket}."
        self._client = AwsClient("s3", config.environ, wall_s=wall_s, host_prefix=host_prefix)
        is_in_host = self._client.endpoint != endpoint_for("s3", config.environ)
        self.abort, self.close = self._client.abort, self._client.close
        self._folder = "/" if is_in_host else f"/{bucket}/"
        # The same for every batch without a time, so that its key is the same when it comes again.
        self._opened_s = wall_s()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Put chunks as one object."""
        until_s = time.monotonic() + timeout_s
        # Without holding all of the batch in plain.
        body = gzipped(line for _, line in numbered_lines(chunks))
        key = object_key(self._prefix, chunks, body, otherwise_s=self._opened_s)
        try:
            reply = self._client.request(
                "PUT", self._folder + key, headers=HEADERS, body=body, until_s=until_s
            )
        except Unreachable as error:
            return receipt_for_silence(error)
        return receipt_for_aws(reply, sent_bytes=len(body))
