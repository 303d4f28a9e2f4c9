"""What an answer of AWS means for a batch."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from extension.aws.errors import _ANSWERS, error_code, receipt_for_aws
from extension.model.receipt import Answer
from extension.transport.client import Reply
from extension.transport.responses import receipt_for

ROWS = [
    line.split()
    for line in Path(__file__).with_name("answers.txt").read_text().splitlines()
    if not line.startswith("#")
]
CODES = {code: Answer(answer) for answer, code in ROWS if not code.isdigit()}
STATUSES = {int(code): Answer(answer) for answer, code in ROWS if code.isdigit()}


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize("status", [400, 403, 500])
def test_known_code_decides_whatever_the_status(status: int) -> None:
    """AWS sends many codes with a mere 400; the fixture holds the meaning of each."""
    for code, answer in CODES.items():
        body = json.dumps({"__type": code, "message": "secret"}).encode()
        receipt = receipt_for_aws(reply(status, body), sent_bytes=7)

        is_taken = answer is Answer.TAKEN
        assert receipt.answer is answer, code
        assert receipt.sent_bytes == (7 if is_taken else 0)
        assert receipt.detail == ("" if is_taken else f"{code} (status {status})")
    assert CODES == _ANSWERS


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("KMS.DisabledException", Answer.DENIED),
        ("KMS.NotFoundException", Answer.DENIED),
        ("KMS.KMSInvalidStateException", Answer.DENIED),
        ("KMSAccessDeniedException", Answer.DENIED),
        ("KMSThrottlingException", Answer.UNAVAILABLE),
        ("KMS.ThrottlingException", Answer.UNAVAILABLE),
        ("KMSInternalException", Answer.UNAVAILABLE),
        ("KMS.DependencyTimeoutException", Answer.UNAVAILABLE),
        ("KMS.KeyUnavailableException", Answer.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_codes_of_kms_are_about_a_key(code: str, answer: Answer, status: int) -> None:
    """A key that somebody enables again saves the lines, so no record is looked for."""
    body = f"<Error><Code>{code}</Code></Error>".encode()

    assert receipt_for_aws(reply(status, body), sent_bytes=7).answer is answer


@pytest.mark.parametrize("code", ["", "InvalidParameterException", "MethodNotAllowed"])
def test_status_decides_without_a_known_code(code: str) -> None:
    """A code that no table knows may stand for anything."""
    for status, answer in STATUSES.items():
        body = json.dumps({"__type": code}).encode()
        receipt = receipt_for_aws(reply(status, body), sent_bytes=7)

        shown = f"{code} (status {status})" if code else f"status {status}"
        assert receipt.answer is answer, status
        assert receipt.detail == ("" if answer is Answer.TAKEN else shown)
        assert receipt_for(reply(status), sent_bytes=7).answer is answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(400, b'{"__type":"ResourceNotFoundException"}'), "ResourceNotFoundException"),
        (reply(400, b'{"__type":"com.amazonaws.logs#A.Exception","x":1}'), "A.Exception"),
        (reply(400, b'{"code":"SomeError"}'), "SomeError"),
        (reply(400, x_amzn_errortype="SomeError:http://x/"), "SomeError"),
        (reply(400, b'{"__type":"Other"}', x_amzn_errortype="SomeError"), "SomeError"),
        (reply(404, b"<?xml?><Error><Code>NoSuchBucket</Code></Error>"), "NoSuchBucket"),
        (reply(404, b"<Error><Code>\n NoSuchBucket </Code></Error>"), "NoSuchBucket"),
        (reply(200, b'{"__type":"SomeError"}'), ""),
        (reply(400, b'{"__type":"what a customer wrote: 12345"}'), ""),
        (reply(400, b'{"__type":["SomeError"]}'), ""),
        (reply(400, b'["SomeError"]'), ""),
        (reply(400, b"<html>"), ""),
        (reply(400, b"[" * 100_000), ""),
        (reply(400, b"\xff"), ""),
        (reply(500), ""),
    ],
)
def test_code_is_found_in_header_json_or_xml(answer: Reply, code: str) -> None:
    """Text that does not look like a code may be a customer's, and is not shown."""
    assert error_code(answer) == code


@pytest.mark.parametrize(
    ("code", "wait_s"), [("ThrottlingException", 7.0), ("AccessDeniedException", None)]
)
def test_retry_after_counts_only_for_unavailable(code: str, wait_s: float | None) -> None:
    """A denial lasts until somebody changes something."""
    answer = reply(400, x_amzn_errortype=code, Retry_After="7")

    assert receipt_for_aws(answer, sent_bytes=0).retry_after_s == wait_s


@given(status=st.integers(100, 599), body=st.binary(max_size=200), kind=st.text(max_size=80))
def test_every_answer_has_a_receipt(status: int, body: bytes, kind: str) -> None:
    """Its detail shows no more than a code and a status."""
    receipt = receipt_for_aws(reply(status, body, x_amzn_errortype=kind), sent_bytes=1)

    assert isinstance(receipt.answer, Answer)
    assert len(receipt.detail) < 100


@pytest.mark.parametrize(
    ("code", "is_throttled"),
    [
        ("Throttling", True),
        ("ThrottlingException", True),
        ("RequestLimitExceeded", True),
        ("TooManyRequestsException", True),
        ("SlowDown", True),
        ("ProvisionedThroughputExceededException", True),
        ("KMSThrottlingException", True),
        ("InternalFailure", False),
        ("LimitExceededException", False),
        ("AccessDenied", False),
    ],
)
def test_throttling_is_told_from_other_troubles(code: str, is_throttled: bool) -> None:
    """A quota of resources that is used up (LimitExceededException) does not pass by waiting."""
    body = json.dumps({"__type": code}).encode()

    assert receipt_for_aws(reply(400, body), sent_bytes=1).is_throttled is is_throttled


def test_status_429_is_throttling_whatever_the_code() -> None:
    """Some services, and what stands before them, tell by the status alone."""
    assert receipt_for_aws(reply(429, b"slow"), sent_bytes=1).is_throttled
