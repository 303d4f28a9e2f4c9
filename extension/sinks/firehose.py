"""``firehose:stream``, by name or ARN: records as NDJSON to a Firehose stream with Direct PUT.

Promises: each line arrives whole, and every record of Firehose's ends in a newline, so that the records that Firehose
joins are NDJSON again. Of a request that is taken in part, only the rest is sent again. Assumes the limits of
PutRecordBatch as AWS's API reference gives them. The packing suits S3, Redshift, Iceberg tables and HTTP endpoints, and
not destinations that want one document a record (OpenSearch, Splunk).
"""

import re
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, NamedTuple

from extension.aws.accounts import refuse_other_account
from extension.aws.client import AwsClient
from extension.aws.errors import error_code, receipt_for_aws, shown
from extension.model.aws_targets import read_stream
from extension.model.chunk import Chunk
from extension.model.ndjson import numbered_lines
from extension.model.receipt import Answer, Receipt, cut, read_answer, send_in_turn
from extension.sinks.base import SinkConfig
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

MAX_RECORDS = 500
MAX_RECORD_BYTES = 1000 * 1024
"""Before base64."""
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""AWS says "4 MB for the entire request", so base64 and JSON are counted in."""
REQUEST_BYTES = 1024 * 1024
"""Beyond this a request ends, if it has any record yet. A body is held three times while it is written, which at AWS's
limit took 24 MB at its peak (measured)."""
RECORD_OVERHEAD_BYTES = len('{"Data":""},')
REQUEST_OVERHEAD_BYTES = 256
"""Everything else in the body: a stream's name has at most 64 characters."""

PACK_BYTES = 65_000
"""How many bytes of lines make one of Firehose's records, unless a single line is longer.

Direct PUT is billed by the record, each rounded up to the next 5 KB (AWS: "Amazon Data Firehose pricing"): sent one by
one, lines of 200 bytes cost ten times what they are, with all that NDJSON adds to them. This is 13 steps of 5,000 bytes,
and nearly as many of 5,120: whichever AWS means, 0.5 to 5 % of the paid bytes are not sent (measured).
"""

NEVER = frozenset({"InvalidArgumentException", "ValidationException"})
"""Error codes of a single record that it would get again. AWS documents only ServiceUnavailableException and
InternalFailure, so any other code may be temporary."""

THROTTLED = "ServiceUnavailableException"
"""How Firehose says that more comes than the stream's limits allow, of a request or of some records (AWS: PutRecordBatch)."""

ABOUT_STREAM = re.compile(rb"not permitted|not allowed|(?i:delivery ?stream)")
"""In the message of a 400 that is about the stream, for example one that another source feeds."""

TARGET = "Firehose_20150804.PutRecordBatch"


class Pack(NamedTuple):
    """Hold one of Firehose's records: lines, and the numbers of our records in them."""

    data: bytes
    numbers: list[int]

    @property
    def body_bytes(self) -> int:
        """The bytes that it adds to a request's body."""
        return (len(self.data) + 2) // 3 * 4 + RECORD_OVERHEAD_BYTES


def packed(lines: Iterable[tuple[int, bytes]]) -> Iterator[Pack]:
    """Pack numbered lines, in order; no line may be longer than :data:`MAX_RECORD_BYTES`."""
    for pack in cut(lines, lambda line: (0, len(line[1])), 0, PACK_BYTES):
        yield Pack(b"".join([line for _, line in pack]), [number for number, _ in pack])


def requests_of(packs: Iterable[Pack]) -> Iterator[list[Pack]]:
    """Cut packs into requests, each within every limit."""
    room_bytes = REQUEST_BYTES - REQUEST_OVERHEAD_BYTES
    return cut(packs, lambda pack: (1, pack.body_bytes), MAX_RECORDS, room_bytes)


def receipt_for_batch(answer: bytes, request: list[Pack]) -> Receipt:
    """Return the receipt for a success, which may be a success in part.

    ``RequestResponses`` has an entry for each record, in their order: with a ``RecordId`` if it was taken, else with
    an ``ErrorCode`` (AWS: Firehose, PutRecordBatch).
    """
    codes: list[str] = read_answer(answer, _error_codes, [])
    sent_bytes = 0
    taken: set[int] = set()
    refused: dict[int, str] = {}
    failed = ""
    for pack, code in zip(request, chain(codes, repeat("")), strict=False):
        if not code:
            taken.update(pack.numbers)
            sent_bytes += pack.body_bytes
        elif code in NEVER:
            refused.update(dict.fromkeys(pack.numbers, code))
        else:
            failed = code
    if not failed:
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, refused=refused)
    detail = f"PutRecordBatch: {shown(failed) or 'an unknown error'} for a part"
    return Receipt(
        Answer.UNAVAILABLE,
        detail,
        sent_bytes,
        taken=frozenset(taken),
        refused=refused,
        is_throttled=failed == THROTTLED,
    )


def _error_codes(answer: Any) -> list[str]:
    """Return each record's error code; empty where there is none."""
    entries = answer["RequestResponses"] if answer["FailedPutCount"] else []
    return [str(entry.get("ErrorCode") or "") for entry in entries]


class FirehoseSink:
    """Put records to one Firehose stream."""

    def __init__(self, config: SinkConfig) -> None:
        self._stream, self._arn = read_stream(config.url.partition(":")[2])
        self._client = AwsClient("firehose", config.environ, arn=self._arn)
        self.abort, self.close = self._client.abort, self._client.close

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Put chunks, in as many requests as Firehose's limits want.

        A line that is longer than a record may be is refused as ``too-large``. ``sent_bytes`` counts the bodies of
        the records that were taken.
        """
        if refusal := refuse_other_account(self._arn, chunks):
            return refusal
        until_s = time.monotonic() + timeout_s
        too_large: dict[int, str] = {}

        def fits(numbered: tuple[int, bytes]) -> bool:
            number, line = numbered
            if len(line) > MAX_RECORD_BYTES:
                too_large[number] = "too-large"
            return number not in too_large

        receipt = send_in_turn(
            requests_of(packed(filter(fits, numbered_lines(chunks)))),
            lambda request: self._put(request, until_s),
            numbers_of=lambda request: (number for pack in request for number in pack.numbers),
        )
        return receipt._replace(refused=too_large | dict(receipt.refused))

    def _put(self, request: list[Pack], until_s: float) -> Receipt:
        payload = {
            "DeliveryStreamName": self._stream,
            "Records": [{"Data": b64encode(pack.data).decode("ascii")} for pack in request],
        }
        try:
            reply = self._client.call(TARGET, payload, until_s=until_s)
        except Unreachable as error:
            return receipt_for_silence(error)
        if reply.is_success:
            return receipt_for_batch(reply.body, request)
        receipt = receipt_for_aws(reply, sent_bytes=0)
        if receipt.answer is Answer.UNREADABLE and ABOUT_STREAM.search(reply.body):
            return receipt._replace(answer=Answer.DENIED)
        return receipt._replace(is_throttled=receipt.is_throttled or error_code(reply) == THROTTLED)
