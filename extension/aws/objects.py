"""Fetch objects from S3 that hold settings: a conditional GET, which S3 answers without the object while it is the same.

Assumes of AWS: ``If-None-Match`` with the ETag brings 304 (AWS: GetObject). A missing object is 404 only for those who
may list the bucket, and 403 for all others. Permissions: ``s3:GetObject``; ``kms:Decrypt`` for customer-managed keys.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import NamedTuple

from extension.aws.buckets import open_bucket
from extension.aws.endpoints import partition_of
from extension.aws.errors import error_code, receipt_for_aws
from extension.model.aws_targets import Arn, S3Target, read_s3
from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

MAX_OBJECT_BYTES = 256 * 1024
"""Bound on an object with settings: sixty times what a function's variables may hold together. It stays in memory."""

NOT_MODIFIED = 304
OWNER = "x-amz-expected-bucket-owner"

CAUSES = {
    "AccessDenied": "s3:GetObject is missing, or there is no such object: S3 tells that only to those who may list the bucket",
    "NoSuchKey": "no such object",
}
"""What an error code can mean here."""


class _Known(NamedTuple):
    """An object as it was fetched last. The region is the bucket's."""

    etag: str
    text: str
    region: str


class Objects:
    """Fetch objects, and remember them. Used by one thread at a time."""

    def __init__(self, environ: Mapping[str, str], *, wall_s: Callable[[], float]) -> None:
        """Know none yet. ``wall_s`` tells the time in seconds since 1970."""
        self._environ = environ
        self._wall_s = wall_s
        self._known: dict[str, _Known] = {}

    def fetch(
        self, names: list[str], *, until_s: float
    ) -> tuple[dict[str, str], dict[str, Receipt]]:
        """Fetch objects, each named as behind ``s3:``; return the texts by name, and why each other name has none.

        Each object has an equal share of the time.
        """
        values: dict[str, str] = {}
        failures: dict[str, Receipt] = {}
        for number, name in enumerate(names):
            now_s = time.monotonic()
            share_s = (until_s - now_s) / (len(names) - number)
            found = self._get(name, now_s + share_s)
            if isinstance(found, Receipt):
                failures[name] = found
            else:
                self._known[name] = found
                values[name] = found.text
        return values, failures

    def _get(self, name: str, until_s: float) -> "_Known | Receipt":
        known = self._known.get(name)
        try:
            target = _target(name, known)
        except ValueError as error:
            return Receipt(Answer.DENIED, str(error))
        headers = dict(target.headers) | (
            {"If-None-Match": known.etag} if known and known.etag else {}
        )
        client, folder = open_bucket(target, self._environ, wall_s=self._wall_s)
        # A client for each fetch: between two fetches, the certificates loaded for TLS would take much of our memory.
        with closing(client):
            try:
                reply = client.request(
                    "GET", folder + target.prefix, headers=headers, until_s=until_s
                )
            except Unreachable as error:
                return receipt_for_silence(error)
            if known is not None and reply.status == NOT_MODIFIED:
                return known
            return _read(reply, client.region)


def _target(name: str, known: _Known | None) -> S3Target:
    """Parse a reference; raise ValueError if it names no object. The region that is known spares a redirection."""
    target = read_s3(name.removeprefix("//"))
    if not target.prefix:
        raise ValueError("the reference names a bucket and no object")
    if any(header != OWNER for header, _ in target.headers):
        raise ValueError("behind ? may stand owner, and nothing else")
    if known is None or target.is_access_point:
        return target
    partition = target.arn.partition if target.arn else partition_of(known.region).name
    return target._replace(arn=Arn(partition, "s3", known.region, "", target.bucket))


def _read(reply: Reply, region: str) -> "_Known | Receipt":
    receipt = receipt_for_aws(reply, sent_bytes=0)
    if receipt.answer is not Answer.TAKEN:
        cause = CAUSES.get(error_code(reply))
        return receipt._replace(detail=f"{receipt.detail}: {cause}") if cause else receipt
    if len(reply.body) > MAX_OBJECT_BYTES:
        return Receipt(Answer.DENIED, f"the object is larger than {MAX_OBJECT_BYTES // 1024} KiB")
    if not reply.complete:
        return Receipt(Answer.UNAVAILABLE, "the answer broke off")
    try:
        # Some editors begin a file with a byte order mark.
        text = reply.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Receipt(Answer.DENIED, "the object is no text in UTF-8")
    return _Known(reply.headers.get("ETag", ""), text, region)
