"""Map AWS error codes to receipts."""

import json
import re
from enum import Enum

from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.responses import receipt_for, retry_after_s

MAX_SEARCHED_BYTES = 16 * 1024
"""Bound on the part of an XML answer that is searched: the code stands at the beginning."""

LOCAL_STATUS = 0
"""Status of a reply that the client makes itself, without asking AWS."""


class Missing(Enum):
    """Things that are missing, in words for people; more words may follow behind a colon."""

    REGION = "no AWS region"
    PARTITION = "the ARN is of another partition of AWS than the region"
    CREDENTIALS = "no AWS credentials in the environment"
    USABLE_CREDENTIALS = "no AWS credentials"
    PARAMETER = "no such parameter"


_CLOCK = """AuthFailure InvalidSignatureException RequestExpired RequestInTheFuture RequestTimeTooSkewed
    SignatureDoesNotMatch"""

CLOCK_CODES = frozenset(_CLOCK.split())
"""Error codes that clock skew can cause. AWS's SDKs use the same list (aws/aws-sdk-go-v2, clock skew)."""

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})

_CODES = {
    Answer.TAKEN: "DataAlreadyAcceptedException",
    Answer.UNAVAILABLE: """BadDigest BandwidthLimitExceeded InternalError InternalFailure InternalServerError
        InternalServiceError InvalidSequenceTokenException OperationAborted OperationAbortedException
        PriorRequestNotComplete ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled
        RequestThrottledException RequestTimeout RequestTimeoutException ServiceUnavailable ServiceUnavailableException
        SlowDown TemporaryRedirect ThrottledException Throttling ThrottlingException TooManyRequestsException
        XAmzContentSHA256Mismatch""",
    Answer.DENIED: f"""{_CLOCK} AccessDenied AccessDeniedException AccountProblem AllAccessDisabled
        AuthorizationHeaderMalformed ExpiredToken ExpiredTokenException IllegalLocationConstraintException
        IncompleteSignature IncompleteSignatureException InvalidAccessKeyId InvalidClientTokenId
        InvalidKMSResourceException InvalidToken LimitExceededException MissingAuthenticationToken
        MissingAuthenticationTokenException NoSuchBucket NotSignedUp OptInRequired PermanentRedirect
        ResourceNotFoundException UnrecognizedClientException""",
    Answer.TOO_LARGE: """EntityTooLarge RequestEntityTooLarge RequestEntityTooLargeException
        RequestTooLargeException""",
}
"""Whether retrying helps after the common errors (AWS: "Common Error Types" of each API reference; "Error responses" of
Amazon S3). The status decides for every other code."""

_ANSWERS = {code: answer for answer, codes in _CODES.items() for code in codes.split()}

_THROTTLING = ("Throttl", "SlowDown", "TooManyRequests", "LimitExceeded", "ThroughputExceeded")
"""Parts of the codes that mean too many requests, where a request is tried again (AWS: SDK reference, "Retry behavior")."""

_KMS_PASSES = ("Throttl", "Internal", "Timeout", "Unavailable")
"""Parts of the codes of KMS that may differ the next time. Every other one is about the key, which somebody may mend."""


def error_code(reply: Reply) -> str:
    """Return the code of an error, such as ``ResourceNotFoundException``; empty if none can be shown."""
    if reply.is_success:
        return ""
    text = reply.headers.get("x-amzn-errortype", "")
    if not text:
        found = re.search(rb"<Code>\s*([A-Za-z0-9.]+)\s*</Code>", reply.body[:MAX_SEARCHED_BYTES])
        text = found.group(1).decode("ascii") if found else _code_in_json(reply.body)
    # A namespace with a hash may stand before the code, and a colon with an address behind it.
    code = text.partition(":")[0].rpartition("#")[2].strip()
    return shown(code)


def shown(code: str) -> str:
    """Return a code that can be shown; empty if the text is no code: it may be a part of a line."""
    return code if re.fullmatch("[A-Z][A-Za-z0-9.]{2,63}", code) else ""


def _code_in_json(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    named = answer if isinstance(answer, dict) else {}
    return str(named.get("__type") or named.get("code") or "")


def receipt_for_aws(reply: Reply, *, sent_bytes: int) -> Receipt:
    """Map an answer of AWS to a receipt.

    Throttling and faults of AWS are unavailable. Missing permissions, resources, credentials and quota are denied. The
    status decides for an unknown code, and a mere 400 is unreadable. Codes of KMS, which services pass on with its name
    before them, are about a key: denied, unless KMS itself is in trouble.
    """
    if reply.is_success:
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes)
    if reply.status == LOCAL_STATUS:
        return Receipt(Answer.DENIED, reply.body.decode())
    code = error_code(reply)
    by_status = receipt_for(reply, sent_bytes=sent_bytes)
    answer = _ANSWERS.get(code, by_status.answer)
    if code.startswith("KMS"):
        passes = any(part in code for part in _KMS_PASSES)
        answer = Answer.UNAVAILABLE if passes else Answer.DENIED
    if answer is Answer.TAKEN:
        return Receipt(answer, sent_bytes=sent_bytes)
    detail = f"{code} ({by_status.detail})" if code else by_status.detail
    if answer is not Answer.UNAVAILABLE:
        return Receipt(answer, detail)
    is_throttled = by_status.is_throttled or any(part in code for part in _THROTTLING)
    return Receipt(answer, detail, retry_after_s=retry_after_s(reply), is_throttled=is_throttled)
