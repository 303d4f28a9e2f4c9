"""Answers of Lambda, of sinks, of AWS and of credentials' endpoints: whatever they hold, reading them never fails."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from extension.app.loop import _event_in
from extension.aws.credentials import NoCredentials, _read
from extension.aws.errors import error_code, receipt_for_aws
from extension.lambda_api.http1 import MalformedMessageError, MessageReader
from extension.model.receipt import Answer, Receipt
from extension.sinks.cloudwatch_events import LogEvent, refused_by
from extension.sinks.firehose import Pack, receipt_for_batch
from extension.sinks.formats import FORMATS, format_named
from extension.sinks.formats.base import Request
from extension.transport.client import Reply
from tests.fuzz import corpus
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from extension.sinks.formats.base import Format

AnswerCase = tuple[int, list[tuple[str, str]], bytes, list[tuple[int, int, bytes]]]
"""Status, headers, body, and edits of the body."""

CANARY = "canary-QuXz"
"""Stands in answers as a line may, which an error quotes."""
MAX_TOLD_CHARS = 120
STATUSES = (
    *range(100, 600, 7),
    200,
    200,
    200,
    200,
    201,
    207,
    400,
    400,
    403,
    409,
    413,
    422,
    429,
    500,
    503,
    999,
)
CODES = (
    "AccessDenied",
    "SlowDown",
    "ThrottlingException",
    "NoSuchBucket",
    "x",
    "",
    "é" * 70,
    "A#B:c",
    "KMS.DisabledException",
    CANARY,
    CANARY,
)
HEADERS = (
    *(
        "Retry-After",
        "x-amzn-errortype",
        "Date",
        "x-amz-bucket-region",
        "Content-Type",
        "Set-Cookie",
        "Location",
    ),
)
VALUES = (
    "1",
    "0",
    "-5",
    "9" * 400,
    "1e9",
    "²",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Mon, 01 Jan 99999 00:00:00 GMT",
    "application/x-protobuf",
    "",
    "é",
)
NUMBERS = [7, 8, 9]
REQUEST = Request(NUMBERS, iter([b"{}"] * 4), [7, 8, 8, 9])
EVENTS = [LogEvent(number, 0, "m", 27) for number in NUMBERS]
PACKS = [Pack(b"x", [7, 8]), Pack(b"y", [9])]


def _some(random: Random) -> Any:
    if random.random() < 0.3:
        return corpus.value(random, 1)
    return pick(random, (1, 0, 2, -1, 200, 201, 400, 429, 503))


SHAPES: tuple[Callable[[Random, str], Any], ...] = (
    lambda random, code: {
        "errors": pick(random, (True, False, 1)),
        "items": [{"create": {"status": _some(random), "error": {"type": code}}} for _ in range(3)],
    },
    lambda random, code: {
        "text": code,
        "code": _some(random),
        "invalid-event-number": _some(random),
    },
    lambda random, _: {
        "rejectedLogEventsInfo": {
            "tooNewLogEventStartIndex": _some(random),
            "tooOldLogEventEndIndex": _some(random),
            "expiredLogEventEndIndex": _some(random),
        }
    },
    lambda random, code: {
        "FailedPutCount": _some(random),
        "RequestResponses": [{"RecordId": "r"}, {"ErrorCode": code}],
    },
    lambda random, code: {"__type": code, "message": CANARY, "code": _some(random)},
    lambda random, code: {
        "AccessKeyId": code,
        "SecretAccessKey": CANARY,
        "Token": _some(random),
        "Expiration": pick(random, ("2026-11-29T12:00:00Z", code, 17)),
    },
    lambda random, code: {
        "eventType": pick(random, ("INVOKE", "SHUTDOWN", code)),
        "requestId": _some(random),
        "deadlineMs": _some(random),
    },
    lambda random, _: corpus.value(random),
)
"""Answers in the forms that receivers document, with values that they do not."""


class Answers(Fuzzer):
    """Make answers of the documented forms, and spoil them."""

    def draw(self, random: Random) -> AnswerCase:
        headers = [
            (pick(random, HEADERS), pick(random, VALUES + CODES))
            for _ in range(int(random.random() * 3))
        ]
        body = b"" if random.random() < 0.05 else self._body(random)
        return (
            pick(random, STATUSES),
            headers,
            body,
            corpus.edits(random) if random.random() < 0.4 else [],
        )

    def _body(self, random: Random) -> bytes:
        code = pick(random, CODES)
        shape = int(random.random() * (len(SHAPES) + 2))
        if shape == len(SHAPES):
            return f"<Error><Code>{code}</Code></Error>".encode()
        if shape > len(SHAPES):
            return bytes([int(random.random() * 32) for _ in range(int(random.random() * 12))])
        return json.dumps(SHAPES[shape](random, code)).encode()

    def check(self, case: AnswerCase) -> int:
        status, headers, body, changes = case
        if status < 100:
            return 0  # of a case that was made smaller: the client's own replies have such
        body = corpus.edited(body, changes)
        reply = Reply(status, dict(headers), body)
        self._check_receipt(receipt_for_aws(reply, sent_bytes=1))
        for form in FORMATS:
            self._check_receipt(_format(form).receipt(reply, REQUEST, sent_bytes=1))
        self._check_receipt(receipt_for_batch(body, PACKS))
        assert set(refused_by(body, EVENTS)) <= set(NUMBERS)
        assert len(error_code(reply)) <= 64
        try:
            keys, _ = _read(reply)
        except NoCredentials as error:
            told = str(error)
        else:
            told = ""
            assert all(keys)
        assert CANARY not in told
        event = _event_in(body)
        assert event is None or isinstance(event, dict)
        self._check_message(status, headers, body)
        return 1

    def _check_message(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        reader = MessageReader()
        try:
            for message in reader.feed(
                f"HTTP/1.1 {status} x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
            ):
                assert message.status == status
        except MalformedMessageError:
            pass

    def _check_receipt(self, receipt: Receipt) -> None:
        assert isinstance(receipt.answer, Answer)
        assert receipt.taken <= set(NUMBERS)
        assert set(receipt.refused) <= set(NUMBERS)
        assert not receipt.taken & set(receipt.refused)
        assert receipt.retry_after_s is None or receipt.retry_after_s >= 0.0
        assert receipt.rejected_lines >= 0
        for told in (receipt.detail, *receipt.refused.values()):
            assert len(told) <= MAX_TOLD_CHARS, told
            assert CANARY not in told, told


@cache
def _format(word: str) -> Format:
    return format_named(word, {})
