"""``s3://bucket/prefix?parameters``: one object a batch, gzipped NDJSON, where Athena and DuckDB read it in place.

Promises: the same batch makes the same object under the same key, so that a repetition replaces an object that may have
been written before. No two batches have the same key. Keys lie in Hive's partitions, by function and hour in UTC. The
name ends in ``.gz`` and there is no Content-Encoding: readers go by the name and would decompress twice.

Whose bucket it is cannot be known from the function's account, because log archives often belong to another one. So the
owner is told to S3 only where ``?owner=`` names one.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from extension.aws.buckets import open_bucket
from extension.aws.errors import MAX_SEARCHED_BYTES, error_code, receipt_for_aws
from extension.model.aws_targets import read_s3
from extension.model.chunk import Chunk
from extension.model.ndjson import lines_of
from extension.model.receipt import Answer, Receipt
from extension.model.record import records_in, timed
from extension.sinks.base import SinkConfig
from extension.sinks.formats.base import joined
from extension.sinks.http import gzipped
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

HASH_DIGITS = 8
"""Of the body's SHA-256, beside the environment's id and a record's number: so that the rest of a batch that was taken in
part, or half of one, does not replace it."""

HEADERS = {"Content-Type": "application/x-ndjson"}
SSE, OWNER = "x-amz-server-side-encryption", "x-amz-expected-bucket-owner"

POLICY_DENIES = b"explicit deny in a resource-based policy"
"""In the message of AccessDenied, within one organization (AWS: "Troubleshoot access denied (403 Forbidden) errors")."""

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
        target = read_s3(config.url.partition("://")[2])
        self._prefix = target.prefix
        self._headers = HEADERS | dict(target.headers)
        self._client, self._folder = open_bucket(target, config.environ, wall_s=wall_s)
        self.abort, self.close = self._client.abort, self._client.close
        # The same for every batch without a time, so that its key is the same when it comes again.
        self._opened_s = wall_s()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Put chunks as one object."""
        until_s = time.monotonic() + timeout_s
        # Without holding all of the batch in plain.
        body = gzipped(joined(lines_of(records_in(chunks)), b""))
        key = object_key(self._prefix, chunks, body, otherwise_s=self._opened_s)
        try:
            reply = self._client.request(
                "PUT", self._folder + key, headers=self._headers, body=body, until_s=until_s
            )
        except Unreachable as error:
            return receipt_for_silence(error)
        return receipt_for_put(reply, self._headers, sent_bytes=len(body))


def receipt_for_put(reply: Reply, headers: Mapping[str, str], *, sent_bytes: int) -> Receipt:
    """Map an answer to a receipt: S3 reads no records, so a lasting refusal is about the bucket, its key or its policy."""
    receipt = receipt_for_aws(reply, sent_bytes=sent_bytes)
    if receipt.answer in (Answer.UNREADABLE, Answer.REFUSED):
        return receipt._replace(answer=Answer.DENIED)
    if error_code(reply) != "AccessDenied":
        return receipt
    is_by_policy = POLICY_DENIES in reply.body[:MAX_SEARCHED_BYTES]
    causes = ["the bucket's policy denies it" if is_by_policy else "a permission is missing"]
    if SSE not in headers:
        causes.append("the bucket's policy wants encryption (?sse=)")
    if OWNER in headers:
        causes.append("another account owns the bucket (?owner=)")
    return receipt._replace(detail=f"{receipt.detail}: {', or '.join(causes)}")
