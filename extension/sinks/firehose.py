"""``firehose:stream``: records as NDJSON to a Firehose stream with Direct PUT.

Promises: each line arrives whole, and every record of Firehose's ends in a newline, so that the records that Firehose
joins are NDJSON again. Of a request that is taken in part, only the rest is sent again. Assumes the limits of
PutRecordBatch as AWS's API reference gives them. The packing suits S3, Redshift, Iceberg tables and HTTP endpoints, and
not destinations that want one document a record (OpenSearch, Splunk).
"""

import json
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from extension.aws.client import AwsClient
from extension.aws.errors import receipt_for_aws
from extension.model.chunk import Chunk
from extension.model.ndjson import numbered_lines
from extension.model.receipt import Answer, Receipt, send_in_turn
from extension.sinks.base import SinkConfig
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

MAX_RECORDS = 500
MAX_RECORD_BYTES = 1000 * 1024
"""Before base64."""
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""AWS says "4 MB for the entire request", so base64 and JSON are counted in."""
REQUEST_BYTES = 1024 * 1024
"""Above this a request ends, if it has any record yet. A body is held three times while it is written, which at AWS's
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
    data: list[bytes] = []
    numbers: list[int] = []
    size_bytes = 0
    for number, line in lines:
        if data and size_bytes + len(line) > PACK_BYTES:
            yield Pack(b"".join(data), numbers)
            data, numbers, size_bytes = [], [], 0
        data.append(line)
        numbers.append(number)
        size_bytes += len(line)
    if data:
        yield Pack(b"".join(data), numbers)


def _fitting(
    lines: Iterable[tuple[int, bytes]], too_large: dict[int, str]
) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that fit into one of Firehose's records, and note the others."""
    for number, line in lines:
        if len(line) > MAX_RECORD_BYTES:
            too_large[number] = "too-large"
        else:
            yield number, line


def requests_of(packs: Iterable[Pack]) -> Iterator[list[Pack]]:
    """Cut packs into requests, each within every limit."""
    request: list[Pack] = []
    size_bytes = REQUEST_OVERHEAD_BYTES
    for pack in packs:
        if request and (
            len(request) >= MAX_RECORDS or size_bytes + pack.body_bytes > REQUEST_BYTES
        ):
            yield request
            request, size_bytes = [], REQUEST_OVERHEAD_BYTES
        request.append(pack)
        size_bytes += pack.body_bytes
    if request:
        yield request


def receipt_for_batch(answer: bytes, request: list[Pack]) -> Receipt:
    """Return the receipt for a success, which may be a success in part.

    ``RequestResponses`` has an entry for each record, in their order: with a ``RecordId`` if it was taken, else with
    an ``ErrorCode`` (AWS: Firehose, PutRecordBatch).
    """
    sent_bytes = sum(pack.body_bytes for pack in request)
    codes = _error_codes(answer)
    if not any(codes):
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes)
    taken: set[int] = set()
    refused: dict[int, str] = {}
    failed = ""
    for place, pack in enumerate(request):
        code = codes[place] if place < len(codes) else ""
        if not code:
            taken.update(pack.numbers)
            continue
        sent_bytes -= pack.body_bytes
        if code in NEVER:
            refused.update(dict.fromkeys(pack.numbers, code))
        else:
            failed = code
    if not failed:
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, refused=refused)
    return Receipt(
        Answer.UNAVAILABLE,
        f"PutRecordBatch: {failed} for a part",
        sent_bytes=sent_bytes,
        taken=frozenset(taken),
        refused=refused,
    )


def _error_codes(answer: bytes) -> list[str]:
    """Read each record's error code; empty where there is none."""
    try:
        parsed = json.loads(answer)
        if not parsed["FailedPutCount"]:
            return []
        return [str(entry.get("ErrorCode") or "") for entry in parsed["RequestResponses"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


class FirehoseSink:
    """Put records to one Firehose stream."""

    def __init__(self, config: SinkConfig) -> None:
        self._client = AwsClient("firehose", config.environ)
        self._stream = config.url.partition(":")[2]

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Put chunks, in as many requests as Firehose's limits want.

        A line that is longer than a record may be is refused as ``too-large``. ``sent_bytes`` counts the bodies of
        the records that were taken.
        """
        until_s = time.monotonic() + timeout_s
        too_large: dict[int, str] = {}
        receipt = send_in_turn(
            requests_of(packed(_fitting(numbered_lines(chunks), too_large))),
            lambda request: self._put(request, until_s),
            numbers_of=lambda request: (number for pack in request for number in pack.numbers),
        )
        return receipt._replace(refused=too_large | dict(receipt.refused))

    def abort(self) -> None:
        """Break the connection off."""
        self._client.abort()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

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
        return receipt_for_aws(reply, sent_bytes=0)
