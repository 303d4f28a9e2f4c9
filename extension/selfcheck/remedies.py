"""Advise what to change when a reference or a sink fails.

Promises: where AWS denies something, the advice holds the IAM statement that allows it. Assumes the error codes of AWS's
API references. Pure; only ``--check`` loads it.
"""

import json
import re
from collections.abc import Mapping
from enum import Enum

from extension import PREFIX
from extension.aws.accounts import OTHER_ACCOUNT
from extension.aws.endpoints import partition_of, region_of
from extension.aws.errors import Missing
from extension.config.parsers import kind_of_sink
from extension.model.aws_targets import (
    LAMBDAS_STREAMS,
    OWN_GROUP_PREFIX,
    Arn,
    S3Target,
    default_log_group,
    is_own_log_group,
    read_log_group,
    read_s3,
    read_stream,
)
from extension.transport.errors import Reason

NO_ANSWER = "no answer in time"
"""Detail of a try that did not end within its time."""

_NO_WAY = "the function needs a way there: a NAT gateway or a private endpoint, if it is in a VPC"
_SLOW = "it takes too long to answer: look there, and at what is in between"
_BAD_HOST = "correct the host in {variable}: its certificate is for another"
_BAD_CERTIFICATE = "name the authority that signed it in SSL_CERT_FILE, or renew it"
_BAD_PROXY = "correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the host in NO_PROXY"
_CREDENTIALS = "run the check where the function runs, or with its credentials in AWS_ACCESS_KEY_ID and the like"

ADVICE = {
    Reason.CONNECT_TIMEOUT: f"{_NO_WAY}, and a security group that lets it out",
    Reason.SEND_TIMEOUT: _SLOW,
    Reason.ANSWER_TIMEOUT: _SLOW,
    Reason.NAME_UNKNOWN: "correct the host in {variable}; in a VPC, look at its DNS",
    Reason.NAME_TIMEOUT: "look at the DNS of the VPC: it does not answer",
    Reason.CONNECTION_REFUSED: "nothing listens there: correct host and port in {variable}",
    Reason.NO_ROUTE: _NO_WAY,
    Reason.NO_CONNECTION: "correct {variable}",
    Reason.CONNECTION_LOST: "the server hung up: look there",
    Reason.NOT_HTTP: "correct the port in {variable}",
    Reason.ONLY_INFORMATIONAL: "the server misbehaves: look there",
    Reason.SERVER_ERROR: "look at the server, and try again",
    Reason.CERTIFICATE_NOT_YET_VALID: _BAD_CERTIFICATE,
    Reason.CERTIFICATE_EXPIRED: _BAD_CERTIFICATE,
    Reason.CERTIFICATE_FOR_OTHER_NAME: _BAD_HOST,
    Reason.CERTIFICATE_FOR_OTHER_ADDRESS: _BAD_HOST,
    Reason.CERTIFICATE_UNTRUSTED: _BAD_CERTIFICATE,
    Reason.NOT_TLS: "begin with http: in {variable}, or correct the port",
    Reason.TLS_FAILED: "the server wants another version of TLS: look there",
    Reason.AUTHORITIES_UNREADABLE: "correct SSL_CERT_FILE, SSL_CERT_DIR or AWS_CA_BUNDLE",
    Reason.PROXY_REFUSED: _BAD_PROXY,
    Reason.PROXY_UNUSABLE: _BAD_PROXY,
    Reason.URL_INVALID: "correct {variable}",
    Reason.HEADER_INVALID: "correct the headers",
    Missing.REGION: "set AWS_REGION to the function's region",
    Missing.PARTITION: "name a thing of the region's own partition: credentials count in one partition alone",
    Missing.CREDENTIALS: _CREDENTIALS,
    Missing.USABLE_CREDENTIALS: _CREDENTIALS,
    Missing.PARAMETER: "make it, or correct the name",
}
"""What to change, by reason; ``{variable}`` names the variable that holds the address."""

_REASONS: dict[str, Enum] = {reason.value: reason for reason in ADVICE}


def reason_in(detail: str) -> Enum | None:
    """Find the reason in the detail of a receipt, between an action and more words."""
    return next((_REASONS[part] for part in detail.split(": ") if part in _REASONS), None)


def group_of(url: str, environ: Mapping[str, str]) -> str:
    """Return the log group of a ``cloudwatch:`` sink."""
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    named = read_log_group(url.partition(":")[2]).name
    return named or default_log_group(url, function=function, environ=environ)


def is_nameless(url: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a sink is the log group with the function's name, and the function is not known."""
    is_default = (
        kind_of_sink(url) == "cloudwatch" and not read_log_group(url.partition(":")[2]).name
    )
    return is_default and not environ.get("AWS_LAMBDA_FUNCTION_NAME")


def own_group_of(environ: Mapping[str, str]) -> str:
    """Return the log group that Lambda writes to; empty if the function is not known."""
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    return environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "") or (function and f"/aws/lambda/{function}")


def needed_for(url: str, environ: Mapping[str, str]) -> str:
    """Return the IAM statement that a sink of AWS needs."""
    kind, rest = kind_of_sink(url), url.partition(":")[2]
    if kind == "s3":
        return _needed_for_put(read_s3(rest.removeprefix("//")), environ)
    if kind == "firehose":
        name, arn = read_stream(rest)
        actions, resources = "firehose:PutRecordBatch", [f"deliverystream/{name}"]
    else:
        arn, group = read_log_group(rest).arn, group_of(url, environ)
        actions = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"
        streams = f"log-stream:{OWN_GROUP_PREFIX}*" if is_own_log_group(url) else "*"
        resources = [f"log-group:{group}", f"log-group:{group}:{streams}"]
    if arn is None:
        return statement(environ, actions, *resources)
    return _written(actions, *(_text(arn._replace(resource=one)) for one in resources))


def deny_of_lambdas_streams(group: str, environ: Mapping[str, str]) -> str:
    """Return the IAM statement that keeps Lambda out of a log group, and the recorder in it."""
    actions, streams = "logs:CreateLogStream logs:PutLogEvents", f"log-stream:{LAMBDAS_STREAMS}"
    return statement(environ, actions, f"log-group:{group}:{streams}", effect="Deny")


def _needed_for_put(target: S3Target, environ: Mapping[str, str]) -> str:
    place = f"accesspoint/{target.bucket}/object" if target.is_access_point else target.bucket
    keys = "/".join(filter(None, [place, target.prefix, "*"]))
    if target.arn is None:
        return statement(environ, "s3:PutObject", keys)
    return _written("s3:PutObject", _text(target.arn._replace(resource=keys)))


def _text(arn: Arn) -> str:
    return ":".join(("arn", *arn))


def statement(
    environ: Mapping[str, str], actions: str, *resources: str, effect: str = "Allow"
) -> str:
    """Return an IAM statement on actions of one service and resources of the function's region and account."""
    region = region_of(environ)
    service = actions.partition(":")[0]
    # The ARN of a bucket has neither region nor account.
    place = ":" if service == "s3" else f"{region or '*'}:*"
    partition = partition_of(region).name
    arns = (f"arn:{partition}:{service}:{place}:{one}" for one in resources)
    return _written(actions, *arns, effect=effect)


def _written(actions: str, *arns: str, effect: str = "Allow") -> str:
    """Write a statement (AWS: IAM JSON policy elements)."""
    meant = {"Action": actions.split(), "Resource": [*arns]}
    short = {name: several if several[1:] else several[0] for name, several in meant.items()}
    return json.dumps({"Effect": effect, **short})


_CODE = re.compile(r"(?:([A-Z][A-Za-z0-9.]+) \()?status (\d{3})")
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled"})
"""Error codes of missing permissions."""
_OF_BUCKET = (
    ". A bucket's policy may want encryption: add ?sse=aws:kms (with &kms-key-id=) or ?sse=AES256 to the sink. With"
    " ?owner= another account's bucket is denied as well"
)
_MISSING = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
_BAD_KEYS = """ExpiredToken ExpiredTokenException IncompleteSignature InvalidAccessKeyId InvalidClientTokenId
    InvalidSignatureException InvalidToken SignatureDoesNotMatch UnrecognizedClientException"""


def code_and_status(detail: str) -> tuple[str, int]:
    """Parse the error code and the HTTP status in the detail of a receipt; empty and 0 if it holds none."""
    match = _CODE.search(detail)
    return (match[1] or "", int(match[2])) if match else ("", 0)


def todo_for_aws(code: str, detail: str) -> str:
    """Return the advice for failures that any AWS service may have; empty for another failure."""
    if code in _BAD_KEYS.split():
        return "these credentials are not accepted: run the check with the function's own, where the function runs"
    return _todo_for_reason(detail, "AWS_ENDPOINT_URL, if that is set")


def todo_for_aws_sink(kind: str, detail: str, *, needed: str) -> str:
    """Return the advice for a sink of AWS that did not take a record; ``needed`` is its IAM statement."""
    code, status = code_and_status(detail)
    if detail.startswith(OTHER_ACCOUNT):
        return "name a log group or a stream of the function's own account, from where a subscription may go on"
    if code in DENIED or (not code and status == 403):  # noqa: PLR2004 - HTTP's own number
        todo = f"allow the function's role {needed}; and look for a Deny, which would win"
        return todo + _OF_BUCKET if kind == "s3" else todo
    if code in _MISSING:
        thing = {"s3": "bucket", "firehose": "stream"}.get(kind, "log group")
        return f"make the {thing}, or correct the name; the role needs {needed}"
    todo = todo_for_aws(code, detail)
    if kind == "s3" and status == 400:  # noqa: PLR2004 - HTTP's own number
        todo = "the bucket does not take such an object: look at its encryption, its Object Lock and the length of the prefix"
    if code == "PermanentRedirect":
        todo = "the bucket is in another region, which S3 did not name: use a bucket of this one"
    elif "KMS" in code:
        todo = (
            "allow the role to use the key it is encrypted with: kms:GenerateDataKey, kms:Decrypt"
        )
    elif detail in {"too-old", "too-new", "expired"}:
        todo = "the clock of this machine is off, or the group keeps events for less than that"
    return todo or f"try again later; if it stays so, look that the role has {needed}"


_CHANGES = {
    300: "the address has moved, and redirections are not followed: correct it",
    400: "the server cannot read it: is the form right (such as json+, loki+ or otlp+ before https:)?",
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
    """Return the advice for a sink that is a URL; ``variable`` names it, without the prefix."""
    _, status = code_and_status(detail)
    if status:
        kind = 300 if 300 <= status < 400 else 400 if status == 422 else status  # noqa: PLR2004
        change = _CHANGES.get(kind, "the server is in trouble: look there, and try again")
        return change.format(variable=PREFIX + variable)
    if reason_in(detail) is Reason.HEADER_INVALID:
        return f"correct {PREFIX}{variable}_HEADERS"
    return _todo_for_reason(detail, PREFIX + variable) or f"correct {PREFIX}{variable}"


def _todo_for_reason(detail: str, variable: str) -> str:
    """Return the advice for the reason in a detail; empty if it holds none."""
    if detail == NO_ANSWER:
        return _SLOW
    reason = reason_in(detail)
    return ADVICE[reason].format(variable=variable) if reason else ""
