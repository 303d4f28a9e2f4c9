"""What to do about what stands in the way of a reference or a sink, for the self-check.

Promises: where AWS denies something, the statement that would allow it can be copied. Assumes the codes of AWS's services
as their API references give them, and the words of our own receipts (:mod:`extension.transport.client`, :mod:`extension.aws`).
Pure; loaded by ``--check`` only.
"""

import json
import re
from collections.abc import Mapping

from extension import PREFIX
from extension.aws.endpoints import CHINA, GOV_CLOUD, partition_of, region_of
from extension.config.parsers import kind_of_sink


def group_of(url: str, environ: Mapping[str, str]) -> str:
    """Gives the log group of a ``cloudwatch:`` sink."""
    return url.partition(":")[2] or "/flight-recorder/" + environ.get(
        "AWS_LAMBDA_FUNCTION_NAME", ""
    )


def needed_for(url: str, environ: Mapping[str, str]) -> str:
    """Gives the IAM statement that a sink of AWS's needs."""
    arn, region = arn_of(environ)
    kind, rest = kind_of_sink(url), url.partition(":")[2]
    if kind == "s3":
        return statement("s3:PutObject", f"{arn}:s3:::{rest.strip('/')}/*")
    if kind == "firehose":
        return statement(
            "firehose:PutRecordBatch", f"{arn}:firehose:{region}:*:deliverystream/{rest}"
        )
    group = group_of(url, environ)
    return statement(
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        [f"{arn}:logs:{region}:*:log-group:{group}", f"{arn}:logs:{region}:*:log-group:{group}:*"],
    )


def statement(action: str | list[str], resource: str | list[str]) -> str:
    """Writes an IAM statement that allows something (AWS: IAM JSON policy elements)."""
    return json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})


def arn_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """Gives how ARNs begin where the function is, and the region."""
    region = region_of(environ)
    names = {CHINA: "aws-cn", GOV_CLOUD: "aws-us-gov"}
    return f"arn:{names.get(partition_of(region), 'aws')}", region or "*"


_CODE = re.compile(r"([A-Z][A-Za-z0-9.]+) \(status (\d{3})\)|status (\d{3})")

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled"})
_BAD_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_MISSING = frozenset({"NoSuchBucket", "ResourceNotFoundException"})


def code_and_status(detail: str) -> tuple[str, int]:
    """Reads AWS's code and HTTP's status, as far as there are any, from what a receipt says."""
    match = _CODE.search(detail)
    if match is None:
        return "", 0
    return match.group(1) or "", int(match.group(2) or match.group(3))


def todo_for_aws(code: str, detail: str) -> str:
    """Gives what to do about what any service of AWS's may answer; empty if that is not what it is."""
    if code in _BAD_KEYS:
        return "these credentials are not accepted: run the check with the function's own, where the function runs"
    if detail.startswith(("no AWS credentials", "AWS_CONTAINER", "the credentials endpoint")):
        return "run the check where the function runs, or with its credentials in AWS_ACCESS_KEY_ID and the like"
    if detail.startswith("no AWS region"):
        return "set AWS_REGION to the function's region"
    return _todo_for_network(detail, "AWS_ENDPOINT_URL, if that is set")


def todo_for_aws_sink(kind: str, detail: str, *, needed: str) -> str:
    """Gives what to do about a sink of AWS's that did not take a record.

    Args:
        kind: of the sink, such as ``s3``.
        detail: why, as its receipt says.
        needed: the statement that allows it.
    """
    code, status = code_and_status(detail)
    if code in _DENIED or (not code and status == 403):  # noqa: PLR2004 - HTTP's own number
        return f"allow the function's role {needed}; and look for a Deny, which would win"
    if code in _MISSING:
        thing = {"s3": "bucket", "firehose": "stream"}.get(kind, "log group")
        return f"make the {thing}, or correct the name; the role needs {needed}"
    todo = todo_for_aws(code, detail)
    if code == "PermanentRedirect":
        todo = "the bucket is in another region: set AWS_REGION, or use a bucket of this one"
    elif "KMS" in code:
        todo = (
            "allow the role to use the key it is encrypted with: kms:GenerateDataKey, kms:Decrypt"
        )
    elif detail in {"too-old", "too-new", "expired"}:
        todo = "the clock of this machine is off, or the group keeps events for less than that"
    return todo or f"try again later; if it stays so, look that the role has {needed}"


_CHANGES = {
    300: "the address has moved, and redirections are not followed: correct it",
    400: "the other side cannot read it: is the form right (such as json+, loki+ or otlp+ before https:)?",
    401: "it wants another authorization: correct {variable}_HEADERS",
    403: "it wants another authorization, or does not allow this: correct {variable}_HEADERS",
    404: "nothing is there: correct the path in {variable}",
    405: "nothing takes a POST there: correct the path in {variable}",
    407: "the proxy wants an authorization: correct HTTPS_PROXY",
    413: "it takes less in one request: allow it 1 MiB",
    415: "it takes another form: put json+, loki+, otlp+ or the like before https:",
    429: "it has too much to do: try again later, and look at its limits",
}


def todo_for_url(variable: str, detail: str) -> str:
    """Gives what to do about a sink that is a URL, named by a variable without its prefix."""
    _, status = code_and_status(detail)
    if status:
        kind = 300 if 300 <= status < 400 else 400 if status == 422 else status  # noqa: PLR2004
        change = _CHANGES.get(kind, "the other side is in trouble: look there, and try again")
        return change.format(variable=PREFIX + variable)
    if detail.startswith("a header"):
        return f"correct {PREFIX}{variable}_HEADERS"
    return _todo_for_network(detail, PREFIX + variable) or f"correct {PREFIX}{variable}"


def _todo_for_network(detail: str, variable: str) -> str:
    """Gives what to do where there was no answer; empty if that is not what it was."""
    no_way = (
        "the function needs a way there: a NAT gateway or a private endpoint, if it is in a VPC"
    )
    for beginning, todo in (
        (
            "the name cannot be resolved",
            f"correct the host in {variable}; in a VPC, look at its DNS",
        ),
        ("timed out connecting", f"{no_way}, and a security group that lets it out"),
        ("there is no way", no_way),
        ("timed out", "it takes too long to answer: look there, and at what is in between"),
        ("no answer", "it takes too long to answer: look there, and at what is in between"),
        ("connection refused", f"nothing listens there: correct host and port in {variable}"),
        (
            "the certificate is for",
            f"correct the host in {variable}: its certificate is for another",
        ),
        ("the certificate", "name the authority that signed it in SSL_CERT_FILE, or renew it"),
        (
            "the other side does not speak TLS",
            f"begin with http: in {variable}, or correct the port",
        ),
        ("the TLS handshake failed", "the other side wants another version of TLS: look there"),
        ("the connection was lost", "the other side hung up: look there"),
        ("the answer is not HTTP", f"correct the port in {variable}"),
        ("the proxy", "correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
        ("the environment's proxy", "correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
        ("the certificates to trust", "correct SSL_CERT_FILE, SSL_CERT_DIR or AWS_CA_BUNDLE"),
        ("the address is none", f"correct {variable}"),
        ("the AWS endpoint", f"correct {variable}"),
        ("no connection", f"correct {variable}"),
    ):
        if detail.startswith(beginning):
            return todo
    return ""
