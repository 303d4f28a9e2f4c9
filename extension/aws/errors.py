"""Map AWS error codes to receipts."""

import json
import re

from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.responses import receipt_for, retry_after_s

MAX_SEARCHED_BYTES = 16 * 1024
"""Of an XML answer, where its code is looked for: it stands at the beginning."""

LOCAL_STATUS = 0
"""The status of what is answered here and not by a server."""

CLOCK_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""Codes that a clock which is off may be the reason of; AWS's SDKs have the same list (aws/aws-sdk-go-v2, clock skew)."""

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})

_ANSWERS = {
    Answer.TAKEN: {"DataAlreadyAcceptedException"},
    Answer.UNAVAILABLE: {
        "BadDigest",
        "BandwidthLimitExceeded",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InvalidSequenceTokenException",
        "OperationAborted",
        "OperationAbortedException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "TemporaryRedirect",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "XAmzContentSHA256Mismatch",
    },
    Answer.DENIED: {
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthFailure",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "ExpiredTokenException",
        "IllegalLocationConstraintException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidKMSResourceException",
        "InvalidSignatureException",
        "InvalidToken",
        "LimitExceededException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NoSuchBucket",
        "NotSignedUp",
        "OptInRequired",
        "PermanentRedirect",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "ResourceNotFoundException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    },
    Answer.TOO_LARGE: {
        "EntityTooLarge",
        "RequestEntityTooLarge",
        "RequestEntityTooLargeException",
        "RequestTooLargeException",
    },
}
"""What the common errors of the services that are used say of trying again (AWS: "Common Error Types" of each API
reference; "Error responses" of Amazon S3). Any other code goes by its status."""

_ANSWER_TO = {code: answer for answer, codes in _ANSWERS.items() for code in codes}

_CODE = re.compile(r"[A-Z][A-Za-z0-9.]{2,63}")

_XML_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]+)\s*</Code>")


def error_code(reply: Reply) -> str:
    """Gives the code of an error, such as ``ResourceNotFoundException``; empty if there is none, or none to be shown."""
    if reply.is_success:
        return ""
    text = reply.headers.get("x-amzn-errortype", "")
    if not text and (found := _XML_CODE.search(reply.body[:MAX_SEARCHED_BYTES])):
        text = found.group(1).decode("ascii")
    if not text:
        try:
            answer = json.loads(reply.body)
        except (ValueError, RecursionError):
            answer = None
        named = answer if isinstance(answer, dict) else {}
        text = str(named.get("__type") or named.get("code") or "")
    # It may stand between a namespace with a hash and a colon with an address.
    code = text.partition(":")[0].rpartition("#")[2].strip()
    return code if _CODE.fullmatch(code) else ""


def receipt_for_aws(reply: Reply, *, sent_bytes: int) -> Receipt:
    """Gives the receipt for an answer of AWS.

    Throttling and faults on AWS's side are unavailable; missing permissions, resources, credentials and quota are
    denied; a code that is not known goes by the status, where a mere 400 is unreadable.
    """
    if reply.is_success:
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes)
    if reply.status == LOCAL_STATUS:
        return Receipt(Answer.DENIED, reply.body.decode())
    code = error_code(reply)
    by_status = receipt_for(reply, sent_bytes=sent_bytes)
    answer = _ANSWER_TO.get(code, by_status.answer)
    if answer is Answer.TAKEN:
        return Receipt(answer, sent_bytes=sent_bytes)
    detail = f"{code} ({by_status.detail})" if code else by_status.detail
    wait_s = retry_after_s(reply) if answer is Answer.UNAVAILABLE else None
    return Receipt(answer, detail, retry_after_s=wait_s)
