"""``s3://bucket/prefix``: one object a batch, gzipped NDJSON, where Athena and DuckDB read it as it lies.

Promises: the same batch makes the same object under the same key, so that a repetition replaces what may have been
written before, and no two batches have the same key. Keys lie in Hive's partitions, by function and hour in UTC. The
name ends in ``.gz`` and there is no Content-Encoding, since readers go by the name and would decompress twice.
"""

import hashlib
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from extension.aws.client import AwsClient, receipt_for_aws
from extension.aws.endpoints import endpoint_for
from extension.kept import epoch_ns, kept_in
from extension.parcels import Parcel, Receipt
from extension.sinks import SinkPlan
from extension.sinks.answers import receipt_for_silence
from extension.sinks.http import COMPRESSION_LEVEL, GZIP
from extension.sinks.numbered import numbered_lines
from extension.transport import Unreachable

HASH_DIGITS = 8
"""Of the body's SHA-256, beside the environment's id and a record's number: so that what is left of a batch that was
taken in part, or halved, does not replace it."""

HEADERS = {"Content-Type": "application/x-ndjson"}
SECOND_NS = 1_000_000_000


def object_key(prefix: str, parcels: list[Parcel], body: bytes, *, otherwise_s: float) -> str:
    """Names the object for a batch.

    Args:
        prefix: as set, without slashes at its ends; may be empty.
        parcels: the batch, of which the first record with a time says in which partition it belongs.
        body: of the object.
        otherwise_s: the time, since 1970 in seconds, for a batch in which there is none.
    """
    stamp = parcels[0].stamp
    first = next(kept_in(parcels))
    times = (epoch_ns(kept.time) for kept in kept_in(parcels))
    at_ns = next((at_ns for at_ns in times if at_ns is not None), None)
    at_s = otherwise_s if at_ns is None else at_ns // SECOND_NS
    partitions = datetime.fromtimestamp(at_s, timezone.utc).strftime(
        "year=%Y/month=%m/day=%d/hour=%H"
    )
    digits = hashlib.sha256(body).hexdigest()[:HASH_DIGITS]
    name = f"{stamp.environment_id}-{first.number}-{digits}.ndjson.gz"
    folders = [prefix] if prefix else []
    return "/".join([*folders, f"function={stamp.function}", partitions, name])


def _gzipped(parcels: list[Parcel]) -> bytes:
    """Compresses a batch without holding all of it in plain: the same bytes each time."""
    compressor = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, GZIP)
    pieces = [compressor.compress(line) for _, line in numbered_lines(parcels)]
    return b"".join([*pieces, compressor.flush()])


def _own_endpoint(environ: Mapping[str, str]) -> str:
    return endpoint_for("s3", {**environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"})


class S3Sink:
    """Puts objects into one bucket."""

    def __init__(self, plan: SinkPlan, *, wall_s: Callable[[], float] = time.time) -> None:
        """Opens nothing yet.

        Args:
            plan: of the sink.
            wall_s: the time since 1970 in seconds.
        """
        _, _, rest = plan.url.partition("://")
        bucket, _, prefix = rest.partition("/")
        self._prefix = prefix.strip("/")
        self._client = AwsClient("s3", plan.environ, wall_s=wall_s)
        self._folder = f"/{bucket}/"
        if "." not in bucket and self._client.endpoint == _own_endpoint(plan.environ):
            # The form that S3 wants, but where no certificate would match the host's name, or where the host is not
            # S3's own and may have no such names (AWS: Amazon S3, "Virtual hosting of general purpose buckets").
            self._client.endpoint = self._client.endpoint.replace("//", f"//{bucket}.", 1)
            self._folder = "/"
        # The same for every batch without a time, so that its key is the same when it comes again.
        self._opened_s = wall_s()

    def send(self, parcels: list[Parcel], *, timeout_s: float) -> Receipt:
        """Puts parcels as one object."""
        until_s = time.monotonic() + timeout_s
        body = _gzipped(parcels)
        key = object_key(self._prefix, parcels, body, otherwise_s=self._opened_s)
        try:
            reply = self._client.request(
                "PUT", self._folder + key, headers=HEADERS, body=body, until_s=until_s
            )
        except Unreachable as error:
            return receipt_for_silence(error)
        return receipt_for_aws(reply, sent_bytes=len(body))

    def abort(self) -> None:
        """Breaks the connection off."""
        self._client.abort()

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()
