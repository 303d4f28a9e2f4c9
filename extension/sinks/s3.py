"""``s3://bucket/prefix``: one object a batch, gzipped NDJSON, where Athena and DuckDB read it in place.

Promises: the same batch makes the same object under the same key, so that a repetition replaces an object that may have
been written before. No two batches have the same key. Keys lie in Hive's partitions, by function and hour in UTC. The
name ends in ``.gz`` and there is no Content-Encoding: readers go by the name and would decompress twice.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from extension.aws.client import AwsClient
from extension.aws.endpoints import endpoint_for
from extension.aws.errors import receipt_for_aws
from extension.model.chunk import Chunk
from extension.model.ndjson import numbered_lines
from extension.model.receipt import Receipt
from extension.model.record import records_in
from extension.model.timestamps import epoch_ns
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
    """Name the object for a batch.

    Args:
        prefix: as set, without slashes at its ends; may be empty.
        chunks: the batch; its first record with a time decides the partition.
        body: of the object.
        otherwise_s: the time, since 1970 in seconds, of a batch whose records have none.
    """
    metadata = chunks[0].metadata
    first = next(records_in(chunks))
    times = (epoch_ns(record.time) for record in records_in(chunks))
    at_ns = next((at_ns for at_ns in times if at_ns is not None), None)
    at_s = otherwise_s if at_ns is None else at_ns // SECOND_NS
    partitions = datetime.fromtimestamp(at_s, timezone.utc).strftime(
        "year=%Y/month=%m/day=%d/hour=%H"
    )
    digits = hashlib.sha256(body).hexdigest()[:HASH_DIGITS]
    name = f"{metadata.environment_id}-{first.number}-{digits}.ndjson.gz"
    folders = [prefix] if prefix else []
    return "/".join([*folders, f"function={metadata.function}", partitions, name])


def _own_endpoint(environ: Mapping[str, str]) -> str:
    return endpoint_for("s3", {**environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"})


class S3Sink:
    """Put objects into one bucket."""

    def __init__(self, config: SinkConfig, *, wall_s: Callable[[], float] = time.time) -> None:
        """Open nothing yet.

        Args:
            config: of the sink.
            wall_s: the time since 1970 in seconds.
        """
        _, _, rest = config.url.partition("://")
        bucket, _, prefix = rest.partition("/")
        self._prefix = prefix.strip("/")
        self._client = AwsClient("s3", config.environ, wall_s=wall_s)
        self._folder = f"/{bucket}/"
        if "." not in bucket and self._client.endpoint == _own_endpoint(config.environ):
            # S3 wants the bucket in the host's name (AWS: Amazon S3, "Virtual hosting of general purpose buckets"). Not
            # where no certificate would match that name, nor on a host that is not S3's own and may not know it.
            self._client.endpoint = self._client.endpoint.replace("//", f"//{bucket}.", 1)
            self._folder = "/"
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

    def abort(self) -> None:
        """Break the connection off."""
        self._client.abort()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
